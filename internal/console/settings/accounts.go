package settings

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// keySecret is where the session keeps a secret, which the page of its account shows once.
const keySecret = "secret"

// accountsPage lists the accounts, and creates one.
type accountsPage struct {
	web.Frame
	Rows        []accountRow
	Name, NewID string // of the new one, as it was entered
	Any         bool
	Pager       web.Pager
}

type accountRow struct {
	AppID, Name        string
	Followers, Blocked int
	Retired            bool
}

func (c *Pages) accounts(v *visit) error {
	return v.accountsPage(http.StatusOK, &accountsPage{})
}

func (v *visit) accountsPage(status int, p *accountsPage) error {
	list, err := v.Desk.Accounts(v.Ctx(), mpblock.AppID(v.R.URL.Query().Get("after")), v.Rows())
	if err != nil {
		return err
	}
	for _, a := range list {
		p.Rows = append(p.Rows, accountRow{string(a.AppID), web.NameOf(a), a.Followers, a.Blocked, a.Retired})
	}
	next := ""
	if len(list) == v.Rows() {
		next = string(list[v.Rows()-1].AppID)
	}
	p.Pager = v.PagerOf(len(list), next)
	return v.Page(status, "accounts", v.Say(msg("nav.accounts")), p)
}

func (c *Pages) addAccount(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	p := &accountsPage{Name: v.Field("name"), NewID: v.Field("appid"), Any: v.Field("any") != ""}
	a, secret, err := v.Desk.AddAccount(v.Ctx(), access.NewAccount{Name: p.Name, AppID: mpblock.AppID(p.NewID), AnyFollower: p.Any})
	if err != nil {
		return v.Again(err, func(status int) error { return v.accountsPage(status, p) })
	}
	v.Tell("good", v.Say(msg("accounts.created")))
	v.keepSecret(a.AppID, secret)
	return v.See("/accounts/" + string(a.AppID))
}

// settingsPage is an account's settings, and calls to paste.
type settingsPage struct {
	web.Frame
	Account accountForm
	Secret  string // shown this once
	Typed   string // to remove the account
	Paste   string
}

// accountForm is the form of an account's settings.
type accountForm struct {
	AppID, Name, Shown string
	AnyFollower        bool
	IPs                string
	Limits             []limitRow
	Reasons            string // one a line
	ReasonRequired     bool
}

// limitRow is what of one call is allowed; empty: without a limit.
type limitRow struct {
	Call          mpblock.Call
	Allowed       bool
	Daily, Minute string
}

// settingsOf is the form of an account as it is.
func settingsOf(a desk.AccountView) accountForm {
	f := accountForm{AppID: string(a.AppID), Name: a.Name, Shown: web.NameOf(a), AnyFollower: a.AnyFollower}
	f.Reasons, f.ReasonRequired = strings.Join(a.Reasons, "\n"), a.ReasonRequired
	for _, ip := range a.AllowIPs {
		text := ip.String()
		if ip.IsSingleIP() {
			text = ip.Addr().String()
		}
		f.IPs += text + "\n"
	}
	limit := func(limits map[mpblock.Call]int, call mpblock.Call) string {
		if n, ok := limits[call]; ok {
			return strconv.Itoa(n)
		}
		return ""
	}
	for _, call := range mpblock.Calls() {
		f.Limits = append(f.Limits, limitRow{call, !slices.Contains(a.Denied, call), limit(a.Daily, call), limit(a.PerMinute, call)})
	}
	return f
}

// settings finds the account of a page of settings, which admins alone may see.
func (v *visit) settings() error {
	if !v.Desk.May(operators.RoleAdmin) {
		return web.ErrForbidden
	}
	return v.FindAccount()
}

func (c *Pages) accountSettings(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	return v.settingsPage(http.StatusOK, settingsOf(v.Account))
}

func (v *visit) settingsPage(status int, f accountForm) error {
	p := &settingsPage{Account: f, Typed: v.Field("typed")}
	shown := "SECRET"
	base := v.Public()
	if app, _, _ := strings.Cut(v.Kept(keySecret), " "); app == f.AppID {
		if kept := strings.Fields(v.Once(keySecret)); len(kept) > 1 {
			p.Secret, shown = kept[1], kept[1]
			base = append(kept, "http://HOST")[2]
		}
	}
	var err error
	if p.Paste, err = v.SampleCalls(base, shown); err != nil {
		return err
	}
	return v.Page(status, "account", v.Say(msg("account.title"), f.Shown), p)
}

// keepSecret keeps a secret for the account's page, which shows it once, in calls to the
// site of this visit.
func (v *visit) keepSecret(app mpblock.AppID, secret string) {
	v.Keep(keySecret, string(app)+" "+secret+" "+v.Origin())
}

func (c *Pages) setAccount(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	f := v.entered()
	s, err := v.readSettings(f)
	if err == nil {
		_, err = v.Desk.SetAccount(v.Ctx(), v.Account.AppID, s)
	}
	if err != nil {
		return v.Again(err, func(status int) error { return v.settingsPage(status, f) })
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/accounts/" + string(v.Account.AppID))
}

// entered is the form as it came.
func (v *visit) entered() accountForm {
	f := accountForm{
		AppID: string(v.Account.AppID), Shown: web.NameOf(v.Account), Name: v.Field("name"),
		AnyFollower: v.Field("any") != "", IPs: v.R.PostForm.Get("ips"),
		Reasons: v.R.PostForm.Get("reasons"), ReasonRequired: v.Field("required") != "",
	}
	for _, call := range mpblock.Calls() {
		f.Limits = append(f.Limits, limitRow{
			call, slices.Contains(v.R.PostForm["allow"], string(call)), v.Field("daily:" + string(call)), v.Field("minute:" + string(call)),
		})
	}
	return f
}

// readSettings reads what was entered; what cannot be read is refused.
func (v *visit) readSettings(f accountForm) (desk.AccountSettings, error) {
	s := desk.AccountSettings{Name: f.Name, AnyFollower: f.AnyFollower, Daily: map[mpblock.Call]int{}, PerMinute: map[mpblock.Call]int{}}
	s.Reasons, s.ReasonRequired = strings.Split(f.Reasons, "\n"), f.ReasonRequired
	for _, text := range strings.Fields(f.IPs) {
		ip, err := access.ParseNetwork(text)
		if err != nil {
			return s, err
		}
		s.AllowIPs = append(s.AllowIPs, ip)
	}
	for _, row := range f.Limits {
		if !row.Allowed {
			s.Denied = append(s.Denied, row.Call)
		}
		for text, limits := range map[*string]map[mpblock.Call]int{&row.Daily: s.Daily, &row.Minute: s.PerMinute} {
			if *text == "" {
				continue
			}
			n, err := strconv.Atoi(*text)
			if err != nil || n < 0 {
				return s, web.Invalid(v.Say(msg("account.number"), *text))
			}
			limits[row.Call] = n
		}
	}
	return s, nil
}

func (c *Pages) rotateSecret(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	if v.Field("sure") == "" {
		v.Tell("bad", v.Say(msg("account.sure")))
		return v.See("/accounts/" + string(v.Account.AppID))
	}
	secret, err := v.Desk.RotateSecret(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("account.rotated")))
	v.keepSecret(v.Account.AppID, secret)
	return v.See("/accounts/" + string(v.Account.AppID))
}

// removeAccount removes an account for good, once its AppID has been typed.
func (c *Pages) removeAccount(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	if err := v.Desk.RemoveAccount(v.Ctx(), v.Account.AppID, v.Field("typed")); err != nil {
		return v.Again(err, func(status int) error { return v.settingsPage(status, settingsOf(v.Account)) })
	}
	v.Tell("good", v.Say(msg("account.remove.done"), web.NameOf(v.Account)))
	return v.See("/accounts")
}

// retireAccount retires an account, or takes that back.
func (c *Pages) retireAccount(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	page := "/accounts/" + string(v.Account.AppID)
	retired := v.Field("retired") != ""
	if retired && v.Field("sure") == "" {
		v.Tell("bad", v.Say(msg("account.sure")))
		return v.See(page)
	}
	if err := v.Desk.RetireAccount(v.Ctx(), v.Account.AppID, retired); err != nil {
		return err
	}
	done := msg("account.retire.done")
	if !retired {
		done = msg("account.retire.undone")
	}
	v.Tell("good", v.Say(done))
	return v.See(page)
}
