package platform

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/source"
)

// settingsPage is how an account on the platform is set.
type settingsPage struct {
	web.Frame
	Paths           string // of calls that are passed on, one a line
	Fresh           bool
	Day, Minute     string // most calls; "": no limit
	MirrorFollowers bool
	AnyPrefix       bool
	Prefix          string // that the account's OpenIDs begin with
	URL             string // of where the list lies
	Now             string // where tokens come from
	Tokens          tokensForm
}

func (v visit) settings() error {
	s, err := v.Desk.Platform(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p := &settingsPage{
		Fresh: s.Fresh, Day: limit(s.Limits.Day), Minute: limit(s.Limits.Minute), MirrorFollowers: s.MirrorFollowers,
		AnyPrefix: v.Account.AnyPrefix, Paths: strings.Join(s.Paths, "\n"),
	}
	return v.settingsPage(http.StatusOK, p)
}

func (v visit) settingsPage(status int, p *settingsPage) error {
	s, err := v.Desk.Platform(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p.URL = cmp.Or(v.Once(keyURL), s.BaseURL)
	p.Prefix, p.Now, p.Tokens = v.Account.Prefix.Begins(), v.source(s.Tokens), v.tokensForm(source.Spec{})
	return v.Page(status, "upstream", v.Say(msg("upstream.title"), web.NameOf(v.Account)), p)
}

// set changes how the lists are read, and what is passed on.
func (v visit) set() error {
	p := &settingsPage{
		Fresh: v.Field("fresh") != "", MirrorFollowers: v.Field("followers") != "", AnyPrefix: v.Field("any-prefix") != "",
		Paths: v.R.PostForm.Get("paths"), Day: v.Field("day"), Minute: v.Field("minute"),
	}
	to := upstream.Settings{Fresh: &p.Fresh, MirrorFollowers: &p.MirrorFollowers, Allow: strings.Fields(p.Paths), Forbid: []string{"all"}}
	limits, err := p.limits(v)
	if err == nil {
		err = v.Desk.SetPlatform(v.Ctx(), v.Account.AppID, to)
	}
	if err == nil {
		err = v.Desk.SetLimits(v.Ctx(), v.Account.AppID, limits)
	}
	if err == nil {
		err = v.Desk.SetAnyPrefix(v.Ctx(), v.Account.AppID, p.AnyPrefix)
	}
	if err != nil {
		var e *mpblock.Error
		if errors.As(err, &e) && e.Kind == mpblock.Forbidden { // a path that nobody may have passed on
			err = web.Invalid(v.Lang.Refused(e))
		}
		return v.Again(err, func(status int) error { return v.settingsPage(status, p) })
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See(v.setAddress())
}

// limit is a limit as the form has it.
func limit(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// limits are those that were entered.
func (p *settingsPage) limits(v visit) (l budget.Limits, err error) {
	for text, into := range map[*string]*int{&p.Day: &l.Day, &p.Minute: &l.Minute} {
		if *text == "" {
			continue
		}
		if *into, err = strconv.Atoi(*text); err != nil || *into < 0 {
			return l, web.Invalid(v.Say(msg("account.number"), *text))
		}
	}
	return l, nil
}

func (v visit) setAddress() string { return "/accounts/" + string(v.Account.AppID) + "/platform" }

// keyURL is where the session keeps a base URL that was refused.
const keyURL = "platform.url"

// move has the list lie elsewhere, or tokens come from elsewhere, once that has been tried.
// Where the list has come to lie is examined and read at once.
func (v visit) move() error {
	tokens := v.tokens(source.Spec{})
	at, err := v.baseURL()
	switch {
	case err != nil:
	case tokens.Kind() == "":
		err = web.Invalid(v.Say(msg("join.tokens.empty")))
	default:
		err = tokens.Check()
	}
	moved := false
	if err == nil {
		moved, err = v.Desk.MovePlatform(v.Ctx(), v.Account.AppID, at, tokens)
	}
	switch {
	case err != nil:
		v.Keep(keyURL, at)
		v.tellRefused(err)
		return v.See(v.setAddress() + "#tokens")
	case !moved:
		v.Tell("good", v.Say(msg("upstream.tokens.done")))
		return v.See(v.setAddress())
	}
	v.Tell("good", v.Say(msg("upstream.moved"), at))
	r, err := v.Desk.Examine(v.Ctx(), v.Account.AppID)
	if err != nil {
		return v.done(err, "", "")
	}
	if r.Blocked > soonRead {
		return v.See(v.address())
	}
	return v.sync()
}
