package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// Visit is one request, and what is known of who makes it.
type Visit struct {
	W       http.ResponseWriter
	R       *http.Request
	Lang    i18n.Lang
	Zone    *time.Location
	Desk    *desk.Desk       // nil before logging in
	Account desk.AccountView // of pages about one

	site    *Site
	notices []Notice
	bare    bool // the request has no session: it was refused before one was read
}

func (s *Site) visit(w http.ResponseWriter, r *http.Request) *Visit {
	return &Visit{site: s, W: w, R: r, Lang: preferred(r), Zone: zoneOf(r)}
}

// Ctx returns the context of the request.
func (v *Visit) Ctx() context.Context { return v.R.Context() }

// Say returns a message in the language of the visitor.
func (v *Visit) Say(key msg, args ...any) string { return v.Lang.Say(key, args...) }

// WithDesk finds out who makes the request; nobody is sent to log in.
func WithDesk(h Handler) Handler {
	return func(v *Visit) error {
		if err := v.Sit(); err != nil {
			return err
		}
		if v.Desk.MustEnrol() && !strings.HasPrefix(v.R.URL.Path, "/me") {
			v.Tell("mind", v.Say(msg("me.second.required")))
			return v.See("/me")
		}
		return h(v)
	}
}

// Sit gives the visit its desk, or returns operators.ErrLoggedOut.
func (v *Visit) Sit() error {
	s, ok := v.site.sessions.Get(v.Ctx(), keySession).(operators.Session)
	if !ok {
		return operators.ErrLoggedOut
	}
	desk, err := v.site.Desks.Desk(v.Ctx(), s)
	if err != nil {
		return err
	}
	v.Desk = desk
	switch desk.Operator().Language {
	case "zh":
		v.Lang = i18n.Chinese
	case "en":
		v.Lang = i18n.English
	}
	return nil
}

// WithAccount finds the account that the page is about.
func WithAccount(h Handler) Handler {
	return func(v *Visit) error {
		if err := v.FindAccount(); err != nil {
			return err
		}
		return h(v)
	}
}

// FindAccount finds the account that the address names.
func (v *Visit) FindAccount() error {
	app, err := mpblock.ParseAppID(v.R.PathValue("app"))
	if err != nil {
		return ErrMissing
	}
	if v.Account, err = v.Desk.Account(v.Ctx(), app); err != nil {
		return err
	}
	if v.R.Method == http.MethodPost {
		v.Forget(KeyWaiting) // it has been sent, or something else instead
	}
	if v.Kept(keyAccount) != string(app) {
		v.Keep(keyAccount, string(app))
	}
	return nil
}

// Base is the address of the account's pages.
func (v *Visit) Base() string { return "/a/" + string(v.Account.AppID) }

// maxForm is how long a form may be, in bytes.
const maxForm = 1 << 20

// Form reads a form of at most maxForm bytes.
func (v *Visit) Form() error {
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxForm)
	err := v.R.ParseForm()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return Invalid(v.Say(msg("bulk.large"), maxForm>>20))
	}
	if err != nil {
		return Invalid(v.Say(msg("error.form")))
	}
	return nil
}

// Field returns a field of the form without the blanks around it.
func (v *Visit) Field(name string) string { return strings.TrimSpace(v.R.PostForm.Get(name)) }

// Passwords returns the password that was entered twice.
func (v *Visit) Passwords(field string) (string, error) {
	password := v.R.PostForm.Get(field)
	if password != v.R.PostForm.Get("again") {
		return "", Invalid(v.Say(msg("password.differ")))
	}
	return password, nil
}

// See sends the browser to another page of ours.
func (v *Visit) See(address string) error {
	if v.HTMX() { // a redirect would bring the page into a piece of this one
		v.W.Header().Set("HX-Redirect", address)
		return nil
	}
	http.Redirect(v.W, v.R, address, http.StatusSeeOther) //nolint:gosec // what comes from outside has been through Local
	return nil
}

// Warn puts a notice on the page at hand.
func (v *Visit) Warn(text string) {
	v.notices = append(v.notices, Notice{Kind: "bad", Text: text})
}

// Tell keeps a notice for the page that comes next.
func (v *Visit) Tell(kind, text string) { v.TellWith(Notice{Kind: kind, Text: text}) }

// buttonAgain is on how many pages behind the next one a button to take something back
// is still there: so whoever goes and looks at the list first can do it from there.
const buttonAgain = 2

// TellWith is Tell for a notice with more than a text. One with a button stays for two
// more pages, or until another one with a button comes.
func (v *Visit) TellWith(n Notice) {
	kept, _ := v.site.sessions.Get(v.Ctx(), keyNotices).([]Notice)
	if n.Post != nil {
		n.Again = buttonAgain
		kept = slices.DeleteFunc(kept, func(n Notice) bool { return n.Post != nil })
	}
	v.site.sessions.Put(v.Ctx(), keyNotices, append(kept, n))
}

// takeNotices returns what the page at hand is to say, and keeps what the next one is. What
// an earlier page has said comes apart, for below what came of the last thing that was done.
func (v *Visit) takeNotices() (all, earlier []Notice) {
	said, _ := v.site.sessions.Pop(v.Ctx(), keyNotices).([]Notice)
	var again []Notice
	for _, n := range said {
		if n.Post != nil && n.Again < buttonAgain {
			earlier = append(earlier, n)
		} else {
			all = append(all, n)
		}
		if n.Again > 0 {
			n.Again--
			again = append(again, n)
		}
	}
	if again != nil {
		v.site.sessions.Put(v.Ctx(), keyNotices, again)
	}
	return all, earlier
}

// Public returns scheme and host under which browsers find the console.
func (v *Visit) Public() string {
	if site := v.Origin(); site != "" {
		return site
	}
	if v.R.TLS != nil {
		return "https://" + v.R.Host
	}
	return "http://" + v.R.Host
}

// Origin returns what Public does, as it may be handed to others: what the server was
// told, or what the browser itself says where it sends a form. "" if neither is known,
// since a proxy may let through any Host.
func (v *Visit) Origin() string {
	if v.site.Public != "" {
		return v.site.Public
	}
	for _, name := range []string{"Origin", "Referer"} {
		if u, err := url.Parse(v.R.Header.Get(name)); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host
		}
	}
	return ""
}

// Remote returns the address that the request comes from; the zero one if it is not
// known. No header is believed.
func (v *Visit) Remote() netip.Addr {
	ap, err := netip.ParseAddrPort(v.R.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}
