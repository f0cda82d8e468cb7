package emulator

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/fault"
)

// Filter says which calls of a Journal are meant. What is left out fits all; a * in a
// text stands for any characters.
type Filter struct {
	Path    string `json:"path,omitempty"`
	AppID   string `json:"appid,omitempty"`
	Program string `json:"program,omitempty"` // of the account
	OpenID  string `json:"openid,omitempty"`  // that the request names
	Body    string `json:"body,omitempty"`    // a part of the request's body
	Code    *int   `json:"errcode,omitempty"`
	Rule    string `json:"rule,omitempty"` // of the fault plan, that struck
}

// test is one condition of a Filter.
type test struct {
	what string // names it and what it wants
	got  func(*Entry) string
	fits func(*Entry) bool
}

func (f Filter) tests() (all []test) {
	text := func(name, want string, got func(*Entry) string) {
		if want != "" {
			p := fault.Pattern(want)
			all = append(all, test{name + " " + want, got, func(e *Entry) bool { return p == nil || p.MatchString(got(e)) }})
		}
	}
	text("path", f.Path, func(e *Entry) string { return e.Path })
	text("appid", f.AppID, func(e *Entry) string { return e.AppID })
	text("program", f.Program, func(e *Entry) string { return e.Program })
	text("rule", f.Rule, func(e *Entry) string { return e.Rule })
	if f.OpenID != "" {
		word := regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(f.OpenID) + `($|[^\w-])`)
		all = append(all, test{"openid " + f.OpenID, func(e *Entry) string { return beginning(e.Query + " " + e.Request) }, func(e *Entry) bool {
			return word.MatchString(e.Query) || word.MatchString(e.Request)
		}})
	}
	if f.Body != "" {
		all = append(all, test{"body " + f.Body, func(e *Entry) string { return beginning(e.Request) }, func(e *Entry) bool { return strings.Contains(e.Request, f.Body) }})
	}
	if f.Code != nil {
		all = append(all, test{fmt.Sprintf("errcode %d", *f.Code), func(e *Entry) string { return fmt.Sprint(e.Code) }, func(e *Entry) bool { return e.Code == *f.Code }})
	}
	return all
}

func beginning(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

func (f Filter) compile() func(*Entry) bool {
	tests := f.tests()
	return func(e *Entry) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return !t.fits(e) })
	}
}

// Expectation is how often calls are to have come.
type Expectation struct {
	Match Filter `json:"match"`
	Times *int   `json:"times,omitempty"` // exactly
	Least *int   `json:"at_least,omitempty"`
	Most  *int   `json:"at_most,omitempty"`
}

// Verdict is whether they did.
type Verdict struct {
	OK      bool   `json:"ok"`
	Count   int    `json:"count"`
	Want    string `json:"want"`
	Nearest []Near `json:"nearest,omitempty"` // where it is not OK: calls that nearly fit, the nearest first
}

// Near is a call that fits in part.
type Near struct {
	Call    Entry    `json:"call"`
	Differs []string `json:"differs"` // what was wanted, and what there is
}

// nearest is how many calls are shown that nearly fit.
const nearest = 3

var errNothingExpected = mpblock.NewError(mpblock.Invalid, "verify.times", "nothing says how often the calls are to have come: give times, at_least or at_most")

// Verify counts the calls of the journal against an expectation.
func (j *Journal) Verify(x Expectation) (Verdict, error) {
	if x.Times == nil && x.Least == nil && x.Most == nil {
		return Verdict{}, errNothingExpected
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	v := Verdict{OK: true, Want: x.String()}
	tests := x.Match.tests()
	var near []Near
	for i := range j.entries {
		e := &j.entries[i]
		var differs []string
		for _, t := range tests {
			if !t.fits(e) {
				differs = append(differs, fmt.Sprintf("want %s, got %s", t.what, cmp.Or(t.got(e), "none")))
			}
		}
		if differs == nil {
			v.Count++
		} else if len(differs) < len(tests) || len(tests) == 1 {
			near = append(near, Near{*e, differs})
		}
	}
	v.OK = (x.Times == nil || v.Count == *x.Times) && (x.Least == nil || v.Count >= *x.Least) && (x.Most == nil || v.Count <= *x.Most)
	if !v.OK {
		slices.SortStableFunc(near, func(a, b Near) int {
			return cmp.Or(len(a.Differs)-len(b.Differs), cmp.Compare(b.Call.N, a.Call.N))
		})
		v.Nearest = near[:min(len(near), nearest)]
	}
	return v, nil
}

// String returns the expectation in words.
func (x Expectation) String() string {
	var parts []string
	for _, p := range []struct {
		words string
		n     *int
	}{{"exactly %d", x.Times}, {"at least %d", x.Least}, {"at most %d", x.Most}} {
		if p.n != nil {
			parts = append(parts, fmt.Sprintf(p.words, *p.n))
		}
	}
	s := strings.Join(parts, " and ") + " calls"
	if strings.HasSuffix(s, " 1 calls") {
		s = strings.TrimSuffix(s, "s")
	}
	for i, t := range x.Match.tests() {
		s += map[bool]string{true: " with ", false: ", "}[i == 0] + t.what
	}
	return s
}
