// Package seed has what an emulator begins with: accounts, followers, blacklists with
// reasons, quotas and remarks. A seed is YAML:
//
//	accounts:
//	- appid: wx0123456789abcdef
//	  secret: 0123456789abcdef0123456789abcdef
//	  followers: 1000
//	  daily: {batchblacklist: 500}
//	  blacklist:
//	  - {reason: spam, by: zhang.san, count: 20}
//
// or NDJSON, for what is large, and which Write writes: a line {"account": {…}} begins an
// account, and each line behind it is one OpenID of it.
package seed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mpblock"
	"mpblock/internal/strict"
)

// Seed is what there is at the beginning.
type Seed struct {
	Accounts []Account `yaml:"accounts" json:"accounts"`
}

// Account is an account and its lists. What is left out is chosen; OpenIDs and, unless
// it is given, MintKey are then the same in each run.
type Account struct {
	AppID      string `yaml:"appid"       json:"appid,omitempty"`
	Name       string `yaml:"name"        json:"name,omitempty"`
	Secret     string `yaml:"secret"      json:"secret,omitempty"`      // 32 hexadecimal digits
	SecretHash string `yaml:"secret_hash" json:"secret_hash,omitempty"` // of it, 64 digits: in place of Secret, which no store keeps
	Prefix     string `yaml:"prefix"      json:"prefix,omitempty"`      // of its OpenIDs: 8 hexadecimal digits, or an OpenID of it
	MintKey    string `yaml:"mint_key"    json:"mint_key,omitempty"`    // 32 hexadecimal digits

	AnyFollower    bool           `yaml:"any_follower"    json:"any_follower,omitempty"`
	AllowIPs       []string       `yaml:"allow_ips"       json:"allow_ips,omitempty"`
	Denied         []string       `yaml:"denied"          json:"denied,omitempty"`     // calls that answer 48001
	Daily          map[string]int `yaml:"daily"           json:"daily,omitempty"`      // quotas, by call
	PerMinute      map[string]int `yaml:"per_minute"      json:"per_minute,omitempty"` // likewise
	Reasons        []string       `yaml:"reasons"         json:"reasons,omitempty"`
	ReasonRequired bool           `yaml:"reason_required" json:"reason_required,omitempty"`
	Retired        bool           `yaml:"retired"         json:"retired,omitempty"`

	Programs []Program `yaml:"programs" json:"programs,omitempty"`

	Followers Followers `yaml:"followers" json:"-"`
	Blacklist []Change  `yaml:"blacklist" json:"-"` // in the order of their times
	Remarks   []Remark  `yaml:"remarks"   json:"-"`
	Load      string    `yaml:"load"      json:"-"` // NDJSON of OpenIDs, beside the seed's own file
}

// Program is a program of an account.
type Program struct {
	Name       string   `yaml:"name"        json:"name"`
	Secret     string   `yaml:"secret"      json:"secret,omitempty"`      // 32 hexadecimal digits
	SecretHash string   `yaml:"secret_hash" json:"secret_hash,omitempty"` // of it, in place of Secret
	Scopes     []string `yaml:"scopes"      json:"scopes,omitempty"`      // all of them unless given
}

// Followers are so many that are minted, or those that are named.
type Followers struct {
	Count   int
	OpenIDs []string
}

// UnmarshalYAML implements yaml.NodeUnmarshaler. An error is a *strict.Mistake.
func (f *Followers) UnmarshalYAML(node ast.Node) error {
	text := []byte(node.String())
	if _, isList := node.(*ast.SequenceNode); isList {
		var list struct {
			All []string `yaml:"all"`
		}
		err := strict.Decode(append([]byte("all:\n"), text...), &list)
		f.OpenIDs = list.All
		return err
	}
	var n struct {
		N int `yaml:"n"`
	}
	if err := strict.Decode(append([]byte("n: "), text...), &n); err != nil || n.N < 0 {
		return &strict.Mistake{Line: node.GetToken().Position.Line, What: strict.Say("followers: want how many are minted, or a list of OpenIDs")}
	}
	f.Count = n.N
	return nil
}

// Change is one change of the blacklist: it blocks OpenIDs, or so many of the followers,
// in byte order, that no change before it has blocked.
type Change struct {
	Reason  string    `yaml:"reason"  json:"reason,omitempty"`
	By      string    `yaml:"by"      json:"by,omitempty"` // an operator; "": the API
	Time    time.Time `yaml:"time"    json:"time,omitzero"`
	Until   time.Time `yaml:"until"   json:"until,omitzero"` // when they are unblocked; none: never
	Count   int       `yaml:"count"   json:"count,omitempty"`
	OpenIDs []string  `yaml:"openids" json:"openids,omitempty"`
}

// Remark is what operators call an OpenID.
type Remark struct {
	OpenID string `yaml:"openid" json:"openid"`
	Name   string `yaml:"name"   json:"name,omitempty"`
	Remark string `yaml:"remark" json:"remark,omitempty"`
}

// line is a line of NDJSON: an account, or an OpenID of the account before it.
type line struct {
	Account *Account `json:"account,omitempty"`

	OpenID   string    `json:"openid,omitempty"`
	Follower bool      `json:"follower,omitempty"`
	Blocked  bool      `json:"blocked,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Name     string    `json:"name,omitempty"`
	Remark   string    `json:"remark,omitempty"`
}

// Load reads a seed from a file. An error names the file and the line.
func Load(name string) (Seed, error) {
	f, err := os.Open(name) //nolint:gosec // who starts the emulator names it
	if err != nil {
		return Seed{}, err
	}
	defer func() { _ = f.Close() }()
	s, err := Read(f, filepath.Dir(name))
	if err != nil {
		return Seed{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// Read reads a seed, YAML or NDJSON. Files that it loads lie in dir.
func Read(r io.Reader, dir string) (Seed, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(64); strings.HasPrefix(strings.Join(strings.Fields(string(head)), ""), `{"account":`) {
		var s Seed
		err := s.lines(b, nil)
		if err == nil {
			err = s.check(nil)
		}
		return s, err
	}
	text, err := io.ReadAll(b)
	if err != nil {
		return Seed{}, err
	}
	var s Seed
	if err := strict.Decode(text, &s); err != nil {
		return Seed{}, err
	}
	if err := s.check(text); err != nil {
		return Seed{}, err
	}
	for i := range s.Accounts {
		if name := s.Accounts[i].Load; name != "" {
			if err := s.load(filepath.Join(dir, name), &s.Accounts[i]); err != nil {
				return Seed{}, err
			}
		}
	}
	return s, nil
}

func (s *Seed) load(name string, a *Account) error {
	f, err := os.Open(name) //nolint:gosec // who starts the emulator names it
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := s.lines(f, a); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxLine is the longest line of NDJSON, in bytes: an account with all its settings fits.
const maxLine = 1 << 20

// lines reads NDJSON. Given an account, all is of that one.
func (s *Seed) lines(r io.Reader, to *Account) error {
	of := to
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	for n := 1; scan.Scan(); n++ {
		text := bytes.TrimSpace(scan.Bytes())
		if len(text) == 0 {
			continue
		}
		var l line
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			return &strict.Mistake{Line: n, What: strict.Say("%s", strings.TrimPrefix(err.Error(), "json: "))}
		}
		switch {
		case l.Account != nil && to != nil:
			return &strict.Mistake{Line: n, What: strict.Say("an account in a file of OpenIDs"), Fix: strict.Say("give the file itself as the seed")}
		case l.Account != nil:
			s.Accounts = append(s.Accounts, *l.Account)
			of = &s.Accounts[len(s.Accounts)-1]
		case of == nil:
			return &strict.Mistake{Line: n, What: strict.Say("an OpenID before any account"), Fix: strict.Say(`begin with {"account": {"appid": "wx…"}}`)}
		default:
			if _, err := mpblock.ParseOpenID(l.OpenID); err != nil {
				return &strict.Mistake{Line: n, What: strict.Say("%v", err)}
			}
			of.add(l)
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	return scan.Err()
}

// add takes an OpenID into the lists. Those that were blocked together stand together.
func (a *Account) add(l line) {
	if l.Follower {
		a.Followers.OpenIDs = append(a.Followers.OpenIDs, l.OpenID)
	}
	if l.Name != "" || l.Remark != "" {
		a.Remarks = append(a.Remarks, Remark{l.OpenID, l.Name, l.Remark})
	}
	if !l.Blocked {
		return
	}
	if n := len(a.Blacklist); n > 0 {
		if c := &a.Blacklist[n-1]; c.Reason == l.Reason && c.By == l.By && c.Time.Equal(l.Time) && c.Until.Equal(l.Until) && len(c.OpenIDs) < mpblock.MaxWrite {
			c.OpenIDs = append(c.OpenIDs, l.OpenID)
			return
		}
	}
	a.Blacklist = append(a.Blacklist, Change{Reason: l.Reason, By: l.By, Time: l.Time, Until: l.Until, OpenIDs: []string{l.OpenID}})
}

// check holds what can be told without a store. The text is for the lines of mistakes.
func (s *Seed) check(text []byte) error {
	for i := range s.Accounts {
		a := &s.Accounts[i]
		at := func(key string, err error) error {
			if err == nil {
				return nil
			}
			return &strict.Mistake{Line: strict.LineOf(text, fmt.Sprintf("$.accounts[%d].%s", i, key)), What: strict.Say("account %d: %s: %v", i+1, key, err)}
		}
		if a.AppID != "" {
			if _, err := mpblock.ParseAppID(a.AppID); err != nil {
				return at("appid", err)
			}
		}
		if a.Secret != "" && a.SecretHash != "" {
			return at("secret_hash", errors.New("there is a secret too"))
		}
		if len(a.Followers.OpenIDs) > 0 && a.Followers.Count > 0 {
			return at("followers", errors.New("they are either counted or named"))
		}
		for key, check := range map[string]func() error{
			"prefix":    func() error { _, err := a.prefix(); return err },
			"allow_ips": func() error { _, err := a.networks(); return err },
			"denied":    func() error { _, err := a.denied(); return err },
			"daily":     func() error { _, err := quotas(a.Daily); return err },
			"per_minute": func() error {
				_, err := quotas(a.PerMinute)
				return err
			},
			"followers": func() error { _, err := openids(a.Followers.OpenIDs); return err },
			"blacklist": func() error { return a.checkBlacklist(text == nil) },
			"programs":  func() error { return a.checkPrograms() },
		} {
			if err := at(key, check()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkBlacklist checks the changes. Of those that a program wrote the end may have passed.
func (a *Account) checkBlacklist(written bool) error {
	for n, c := range a.Blacklist {
		if c.Count < 0 || c.Count > 0 == (len(c.OpenIDs) > 0) {
			return fmt.Errorf("change %d: want either openids, or count", n+1)
		}
		if _, err := openids(c.OpenIDs); err != nil {
			return fmt.Errorf("change %d: %w", n+1, err)
		}
		if !written && !c.Until.IsZero() && !c.Until.After(c.Time) {
			return fmt.Errorf("change %d: until: want a time behind that of the change", n+1)
		}
	}
	return nil
}

func (a *Account) prefix() (*mpblock.Prefix, error) {
	if a.Prefix == "" {
		return nil, nil //nolint:nilnil // none is given
	}
	if id, err := mpblock.ParseOpenID(a.Prefix); err == nil {
		p := id.Prefix()
		return &p, nil
	}
	p, err := mpblock.ParsePrefix(a.Prefix)
	return &p, err
}

func (a *Account) networks() (all []netip.Prefix, err error) {
	for _, text := range a.AllowIPs {
		n, err := netip.ParsePrefix(text)
		if one, is := netip.ParseAddr(text); is == nil {
			n, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q: want 192.0.2.7 or 192.0.2.0/24", text)
		}
		all = append(all, n)
	}
	return all, nil
}

func (a *Account) denied() (all []mpblock.Call, err error) {
	for _, name := range a.Denied {
		c, err := mpblock.ParseCall(name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func quotas(by map[string]int) (map[mpblock.Call]int, error) {
	all := make(map[mpblock.Call]int, len(by))
	for name, n := range by {
		c, err := mpblock.ParseCall(name)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, fmt.Errorf("%s: %d is negative", name, n)
		}
		all[c] = n
	}
	return all, nil
}

func openids(texts []string) ([]mpblock.OpenID, error) {
	ids := make([]mpblock.OpenID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = mpblock.ParseOpenID(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// sorted returns the changes by time; those without one come first.
func (a *Account) sorted() []Change {
	return slices.SortedStableFunc(slices.Values(a.Blacklist), func(x, y Change) int { return x.Time.Compare(y.Time) })
}
