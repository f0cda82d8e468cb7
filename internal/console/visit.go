package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// visit is one request, and what is known of who makes it.
type visit struct {
	c       *console
	w       http.ResponseWriter
	r       *http.Request
	lang    i18n.Lang
	zone    *time.Location
	desk    *desk.Desk       // nil before logging in
	account desk.AccountView // of pages about one
	notices []notice
	bare    bool // the request has no session: it was refused before one was read
}

// Keys of what a session holds.
const (
	keySession = "session" // operators.Session
	keyNotices = "notices" // []notice, for the next page
	keyTicket  = "ticket"  // between password and code
	keyName    = "name"    // likewise
	keyNext    = "next"    // where to go after logging in
	keyAccount = "account" // AppID of the account that was looked at last
	keySecret  = "secret"  // shown once, on the page of its account
	keyLink    = "link"    // likewise, on the page of operators
	keyFor     = "for"     // whom the link is for
	keyEnrol   = "enrol"   // operators.SecondFactor.URL until it is confirmed
)

func (c *console) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{c: c, w: w, r: r, lang: preferred(r), zone: zoneOf(r)}
}

func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) say(key msg, args ...any) string { return v.lang.Say(key, args...) }

// withDesk finds out who makes the request; nobody is sent to log in.
func (c *console) withDesk(h handler) handler {
	return func(v *visit) error {
		if err := v.sit(); err != nil {
			return err
		}
		if v.desk.MustEnrol() && !strings.HasPrefix(v.r.URL.Path, "/me") {
			v.tell("mind", v.say(msg("me.second.required")))
			return v.see("/me")
		}
		return h(v)
	}
}

// sit gives the visit its desk, or returns operators.ErrLoggedOut.
func (v *visit) sit() error {
	s, ok := v.c.sessions.Get(v.ctx(), keySession).(operators.Session)
	if !ok {
		return operators.ErrLoggedOut
	}
	desk, err := v.c.Desks.Desk(v.ctx(), s)
	if err != nil {
		return err
	}
	v.desk = desk
	switch desk.Operator().Language {
	case "zh":
		v.lang = i18n.Chinese
	case "en":
		v.lang = i18n.English
	}
	return nil
}

// withAccount finds the account that the page is about.
func (c *console) withAccount(h handler) handler {
	return func(v *visit) error {
		app, err := mpblock.ParseAppID(v.r.PathValue("app"))
		if err != nil {
			return errMissing
		}
		if v.account, err = v.desk.Account(v.ctx(), app); err != nil {
			return err
		}
		if app := string(app); v.c.sessions.GetString(v.ctx(), keyAccount) != app {
			v.c.sessions.Put(v.ctx(), keyAccount, app)
		}
		return h(v)
	}
}

// base is the address of the account's pages.
func (v *visit) base() string { return "/a/" + string(v.account.AppID) }

// form reads a form of at most maxForm bytes.
func (v *visit) form() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	err := v.r.ParseForm()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return invalid(v.say(msg("bulk.large"), maxForm>>20))
	}
	if err != nil {
		return invalid(v.say(msg("error.form")))
	}
	return nil
}

// field returns a field of the form without the blanks around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// see sends the browser to another page of ours.
func (v *visit) see(address string) error {
	http.Redirect(v.w, v.r, address, http.StatusSeeOther) //nolint:gosec // what comes from outside has been through local
	return nil
}

// tell keeps a notice for the page that comes next.
func (v *visit) tell(kind, text string) { v.tellWith(notice{Kind: kind, Text: text}) }

func (v *visit) tellWith(n notice) {
	kept, _ := v.c.sessions.Get(v.ctx(), keyNotices).([]notice)
	v.c.sessions.Put(v.ctx(), keyNotices, append(kept, n))
}

// local returns an address if it is one of our own pages, else the alternative.
func local(address, otherwise string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsAny(address, "\\\r\n") {
		return otherwise
	}
	return address
}

// page renders a page with its frame.
func (v *visit) page(status int, name, title string, data framed) error {
	f := data.self()
	f.Lang, f.Other, f.Title = v.lang, v.lang.Other(), title
	f.Zone = v.zone.String()
	f.Path = v.r.URL.RequestURI()
	if v.r.Method != http.MethodGet {
		f.Path = "/"
	}
	if !v.bare && v.r.Method != http.MethodHead {
		f.Notices, _ = v.c.sessions.Pop(v.ctx(), keyNotices).([]notice)
	}
	f.Notices = append(f.Notices, v.notices...)
	if v.desk != nil {
		if err := v.inside(f); err != nil {
			return err
		}
	}
	return write(v.w, status, v.lang, name, viewTypes[name].frame, data)
}

// part renders a piece of a page, for htmx to put in its place.
func (v *visit) part(name, part string, data framed) error {
	f := data.self()
	f.Lang, f.Other = v.lang, v.lang.Other()
	v.about(f)
	return write(v.w, http.StatusOK, v.lang, name, part, data)
}

// htmx tells whether a piece of a page is asked for, and not a whole one.
func (v *visit) htmx() bool { return v.r.Header.Get("HX-Request") == "true" }

// manyAccounts is how many accounts the switch at the top offers; the page of
// accounts has all.
const manyAccounts = 50

// inside fills what a frame shows to an operator.
func (v *visit) inside(f *frame) error {
	f.Operator = v.desk.Operator().Name
	v.about(f)
	if !v.desk.MustEnrol() {
		var err error
		if f.Accounts, err = v.choices(); err != nil {
			return err
		}
	}
	f.Chosen = v.chosen(f.Accounts)
	if f.AppID != "" && !slices.ContainsFunc(f.Accounts, func(a choice) bool { return a.AppID == f.AppID }) {
		f.Accounts = append(f.Accounts, choice{f.AppID, f.AccountName}) // beyond the first of them
	}
	f.Nav = v.nav(f.Chosen)
	return nil
}

// choices returns the accounts that the switch offers.
func (v *visit) choices() ([]choice, error) {
	accounts, err := v.desk.Accounts(v.ctx(), "", manyAccounts)
	if err != nil {
		return nil, err
	}
	all := make([]choice, 0, len(accounts))
	for _, a := range accounts {
		all = append(all, choice{string(a.AppID), nameOf(a)})
	}
	return all, nil
}

// chosen returns the AppID of the account that the navigation is for: that of the
// page, else that which was looked at last, if the operator may see it still.
func (v *visit) chosen(accounts []choice) string {
	if v.account.AppID != "" {
		return string(v.account.AppID)
	}
	last := v.c.sessions.GetString(v.ctx(), keyAccount)
	if slices.ContainsFunc(accounts, func(a choice) bool { return a.AppID == last }) {
		return last
	}
	if len(accounts) > 0 {
		return accounts[0].AppID
	}
	return ""
}

// about fills what pages and their pieces say of the operator and the account.
func (v *visit) about(f *frame) {
	f.MayBlock, f.Admin = v.desk.May(operators.RoleOperator), v.desk.May(operators.RoleAdmin)
	f.AppID = string(v.account.AppID)
	if f.AppID != "" {
		f.AccountName, f.Base, f.Example = nameOf(v.account), v.base(), exampleOf(v.account)
	}
}

// nameOf returns the name of an account, or its AppID if it has none.
func nameOf(a desk.AccountView) string {
	if a.Name == "" {
		return string(a.AppID)
	}
	return a.Name
}

// exampleOf returns how the account's OpenIDs begin.
func exampleOf(a desk.AccountView) string {
	return exampleID(a)[:6] + "…"
}

// nav returns the navigation: what the operator may see, the present page marked.
func (v *visit) nav(app string) []navGroup {
	here := v.r.URL.Path
	link := func(address string, text msg, more ...string) navLink {
		current := here == address
		for _, m := range more {
			current = current || strings.HasPrefix(here, m)
		}
		return navLink{Address: address, Text: v.say(text), Current: current}
	}
	var groups []navGroup
	if app != "" {
		b := "/a/" + app
		groups = append(groups, navGroup{v.say(msg("nav.account")), []navLink{
			link(b, msg("nav.overview")), link(b+"/followers", msg("nav.followers")), link(b+"/blacklist", msg("nav.blacklist")),
			link(b+"/bulk", msg("nav.bulk"), b+"/jobs"), link(b+"/history", msg("nav.history"), b+"/history", b+"/openids"),
		}})
	}
	admin := navGroup{v.say(msg("nav.admin")), []navLink{link("/accounts", msg("nav.accounts"), "/accounts/")}}
	if v.desk.May(operators.RoleAdmin) {
		admin.Links = append(admin.Links, link("/operators", msg("nav.operators"), "/operators/"))
	}
	admin.Links = append(admin.Links, link("/me", msg("nav.me"), "/me/"))
	return append(groups, admin)
}

// pathOf returns path and query of an address if that is one of ours.
func pathOf(address, otherwise string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return otherwise
	}
	return local(u.RequestURI(), otherwise)
}

// exampleID returns an OpenID of the account that is nobody's.
func exampleID(a desk.AccountView) string {
	return mpblock.Mint(a.Prefix, mpblock.Key{}, "").String()
}

// public returns scheme and host under which browsers find the console.
func (v *visit) public() string {
	if site := v.site(); site != "" {
		return site
	}
	if v.r.TLS != nil {
		return "https://" + v.r.Host
	}
	return "http://" + v.r.Host
}

// site returns what public does, as it may be handed to others: what the server was
// told, or what the browser itself says where it sends a form. "" if neither is known,
// since a proxy may let through any Host.
func (v *visit) site() string {
	if v.c.Public != "" {
		return v.c.Public
	}
	if u, err := url.Parse(v.r.Header.Get("Origin")); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return ""
}

// once returns what the session keeps for one page. HEAD is no page: it leaves it.
func (v *visit) once(key string) string {
	if v.r.Method == http.MethodHead {
		return ""
	}
	return v.c.sessions.PopString(v.ctx(), key)
}
