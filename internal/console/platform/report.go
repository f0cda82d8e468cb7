package platform

import (
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
)

// report is what an examination has found, in words.
type report struct {
	At                 i18n.Stamp
	State, Mood        string
	Checks             []check
	Quotas             []doctor.Quota
	Page               int
	Blocked, Followers int
	Begins             string   // what the account's OpenIDs begin with
	Addresses          []string // that the platform has refused
}

// check is one call.
type check struct {
	Call, State, Mood string
	Text              string
	Code              int
	RID               string
}

func reportOf(v *web.Visit, r doctor.Report) *report {
	all := &report{
		At: i18n.StampOf(r.At, v.Zone), Quotas: r.Quotas, Page: r.Page, Blocked: r.Blocked, Followers: r.Followers,
		Addresses: r.Addresses,
	}
	if p, err := mpblock.ParsePrefix(r.Prefix); err == nil {
		all.Begins = p.Begins()
	}
	switch r.State() {
	case doctor.Failed:
		all.State, all.Mood = v.Say(msg("report.failed")), "black"
	case doctor.Warning:
		all.State, all.Mood = v.Say(msg("report.warning")), "mind"
	case doctor.OK, doctor.Skipped:
		all.State, all.Mood = v.Say(msg("report.ok")), "good"
	}
	for _, c := range r.Checks {
		if c.Key == doctor.Secret && v.Account.AppID == "" {
			c.Key = doctor.AddedSecret
		}
		all.Checks = append(all.Checks, checkOf(v.Lang, c))
	}
	for i := range all.Quotas {
		all.Quotas[i].Call = strings.TrimPrefix(all.Quotas[i].Call, "/cgi-bin/")
	}
	return all
}

func checkOf(l i18n.Lang, c doctor.Check) check {
	one := check{Call: strings.TrimPrefix(c.Call, "/cgi-bin/"), Code: c.Code, RID: c.RID, Text: words(l, c)}
	switch c.State {
	case doctor.OK:
		one.State, one.Mood = l.Say(msg("check.ok")), "good"
	case doctor.Warning:
		one.State, one.Mood = l.Say(msg("check.warning")), "mind"
	case doctor.Failed:
		one.State, one.Mood = l.Say(msg("check.failed")), "black"
	case doctor.Skipped:
		one.State = l.Say(msg("check.skipped"))
	}
	return one
}

// words says what came of a call.
func words(l i18n.Lang, c doctor.Check) string {
	args := make([]any, len(c.Args))
	for i, a := range c.Args {
		args[i] = a
	}
	if !strings.HasPrefix(c.Key, "doctor.") {
		return l.Refused(&mpblock.Error{Key: c.Key, Args: args})
	}
	for i, a := range c.Args {
		if n, err := strconv.Atoi(a); err == nil {
			args[i] = n
		}
	}
	return l.Say(i18n.Msg(c.Key), args...)
}

// Explain says what a refusal of the platform means, and what to do.
func Explain(l i18n.Lang, e *mpblock.Error) string {
	if e.Key != "upstream.refused" || len(e.Args) == 0 {
		return ""
	}
	code, ok := e.Args[0].(int)
	if !ok {
		return ""
	}
	c := doctor.OfCode(code, "")
	if c.Key == "doctor.code" { // there is no more to be said than what it says itself
		return ""
	}
	if l == i18n.English {
		return " " + words(l, c)
	}
	return words(l, c)
}

// Refused says with which code the platform refuses something, and what that means.
func Refused(l i18n.Lang, code int) string {
	return l.Refused(&mpblock.Error{Key: "upstream.refused", Args: []any{code, ""}}) + Explain(l, &mpblock.Error{Key: "upstream.refused", Args: []any{code}})
}

// source says where tokens come from.
func (v visit) source(place string) string {
	kind, where, _ := strings.Cut(place, " ")
	switch kind {
	case "", source.StableToken: // the first records have no place
		return v.Say(msg("source.kind.stable"))
	case source.PlainToken:
		return v.Say(msg("source.kind.plain"))
	case source.FromURL:
		return v.Say(msg("source.kind.url"), where)
	case source.FromFile:
		return v.Say(msg("source.kind.file"), where)
	case source.FromRedis:
		return v.Say(msg("source.kind.redis"), where)
	}
	return place
}
