package settings

import (
	"net/http"
	"strings"

	"mpblock/internal/access/programs"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
)

// keyProgram is where the session keeps the secret of a program, which the page of its
// account's programs shows once.
const keyProgram = "program"

// programsPage lists the programs of an account, and makes one.
type programsPage struct {
	web.Frame
	Account, Shown string // AppID and name
	Secret, Of     string // of a program, shown this once
	Rows           []programRow
	Name           string // of the new one, as it was entered
	Scopes         []scopeChoice
}

type programRow struct {
	Name, Address, Scopes, By string
	Made                      i18n.Stamp
	Used                      *i18n.Stamp
	Revoked                   bool
}

// scopeChoice is a scope that can be given.
type scopeChoice struct {
	Value       programs.Scope
	Name, Means string
	Chosen      bool
}

// programPage is one program, and what can be done to it.
type programPage struct {
	web.Frame
	Account, Shown string
	Row            programRow
	Scopes         []scopeChoice
}

// programsOf is the address of the programs of the account at hand.
func (v *visit) programsOf() string { return "/accounts/" + string(v.Account.AppID) + "/programs" }

func (v *visit) scopes(chosen func(programs.Scope) bool) (all []scopeChoice) {
	for _, s := range programs.Scopes() {
		means := msg("scope.read.means")
		switch s {
		case programs.Read:
		case programs.Write:
			means = msg("scope.write.means")
		case programs.Feed:
			means = msg("scope.feed.means")
		}
		all = append(all, scopeChoice{s, v.Say(msg("scope." + string(s))), v.Say(means), chosen(s)})
	}
	return all
}

func (v *visit) programRow(p programs.Program) programRow {
	row := programRow{
		Name: p.Name, Address: v.programsOf() + "/" + p.Name, Made: i18n.StampOf(p.Made, v.Zone),
		By: strings.TrimPrefix(p.By, "console:"), Revoked: !p.Revoked.IsZero(),
	}
	var names []string
	for _, s := range p.Scopes {
		names = append(names, v.Say(msg("scope."+string(s))))
	}
	row.Scopes = strings.Join(names, " · ")
	if !p.Used.IsZero() {
		used := i18n.StampOf(p.Used, v.Zone)
		row.Used = &used
	}
	return row
}

func (c *Pages) programs(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	return v.programsPage(http.StatusOK, &programsPage{Scopes: v.scopes(func(programs.Scope) bool { return true })})
}

// programsPage lists the programs, those that are good first.
func (v *visit) programsPage(status int, p *programsPage) error {
	all, err := v.Desk.Programs(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p.Account, p.Shown = string(v.Account.AppID), web.NameOf(v.Account)
	var revoked []programRow
	for _, one := range all {
		if row := v.programRow(one); row.Revoked {
			revoked = append(revoked, row)
		} else {
			p.Rows = append(p.Rows, row)
		}
	}
	p.Rows = append(p.Rows, revoked...)
	if app, _, _ := strings.Cut(v.Kept(keyProgram), " "); app == p.Account {
		if kept := strings.Fields(v.Once(keyProgram)); len(kept) == 3 {
			p.Of, p.Secret = kept[1], kept[2]
		}
	}
	return v.Page(status, "programs", v.Say(msg("programs.title"), p.Shown), p)
}

// showSecret leads to the programs, where the secret of one is shown once.
func (v *visit) showSecret(name, secret string) error {
	v.Keep(keyProgram, string(v.Account.AppID)+" "+name+" "+secret)
	return v.See(v.programsOf())
}

// programForm finds the account, and reads the form.
func (v *visit) programForm() error {
	if err := v.settings(); err != nil {
		return err
	}
	return v.Form()
}

func (c *Pages) addProgram(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	name := v.Field("name")
	scopes, err := programs.ParseScopes(v.R.PostForm["scope"])
	var secret string
	if err == nil {
		secret, err = v.Desk.AddProgram(v.Ctx(), v.Account.AppID, name, scopes)
	}
	if err != nil {
		return v.Again(err, func(status int) error {
			return v.programsPage(status, &programsPage{Name: name, Scopes: v.scopes(v.chosen)})
		})
	}
	v.Tell("good", v.Say(msg("programs.added"), name))
	return v.showSecret(name, secret)
}

// chosen tells whether the form has a scope chosen.
func (v *visit) chosen(s programs.Scope) bool {
	for _, text := range v.R.PostForm["scope"] {
		if text == string(s) {
			return true
		}
	}
	return false
}

func (c *Pages) program(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	return v.programPage(http.StatusOK, nil)
}

// programPage shows one program; chosen is what of the scopes was entered, nil for what
// it has.
func (v *visit) programPage(status int, chosen func(programs.Scope) bool) error {
	all, err := v.Desk.Programs(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Name != v.R.PathValue("name") {
			continue
		}
		if chosen == nil {
			chosen = one.Has
		}
		p := &programPage{Account: string(v.Account.AppID), Shown: web.NameOf(v.Account), Row: v.programRow(one), Scopes: v.scopes(chosen)}
		return v.Page(status, "program", v.Say(msg("program.title"), one.Name), p)
	}
	return web.ErrMissing
}

func (c *Pages) scopeProgram(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	scopes, err := programs.ParseScopes(v.R.PostForm["scope"])
	if err == nil {
		err = v.Desk.ScopeProgram(v.Ctx(), v.Account.AppID, v.R.PathValue("name"), scopes)
	}
	if err != nil {
		return v.Again(err, func(status int) error { return v.programPage(status, v.chosen) })
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See(v.programsOf() + "/" + v.R.PathValue("name"))
}

// sure tells whether the form was confirmed, and says so if not.
func (v *visit) sure() bool {
	if v.Field("sure") == "" {
		v.Tell("bad", v.Say(msg("account.sure")))
		return false
	}
	return true
}

func (c *Pages) rotateProgram(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	if !v.sure() {
		return v.See(v.programsOf() + "/" + name)
	}
	secret, err := v.Desk.RotateProgram(v.Ctx(), v.Account.AppID, name)
	if err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("programs.rotated"), name))
	return v.showSecret(name, secret)
}

func (c *Pages) revokeProgram(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	if !v.sure() {
		return v.See(v.programsOf() + "/" + name)
	}
	if err := v.Desk.RevokeProgram(v.Ctx(), v.Account.AppID, name); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("programs.revoked"), name))
	return v.See(v.programsOf())
}
