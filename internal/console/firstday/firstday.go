// Package firstday is the pages on which an account comes to its followers: the check
// list of its first day, lists of followers to add or to remove with what they would do,
// followers made for tests, and the prefix, which is read off a real OpenID. All of it
// but the check list is for admins.
package firstday

import (
	"net/http"
	"strconv"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/upload"
	"mpblock/internal/console/web"
	"mpblock/internal/intake"
	"mpblock/internal/lines"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// visit is one request for one of the pages.
type visit struct{ *web.Visit }

// Views are their templates.
var Views = map[string]web.View{
	"start":  {Frame: "layout", Data: &startPage{}},
	"intake": {Frame: "layout", Data: &formPage{}},
	"plan":   {Frame: "layout", Data: &planPage{}},
}

// Register has a site serve them.
func Register(site *web.Site) {
	for pattern, h := range map[string]func(visit) error{
		"GET /a/{app}/start":                       visit.start,
		"GET /a/{app}/followers/change":            visit.form,
		"POST /a/{app}/followers/change":           visit.draft,
		"GET /a/{app}/followers/change/{id}":       visit.plan,
		"POST /a/{app}/followers/change/{id}":      visit.carryOut,
		"POST /a/{app}/followers/change/{id}/drop": visit.drop,
		"POST /a/{app}/followers/mint":             visit.mint,
		"POST /a/{app}/prefix":                     visit.setPrefix,
	} {
		site.Handle(pattern, web.WithDesk(web.WithAccount(func(v *web.Visit) error { return h(visit{v}) })))
	}
}

// formPage takes a list of followers, and makes new ones.
type formPage struct {
	web.Frame
	Remove   bool
	Pasted   string
	MaxRows  int
	MaxMint  int
	MayMint  bool // the account has no list of users elsewhere
	MayBegin bool // its prefix can be set still
}

// address of the page of lists.
func (v visit) address() string { return v.Base() + "/followers/change" }

func (v visit) form() error {
	if !v.Desk.May(operators.RoleAdmin) {
		return web.ErrForbidden
	}
	return v.formPage(http.StatusOK, v.R.URL.Query().Get("remove") != "", "")
}

func (v visit) formPage(status int, remove bool, pasted string) error {
	a := v.Account
	p := &formPage{
		Remove: remove, Pasted: pasted, MaxRows: intake.MaxPlan, MaxMint: intake.MaxMint, MayMint: !a.AnyFollower,
		MayBegin: a.Followers+a.Blocked == 0,
	}
	return v.Page(status, "intake", v.Say(msg("follow.title")), p)
}

// draft takes a list in, and shows what it would do.
func (v visit) draft() error {
	in, err := upload.Of(v.Visit)
	if err != nil {
		return err
	}
	defer in.Remove()
	what, err := in.First("action")
	var plan intake.Plan
	if err == nil {
		plan, err = v.Desk.DraftFollowers(v.Ctx(), v.Account.AppID, what == "remove", in)
	}
	if err != nil {
		return v.Again(upload.Problem(v.Visit, err), func(status int) error { return v.formPage(status, what == "remove", in.Pasted()) })
	}
	return v.See(v.address() + "/" + plan.ID)
}

// planPage is what a list of followers would do.
type planPage struct {
	web.Frame
	Address string
	Remove  bool
	Read    []string
	Would   int // would be added or removed
	Lines   []planLine
	Bad     []badLine
	MoreBad int
}

type planLine struct {
	Kind, Name string
	Count      int
	Then       string
}

type badLine struct {
	Line              int
	Source, Text, Why string
}

func (v visit) plan() error {
	plan, err := v.Desk.FollowersPlan(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
	if err != nil {
		return v.Again(err, func(status int) error { return v.formPage(status, false, "") })
	}
	p := &planPage{Address: v.address() + "/" + plan.ID, Remove: plan.Remove, Would: plan.New, Lines: v.lines(plan)}
	for _, s := range plan.Read {
		p.Read = append(p.Read, v.Lang.WasRead(s))
	}
	for _, bad := range plan.Bad {
		line := badLine{Line: bad.Line, Text: bad.Text, Why: v.Say(msg("plan.foreign"))}
		if text, ok := v.Lang.BadLine(bad.Key, bad.Args); ok {
			line.Why = text
		}
		if len(plan.Read) > 1 {
			line.Source = bad.Source
		}
		p.Bad = append(p.Bad, line)
	}
	p.MoreBad = plan.Malformed + plan.Foreign - len(plan.Bad)
	return v.Page(http.StatusOK, "plan", v.Say(msg("preview.title")), p)
}

// lines says what would become of what a list holds.
func (v visit) lines(p intake.Plan) []planLine {
	all := []planLine{
		{"new", v.Say(msg("follow.new")), p.New, v.Say(msg("follow.new.then"))},
		{"already", v.Say(msg("follow.already")), p.Already, v.Say(msg("plan.already.then"))},
	}
	if p.Remove {
		all = []planLine{
			{"new", v.Say(msg("follow.leave")), p.New - p.Blocked, v.Say(msg("follow.leave.then"))},
			{"blocked", v.Say(msg("follow.leave.blocked")), p.Blocked, v.Say(msg("follow.leave.blocked.then"))},
			{"already", v.Say(msg("plan.unknown")), p.Already, v.Say(msg("plan.already.then"))},
		}
	}
	return append(all,
		planLine{"malformed", v.Say(msg("plan.malformed")), p.Malformed, v.Say(msg("follow.bad.then"))},
		planLine{"foreign", v.Say(msg("plan.foreign")), p.Foreign, v.Say(msg("follow.bad.then"))},
		planLine{"duplicate", v.Say(msg("plan.duplicate")), p.Duplicates, v.Say(msg("plan.duplicate.then"))})
}

// carryOut does what a plan says.
func (v visit) carryOut() error {
	v.TakeLong()
	plan, n, err := v.Desk.ChangeFollowers(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
	if err != nil {
		return v.Again(err, func(status int) error { return v.formPage(status, plan.Remove, "") })
	}
	text := v.Say(msg("follow.added"), n)
	if plan.Remove {
		text = v.Say(msg("follow.removed"), n)
	}
	return v.done(text)
}

// done says what was done, and leads to what comes next.
func (v visit) done(text string) error {
	v.TellWith(web.Notice{Kind: "good", Text: text, Link: &web.NavLink{Address: v.Base() + "/start", Text: v.Say(msg("start.next"))}})
	return v.See(v.Base() + "/followers")
}

func (v visit) drop() error {
	if err := v.Desk.DropFollowersPlan(v.Ctx(), v.Account.AppID, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.See(v.address())
}

func (v visit) mint() error {
	if err := v.Form(); err != nil {
		return err
	}
	n, err := strconv.Atoi(v.Field("count"))
	if err != nil {
		return web.Invalid(v.Say(msg("follow.mint.number"), v.Field("count")))
	}
	if err := v.Desk.MintFollowers(v.Ctx(), v.Account.AppID, n); err != nil {
		return err
	}
	return v.done(v.Say(msg("follow.minted"), n))
}

// setPrefix reads the prefix off an OpenID that was pasted, however it was copied.
func (v visit) setPrefix() error {
	if err := v.Form(); err != nil {
		return err
	}
	_, ids := lines.Pasted(v.Field("openid"))
	if len(ids) == 0 {
		return web.Invalid(v.Say(msg("prefix.none")))
	}
	if _, err := v.Desk.SetPrefix(v.Ctx(), v.Account.AppID, ids[0]); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("prefix.done"), ids[0].String()[:6]))
	return v.See(v.Base() + "/followers/change")
}
