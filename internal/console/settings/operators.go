package settings

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// What the session keeps for the page of operators, which shows it once.
const (
	keyLink = "link"
	keyFor  = "for" // whom the link is for
)

// operatorsPage lists the operators, and creates one.
type operatorsPage struct {
	web.Frame
	Link, For    string // a link to hand over, shown this once, and to whom
	Minutes      int    // that it is good for
	Rows         []operatorRow
	Name         string // of the new one, as it was entered
	Rights       rights
	SecondNeeded bool // of everybody
	OwnSecond    bool // the admin has one
}

type operatorRow struct {
	Name, Address string
	Role          string
	Accounts      string
	SecondFactor  bool
	Disabled      bool
	Last          *i18n.Stamp
}

// accountChoice is an account that an operator can be limited to.
type accountChoice struct {
	web.Choice
	Chosen bool
}

// rights is the form of what an operator may do.
type rights struct {
	Roles    []roleChoice
	Some     bool // limited to accounts
	Accounts []accountChoice
	More     bool // there are others, whose AppIDs can be entered
	Email    string
}

type roleChoice struct {
	Value       operators.Role
	Name, Means string
	Chosen      bool
}

func (v *visit) role(r operators.Role) string { return v.Say(msg("role." + string(r))) }

// offered is how many accounts are offered to be picked.
const offered = 200

// names returns the accounts that are offered to be picked, and whether there are more.
func (v *visit) names() (all []web.Choice, more bool, err error) {
	views, err := v.Desk.Names(v.Ctx(), offered+1)
	for _, a := range views[:min(offered, len(views))] {
		all = append(all, web.Choice{AppID: string(a.AppID), Name: web.NameOf(a)})
	}
	return all, len(views) > offered, err
}

// rightsOf is the form of what an operator may do; no accounts are all of them, unless
// the form at hand was to limit the operator and named none.
func (v *visit) rightsOf(n operators.NewOperator) (rights, error) {
	r := rights{Some: len(n.Accounts) > 0 || v.Field("scope") == "some", Email: n.Email}
	for _, value := range []operators.Role{operators.RoleViewer, operators.RoleOperator, operators.RoleAdmin} {
		r.Roles = append(r.Roles, roleChoice{value, v.role(value), v.Say(msg("role." + string(value) + ".means")), value == n.Role})
	}
	all, more, err := v.names()
	r.More = more
	for _, a := range all {
		r.Accounts = append(r.Accounts, accountChoice{a, slices.Contains(n.Accounts, mpblock.AppID(a.AppID))})
	}
	for _, app := range n.Accounts {
		if !slices.ContainsFunc(all, func(a web.Choice) bool { return a.AppID == string(app) }) {
			r.Accounts = append(r.Accounts, accountChoice{web.Choice{AppID: string(app), Name: string(app)}, true})
		}
	}
	return r, err
}

func (c *Pages) operators(v *visit) error {
	return v.operatorsPage(http.StatusOK, operators.NewOperator{Role: operators.RoleOperator})
}

// operatorsPage lists the operators; n is the new one, as far as it was entered.
func (v *visit) operatorsPage(status int, n operators.NewOperator) error {
	all, err := v.Desk.Operators(v.Ctx())
	if err != nil {
		return err
	}
	p := &operatorsPage{Name: n.Name}
	if p.Rights, err = v.rightsOf(n); err != nil {
		return err
	}
	for _, o := range all {
		row := operatorRow{
			Name: o.Name, Address: "/operators/" + url.PathEscape(o.Name), Role: v.role(o.Role), Accounts: v.Say(msg("operators.all")),
			SecondFactor: o.SecondFactor, Disabled: o.Disabled,
		}
		if len(o.Accounts) > 0 {
			row.Accounts = v.named(o.Accounts, p.Rights.Accounts)
		}
		if !o.LastLogin.IsZero() {
			s := i18n.StampOf(o.LastLogin, v.Zone)
			row.Last = &s
		}
		p.Rows = append(p.Rows, row)
	}
	if p.SecondNeeded, err = v.c.Operators.RequireSecondFactor(v.Ctx()); err != nil {
		return err
	}
	p.OwnSecond = v.Desk.Operator().SecondFactor
	p.Link, p.For = v.Once(keyLink), v.Once(keyFor)
	p.Minutes = int(operators.LinkLife.Minutes())
	return v.Page(status, "operators", v.Say(msg("nav.operators")), p)
}

// shownAccounts is how many accounts the table of operators names of each.
const shownAccounts = 3

// named returns the names of accounts, the first of them where there are many.
func (v *visit) named(apps []mpblock.AppID, known []accountChoice) string {
	var names []string
	for _, app := range apps[:min(shownAccounts, len(apps))] {
		name := string(app)
		if i := slices.IndexFunc(known, func(a accountChoice) bool { return a.AppID == name }); i >= 0 {
			name = known[i].Name
		}
		names = append(names, name)
	}
	text := strings.Join(names, ", ")
	if more := len(apps) - len(names); more > 0 {
		text += " " + v.Say(msg("operators.more"), more)
	}
	return text
}

// newOperator reads the form of an operator's rights.
func (v *visit) newOperator(name string) (operators.NewOperator, error) {
	n := operators.NewOperator{Name: name, Role: operators.Role(v.Field("role")), Email: v.Field("email")}
	if v.Field("scope") == "all" {
		return n, nil
	}
	for _, app := range strings.Fields(strings.Join(v.R.PostForm["accounts"], " ")) {
		if !slices.Contains(n.Accounts, mpblock.AppID(app)) {
			n.Accounts = append(n.Accounts, mpblock.AppID(app))
		}
	}
	if v.Field("scope") == "some" && len(n.Accounts) == 0 { // as if it were all of them
		return n, web.Invalid(v.Say(msg("operators.none")))
	}
	return n, nil
}

// handOver keeps a link for the page that comes next, which shows it once. Where the
// site is not known, it is a path.
func (v *visit) handOver(name, token string) {
	v.Keep(keyLink, v.Origin()+"/password?"+url.Values{"token": {token}}.Encode())
	v.Keep(keyFor, name)
}

func (c *Pages) addOperator(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	n, err := v.newOperator(v.Field("name"))
	var o operators.Operator
	var token string
	if err == nil {
		o, token, err = v.Desk.AddOperator(v.Ctx(), n)
	}
	if err != nil {
		return v.Again(err, func(status int) error { return v.operatorsPage(status, n) })
	}
	v.Tell("good", v.Say(msg("operators.created"), o.Name))
	v.handOver(o.Name, token)
	return v.See("/operators")
}

// requireSecond demands a second factor of everybody, or does so no more.
func (c *Pages) requireSecond(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := v.Desk.SetRequireSecondFactor(v.Ctx(), v.Field("required") != ""); err != nil {
		return v.Again(err, func(status int) error {
			return v.operatorsPage(status, operators.NewOperator{Role: operators.RoleOperator})
		})
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/operators")
}

// operatorPage is one operator.
type operatorPage struct {
	web.Frame
	Name, Address string
	Own           bool // the admin's own
	Disabled      bool
	Rights        rights
	Identities    []string
}

// find returns the operator that the page is about.
func (v *visit) find() (operators.Operator, error) {
	all, err := v.Desk.Operators(v.Ctx())
	if err != nil {
		return operators.Operator{}, err
	}
	i := slices.IndexFunc(all, func(o operators.Operator) bool { return o.Name == v.R.PathValue("name") })
	if i < 0 {
		return operators.Operator{}, web.ErrMissing
	}
	return all[i], nil
}

func (c *Pages) operatorPage(v *visit) error {
	o, err := v.find()
	if err != nil {
		return err
	}
	return v.operatorPage(http.StatusOK, o, operators.NewOperator{Role: o.Role, Accounts: o.Accounts, Email: o.Email})
}

// operatorPage shows an operator; n is what it may do, as it was entered.
func (v *visit) operatorPage(status int, o operators.Operator, n operators.NewOperator) error {
	r, err := v.rightsOf(n)
	if err != nil {
		return err
	}
	p := &operatorPage{
		Name: o.Name, Address: "/operators/" + url.PathEscape(o.Name), Own: o.Name == v.Desk.Operator().Name, Disabled: o.Disabled, Rights: r,
	}
	for _, id := range o.Identities {
		p.Identities = append(p.Identities, id.Issuer)
	}
	return v.Page(status, "operator", v.Say(msg("operator.title"), o.Name), p)
}

func (c *Pages) setOperator(v *visit) error {
	o, err := v.find()
	if err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	n, err := v.newOperator(o.Name)
	n.Language = o.Language
	if err == nil {
		_, err = v.Desk.UpdateOperator(v.Ctx(), n)
	}
	if err != nil {
		return v.Again(err, func(status int) error { return v.operatorPage(status, o, n) })
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/operators/" + url.PathEscape(o.Name))
}

func (c *Pages) resetOperator(v *visit) error {
	name := v.R.PathValue("name")
	token, err := v.Desk.ResetOperator(v.Ctx(), name)
	if err != nil {
		return err
	}
	v.handOver(name, token)
	return v.See("/operators")
}

func (c *Pages) endSessions(v *visit) error {
	name := v.R.PathValue("name")
	if err := v.Desk.EndSessions(v.Ctx(), name); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("operator.sessions.done"), name))
	return v.See("/operators")
}

func (c *Pages) disableOperator(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	if err := v.Desk.DisableOperator(v.Ctx(), name, v.Field("disabled") != ""); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/operators/" + url.PathEscape(name))
}

func (c *Pages) removeOperator(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	if v.Field("sure") == "" {
		v.Tell("bad", v.Say(msg("account.sure")))
		return v.See("/operators/" + url.PathEscape(name))
	}
	if err := v.Desk.DeleteOperator(v.Ctx(), name); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("operator.removed"), name))
	return v.See("/operators")
}
