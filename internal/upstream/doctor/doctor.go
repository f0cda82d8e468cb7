// Package doctor finds out what of an account on the real platform works: it makes each
// call once that changes nothing, and says what is refused, why, and what to do.
//
// A Report is a value: keys and arguments, whose words whoever shows it has, in his
// language. It holds no secret, no token and no OpenID.
package doctor

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/client"
)

// State is how a check went.
type State string

// How a check went.
const (
	OK      State = "ok"
	Warning State = "warning" // refused, and what is needed works without it
	Failed  State = "failed"
	Skipped State = "skipped" // not asked, since what it needs was refused
)

// Check is what came of one call.
type Check struct {
	Call  string   `json:"call"` // token, or the name of a call
	State State    `json:"state"`
	Key   string   `json:"key"`            // of its words: one of Keys, or of an error of a source of tokens
	Args  []string `json:"args,omitempty"` // of its words
	Code  int      `json:"code,omitempty"` // the platform's
	RID   string   `json:"rid,omitempty"`  // likewise
	Text  string   `json:"text,omitempty"` // its words in English, as far as a command has put them in
}

// Quota is how often a call may be made on a day, as the platform says.
type Quota struct {
	Call  string `json:"call"`
	Daily int    `json:"daily"`
	Used  int    `json:"used"`
	Left  int    `json:"left"`

	Minute int `json:"minute,omitempty"` // how often it may be made in a minute; 0: not said
}

// Report is what an examination has found.
type Report struct {
	AppID     mpblock.AppID `json:"appid"`
	At        time.Time     `json:"at"`
	BaseURL   string        `json:"base_url"`
	Tokens    string        `json:"tokens"` // where they come from
	Checks    []Check       `json:"checks"`
	Blocked   int           `json:"blocked"`
	Followers int           `json:"followers"`
	Page      int           `json:"page,omitempty"`   // OpenIDs in a page of the blacklist; 0: it has one page
	Prefix    string        `json:"prefix,omitempty"` // of its OpenIDs
	Quotas    []Quota       `json:"quotas,omitempty"`

	// Addresses are those that the platform has refused calls from, by code 40164, in
	// this and in earlier reports: each is to be on the account's allow-list.
	Addresses []string `json:"addresses,omitempty"`
}

// State returns the worst of its checks.
func (r Report) State() State {
	worst := OK
	for _, c := range r.Checks {
		if c.State == Failed || c.State == Warning && worst == OK {
			worst = c.State
		}
	}
	return worst
}

// quotaOf are the calls whose quotas are asked for.
var quotaOf = []string{
	"/cgi-bin/tags/members/getblacklist", "/cgi-bin/tags/members/batchblacklist", "/cgi-bin/tags/members/batchunblacklist",
	"/cgi-bin/user/get", "/cgi-bin/user/info",
}

// addressTries is how often a token is asked for where the address is refused: behind
// some networks it is another from call to call.
const addressTries = 3

// Examine makes each call that changes nothing once. The client is to try nothing again.
func Examine(ctx context.Context, c *client.Client) Report {
	var r Report
	_, err := c.Token(ctx)
	r.note("token", Failed, err, "doctor.token")
	for range addressTries - 1 {
		if !errors.Is(err, client.ErrIPNotAllowed) {
			break
		}
		_, err = c.Token(ctx)
		r.addresses(err)
	}
	if r.Checks[0].State != OK {
		for _, call := range []string{"getblacklist", "user/get", "user/info", "openapi/quota/get"} {
			r.Checks = append(r.Checks, Check{Call: call, State: Skipped, Key: "doctor.skipped.token"})
		}
		return r
	}
	someone := r.list(ctx, c)
	someone = r.followers(ctx, c, someone)
	r.user(ctx, c, someone)
	r.quotas(ctx, c)
	return r
}

func (r *Report) list(ctx context.Context, c *client.Client) (someone client.OpenID) {
	p, err := c.List(ctx, "")
	r.Blocked = p.Total
	if p.Total > len(p.OpenIDs) {
		r.Page = len(p.OpenIDs)
	}
	if err == nil && len(p.OpenIDs) == 0 && p.Total > 0 {
		r.Checks = append(r.Checks, Check{Call: "getblacklist", State: Failed, Key: "doctor.empty", Args: []string{strconv.Itoa(p.Total)}})
		return ""
	}
	r.note("getblacklist", Failed, err, "doctor.list", strconv.Itoa(p.Total))
	return r.learn(p)
}

func (r *Report) followers(ctx context.Context, c *client.Client, someone client.OpenID) client.OpenID {
	p, err := c.Followers(ctx, "")
	r.Followers = p.Total
	r.note("user/get", Warning, err, "doctor.followers", strconv.Itoa(p.Total))
	if one := r.learn(p); one != "" {
		return one
	}
	return someone
}

// learn takes the prefix from a page, and returns one of its OpenIDs.
func (r *Report) learn(p client.Page) (someone client.OpenID) {
	for _, id := range p.OpenIDs {
		someone = id
		if own, err := mpblock.ParseOpenID(string(id)); err == nil {
			r.Prefix = own.Prefix().String()
			break
		}
	}
	return someone
}

func (r *Report) user(ctx context.Context, c *client.Client, someone client.OpenID) {
	if someone == "" {
		r.Checks = append(r.Checks, Check{Call: "user/info", State: Skipped, Key: "doctor.skipped.nobody"})
		return
	}
	var ignored struct{}
	r.note("user/info", Warning, c.Read(ctx, "user/info?openid="+url.QueryEscape(string(someone)), nil, &ignored), "doctor.user")
}

func (r *Report) quotas(ctx context.Context, c *client.Client) {
	for _, path := range quotaOf {
		var a struct {
			Quota struct {
				Limit  int `json:"daily_limit"`
				Used   int `json:"used"`
				Remain int `json:"remain"`
			} `json:"quota"`
			Rate struct {
				Calls   int `json:"call_count"`
				Seconds int `json:"refresh_second"`
			} `json:"rate_limit"`
		}
		if err := c.Read(ctx, "openapi/quota/get", map[string]string{"cgi_path": path}, &a); err != nil {
			r.note("openapi/quota/get", Warning, err, "")
			return
		}
		q := Quota{Call: path, Daily: a.Quota.Limit, Used: a.Quota.Used, Left: a.Quota.Remain}
		if r := a.Rate; r.Calls > 0 && r.Seconds > 0 {
			q.Minute = max(r.Calls*60/r.Seconds, 1)
		}
		if r.Quotas = append(r.Quotas, q); q.Left == 0 && q.Daily > 0 {
			r.Checks = append(r.Checks, Check{Call: path, State: Warning, Key: "doctor.spent", Args: []string{path}})
		}
	}
	r.note("openapi/quota/get", OK, nil, "doctor.quotas")
}

// note adds what came of a call: bad is how bad it is where there is an error, key the
// words where there is none.
func (r *Report) note(call string, bad State, err error, key string, args ...string) {
	c := Check{Call: call, State: OK, Key: key, Args: args}
	if err != nil {
		c = explain(err)
		c.Call, c.State = call, bad
		if c.Code == addressRefused {
			if found := r.addresses(err); len(found) > 0 {
				c.Key, c.Args = "doctor.address", []string{strings.Join(found, ", ")}
			}
		}
	}
	r.Checks = append(r.Checks, c)
}

var addressShape = regexp.MustCompile(`[0-9a-fA-F:.]{3,}`)

// addresses keeps those that a refusal names, and returns them.
func (r *Report) addresses(err error) (found []string) {
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != addressRefused {
		return nil
	}
	for _, text := range addressShape.FindAllString(refused.Message, -1) {
		if a, err := netip.ParseAddr(text); err == nil {
			found = add(found, a.Unmap().String())
		}
	}
	for _, a := range found {
		r.Addresses = add(r.Addresses, a)
	}
	return found
}

// maxAddresses is how many addresses a report keeps.
const maxAddresses = 20

func add(all []string, address string) []string {
	if slices.Contains(all, address) || len(all) == maxAddresses {
		return all
	}
	return append(all, address)
}

// Earlier takes over the addresses of a report before.
func (r *Report) Earlier(before Report) {
	for _, a := range before.Addresses {
		r.Addresses = add(r.Addresses, a)
	}
}
