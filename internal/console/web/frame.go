package web

import (
	"net/http"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// Frame is what every page has around its content. Every page's data embeds it.
type Frame struct {
	Lang, Other i18n.Lang
	Zone        string // name of the zone in which the times are written
	Path        string // of this page, to come back to
	Title       string
	Wide        bool // of pages without navigation

	Operator    string // name of the operator, "" before logging in
	Accounts    []Choice
	Chosen      string // AppID of the account that the navigation is for
	AppID       string
	AccountName string
	Retired     bool   // the account is
	Base        string // address of the account's pages
	Example     string // how its OpenIDs begin
	MayBlock    bool   // the operator may block and unblock
	Admin       bool   // and administer
	Nav         []NavGroup
	Notices     []Notice
	Asked       string // of the search in the bar
	Bent        string // what an emulator bends at present
	Mirror      *Mirror
}

// Mirror is how things stand with an account whose list lies elsewhere, in words.
type Mirror struct {
	State, Mood string // of the connection, and the colour of its label
	Text        string
	Address     string // of the page about it
	Alarm       string // what is wrong, "" if nobody has to know it on every page
	Remedy      string // the text of the link that leads to what can be done
	Part        string // of the page, where that is
}

// self gives render the frame of any page's data.
func (f *Frame) self() *Frame { return f }

// Framed is the data of a page.
type Framed interface{ self() *Frame }

// Choice is an account in the switch at the top.
type Choice struct {
	AppID, Name string
	Elsewhere   bool // its list lies on the platform
}

// NavGroup is a part of the navigation.
type NavGroup struct {
	Heading string
	Links   []NavLink
}

// NavLink is a link to a page, which may be the present one.
type NavLink struct {
	Address, Text string
	Current       bool
}

// Notice is a message above a page's content.
type Notice struct {
	Kind string // good, bad or mind
	Text string
	List []string // each of what Text is about; at most some dozens
	Post *NavLink // a button that posts to an address and leads back to this page
	Link *NavLink
	Done string // the list of ticks that has been worked off

	Again int // on so many more pages; see TellWith
}

// Page renders a page with its frame.
func (v *Visit) Page(status int, name, title string, data Framed) error {
	f := data.self()
	f.Lang, f.Other, f.Title = v.Lang, v.Lang.Other(), title
	f.Zone = v.Zone.String()
	if v.site.Bent != nil {
		f.Bent = v.site.Bent(v)
	}
	f.Path = v.R.URL.RequestURI()
	if v.R.Method != http.MethodGet {
		f.Path = Local(v.Field("back"), PathOf(v.R.Referer(), "/")) // else that may be of a form alone
	}
	var earlier []Notice
	if !v.bare && v.R.Method != http.MethodHead {
		f.Notices, earlier = v.takeNotices()
	}
	f.Notices = slices.Concat(f.Notices, v.notices, earlier)
	if v.Desk != nil {
		if err := v.inside(f); err != nil {
			return err
		}
	}
	return v.site.Views().write(v.W, status, v.Lang, name, v.site.Views().of[name].Frame, data)
}

// Part renders a piece of a page, for htmx to put in its place.
func (v *Visit) Part(status int, name, part string, data Framed) error {
	f := data.self()
	f.Lang, f.Other = v.Lang, v.Lang.Other()
	v.about(f)
	return v.site.Views().write(v.W, status, v.Lang, name, part, data)
}

// HTMX tells whether a piece of a page is asked for, and not a whole one.
func (v *Visit) HTMX() bool { return v.R.Header.Get("HX-Request") == "true" }

// manyAccounts is how many accounts the switch at the top offers; the page of
// accounts has all.
const manyAccounts = 50

// inside fills what a frame shows to an operator.
func (v *Visit) inside(f *Frame) error {
	f.Operator = v.Desk.Operator().Name
	v.about(f)
	if !v.Desk.MustEnrol() {
		var err error
		if f.Accounts, err = v.Choices(); err != nil {
			return err
		}
	}
	f.Chosen = v.Chosen(f.Accounts)
	if f.AppID != "" && !slices.ContainsFunc(f.Accounts, func(a Choice) bool { return a.AppID == f.AppID }) {
		f.Accounts = append(f.Accounts, Choice{f.AppID, f.AccountName, v.Account.Upstream != ""}) // beyond the first of them
	}
	at := slices.IndexFunc(f.Accounts, func(a Choice) bool { return a.AppID == f.Chosen })
	f.Nav = v.nav(f.Chosen, at >= 0 && f.Accounts[at].Elsewhere)
	if v.Account.Upstream != "" && !v.Desk.MustEnrol() {
		var err error
		f.Mirror, err = v.site.Mirror(v)
		return err
	}
	return nil
}

// Choices returns the accounts that the switch offers.
func (v *Visit) Choices() ([]Choice, error) {
	accounts, err := v.Desk.Accounts(v.Ctx(), "", manyAccounts)
	if err != nil {
		return nil, err
	}
	all := make([]Choice, 0, len(accounts))
	for _, a := range accounts {
		all = append(all, Choice{string(a.AppID), NameOf(a), a.Upstream != ""})
	}
	return all, nil
}

// Chosen returns the AppID of the account that the navigation is for: that of the
// page, else that which was looked at last, if the operator may see it still.
func (v *Visit) Chosen(accounts []Choice) string {
	if v.Account.AppID != "" {
		return string(v.Account.AppID)
	}
	last := v.site.sessions.GetString(v.Ctx(), keyAccount)
	if slices.ContainsFunc(accounts, func(a Choice) bool { return a.AppID == last }) {
		return last
	}
	if len(accounts) > 0 {
		return accounts[0].AppID
	}
	return ""
}

// about fills what pages and their pieces say of the operator and the account.
func (v *Visit) about(f *Frame) {
	f.MayBlock, f.Admin = v.MayChange(), v.Desk.May(operators.RoleAdmin)
	f.AppID, f.Retired = string(v.Account.AppID), v.Account.Retired
	if f.AppID != "" {
		f.AccountName, f.Base, f.Example = NameOf(v.Account), v.Base(), exampleOf(v.Account)
	}
}

// MayChange tells whether the operator may change the lists of the page's account.
func (v *Visit) MayChange() bool { return v.Desk.May(operators.RoleOperator) && !v.Account.Retired }

// NameOf returns the name of an account, or its AppID if it has none.
func NameOf(a desk.AccountView) string {
	if a.Name == "" {
		return string(a.AppID)
	}
	return a.Name
}

// exampleOf returns how the account's OpenIDs begin.
func exampleOf(a desk.AccountView) string {
	return ExampleID(a)[:6] + "…"
}

// nav returns the navigation: what the operator may see, the present page marked.
func (v *Visit) nav(app string, elsewhere bool) []NavGroup {
	here := v.R.URL.Path
	link := func(address string, text msg, more ...string) NavLink {
		current := here == address
		for _, m := range more {
			current = current || strings.HasPrefix(here, m)
		}
		return NavLink{Address: address, Text: v.Say(text), Current: current}
	}
	var groups []NavGroup
	if app != "" {
		b := "/a/" + app
		groups = append(groups, NavGroup{v.Say(msg("nav.account")), []NavLink{
			link(b, msg("nav.overview"), b+"/start"), link(b+"/followers", msg("nav.followers"), b+"/remarks", b+"/followers/"), link(b+"/blacklist", msg("nav.blacklist")),
			link(b+"/bulk", msg("nav.bulk"), b+"/jobs"), link(b+"/history", msg("nav.history"), b+"/history", b+"/openids"),
		}})
		if elsewhere {
			groups[0].Links = append(groups[0].Links, link(b+"/platform", msg("nav.platform")))
		}
	}
	admin := NavGroup{v.Say(msg("nav.admin")), []NavLink{link("/accounts", msg("nav.accounts"), "/accounts/")}}
	if v.Desk.May(operators.RoleAdmin) {
		admin.Links = append(admin.Links, link("/operators", msg("nav.operators"), "/operators/", "/audit"))
	}
	if v.site.Bent != nil && v.Desk.May(operators.RoleAdmin) {
		admin.Links = append(admin.Links, link("/emulator", msg("nav.emulator"), "/emulator/"))
	}
	admin.Links = append(admin.Links, link("/me", msg("nav.me"), "/me/"))
	return append(groups, admin)
}

// ExampleID returns an OpenID of the account that is nobody's.
func ExampleID(a desk.AccountView) string {
	return mpblock.Mint(a.Prefix, mpblock.Key{}, "").String()
}
