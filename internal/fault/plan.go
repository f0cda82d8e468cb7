// Package fault has fault plans: which calls of the API go wrong, and how. A plan is
// YAML or JSON:
//
//	seed: 7
//	ttl: 10m
//	rules:
//	- name: busy
//	  match: {path: "/cgi-bin/tags/members/*", nth: 3}
//	  effect: {errcode: -1}
//	- name: lost
//	  match: {path: "*/batchblacklist"}
//	  probability: 0.1
//	  effect: {lost_answer: cut}
//
// Parse reads one, whole or not at all; a Play plays it. The same calls in the same
// order meet the same faults, in any process: nothing is thrown but what the seed
// decides. What an effect does to a call is for internal/api to do.
package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mpblock/internal/strict"
)

// Plan is what goes wrong. The zero Plan bends nothing.
type Plan struct {
	About string   `yaml:"about,omitempty" json:"about,omitempty"` // for people
	Seed  uint64   `yaml:"seed,omitempty"  json:"seed,omitempty"`  // of all that is left to chance
	TTL   Duration `yaml:"ttl,omitempty"   json:"ttl,omitzero"`    // of the emulator's clock, after which the plan has ended; 0: never
	Rules []Rule   `yaml:"rules"           json:"rules"`           // the first one that strikes decides
}

// Rule strikes the calls that fit it.
type Rule struct {
	Name        string  `yaml:"name"                  json:"name"`
	Match       Match   `yaml:"match,omitempty"       json:"match,omitzero"`
	Probability float64 `yaml:"probability,omitempty" json:"probability,omitempty"` // of 0 to 1, with which a call that fits is struck; 0: it always is
	Window      Window  `yaml:"window,omitempty"      json:"window,omitzero"`
	Effect      Effect  `yaml:"effect"                json:"effect"`
}

// Match says which calls fit. What is left out fits all; a * in a text stands for any
// characters. The numbers count the calls that fit by all else, since the plan began;
// where several are given, all of them are to hold.
type Match struct {
	Path    string `yaml:"path,omitempty"    json:"path,omitempty"`
	AppID   string `yaml:"appid,omitempty"   json:"appid,omitempty"`
	Program string `yaml:"program,omitempty" json:"program,omitempty"` // of the account, that calls
	OpenID  string `yaml:"openid,omitempty"  json:"openid,omitempty"`  // one of those that the call names

	Nth   int `yaml:"nth,omitempty"   json:"nth,omitempty"`   // this one alone
	First int `yaml:"first,omitempty" json:"first,omitempty"` // so many from the beginning
	After int `yaml:"after,omitempty" json:"after,omitempty"` // all but so many
	Every int `yaml:"every,omitempty" json:"every,omitempty"` // each so-many-th, behind After
}

// Window is a stretch of the emulator's time, from when the plan began.
type Window struct {
	After Duration `yaml:"after,omitempty" json:"after,omitzero"`
	For   Duration `yaml:"for,omitempty"   json:"for,omitzero"` // 0: without end
}

// Effect is what happens to a call that is struck. Effects that do not contradict one
// another stand together.
type Effect struct {
	// Before the work, which is then not done.
	Errcode *int   `yaml:"errcode,omitempty" json:"errcode,omitempty"`
	Errmsg  string `yaml:"errmsg,omitempty"  json:"errmsg,omitempty"` // of Errcode; "": the platform's own
	HTTP    int    `yaml:"http,omitempty"    json:"http,omitempty"`   // the status of an answer that is not the API's
	Body    string `yaml:"body,omitempty"    json:"body,omitempty"`   // of HTTP
	// StaleToken is 40001 or 42001: the token that the call bears is dead from then on.
	StaleToken int  `yaml:"stale_token,omitempty" json:"stale_token,omitempty"`
	Quota      bool `yaml:"quota,omitempty"       json:"quota,omitempty"` // the day's quota of the call is used up: 45009

	// To the work.
	PageSize int   `yaml:"page_size,omitempty" json:"page_size,omitempty"` // OpenIDs a page has at most
	Drift    Drift `yaml:"drift,omitempty"     json:"drift,omitzero"`      // somebody else changes the list first

	// To the answer.
	Latency    Duration `yaml:"latency,omitempty"     json:"latency,omitzero"`
	Spread     Duration `yaml:"spread,omitempty"      json:"spread,omitzero"`       // Latency is so much more or less
	Reset      string   `yaml:"reset,omitempty"       json:"reset,omitempty"`       // before or after the work: the connection is reset
	LostAnswer string   `yaml:"lost_answer,omitempty" json:"lost_answer,omitempty"` // the work is done and its answer lost: cut, 502 or timeout
	Truncate   float64  `yaml:"truncate,omitempty"    json:"truncate,omitempty"`    // the part of the body that arrives, before the connection ends
	Malformed  bool     `yaml:"malformed,omitempty"   json:"malformed,omitempty"`   // the body is not JSON
	Slow       Rate     `yaml:"slow,omitempty"        json:"slow,omitempty"`        // the body drips
}

// Drift is how many entries somebody else blocks and unblocks.
type Drift struct {
	Block   int `yaml:"block,omitempty"   json:"block,omitempty"`
	Unblock int `yaml:"unblock,omitempty" json:"unblock,omitempty"`
}

// Values of Reset and LostAnswer.
const (
	Before  = "before"
	After   = "after"
	Cut     = "cut"
	Gateway = "502"
	Timeout = "timeout"
)

// Duration is a time.Duration that is written as 200ms, 10m or 7d.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	switch {
	case err != nil:
		return &Mistake{What: strict.Say("%q is no length of time", text), Fix: strict.Say("write 200ms, 30s, 10m or 7d")}
	case v < 0:
		return &Mistake{What: strict.Say("%q is negative", text)}
	}
	*d = Duration(v)
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// UnmarshalYAML implements yaml.NodeUnmarshaler. An error is a *Mistake.
func (d *Duration) UnmarshalYAML(node ast.Node) error { return strict.Value(node, d) }

// UnmarshalYAML implements yaml.NodeUnmarshaler. An error is a *Mistake.
func (r *Rate) UnmarshalYAML(node ast.Node) error { return strict.Value(node, r) }

// Rate is a number of bytes a second, written as 500B/s or 1KB/s.
type Rate int

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) {
	if r%1000 == 0 {
		return fmt.Appendf(nil, "%dKB/s", r/1000), nil
	}
	return fmt.Appendf(nil, "%dB/s", int(r)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	number, perSecond := strings.CutSuffix(strings.ReplaceAll(string(text), " ", ""), "B/s")
	number, kilo := strings.CutSuffix(number, "K")
	n, err := strconv.Atoi(number)
	if !perSecond || err != nil || n < 1 || n > 1_000_000 {
		return &Mistake{What: strict.Say("%q is no rate", text), Fix: strict.Say("write 500B/s or 1KB/s")}
	}
	if kilo {
		n *= 1000
	}
	*r = Rate(n)
	return nil
}
