package platform

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/console/web"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
)

// Keys of what the session keeps: the form so far, sealed, since there are secrets in it,
// and the secret of a new account, which its page shows once.
const (
	keyDraft  = "platform.draft"
	keySecret = "platform.secret"
)

// joinAddress is that of the form.
const joinAddress = "/accounts/platform"

// The steps of the form.
const (
	stepWhere = 1 + iota
	stepTokens
	stepTest
	stepName
)

// draft is what was entered so far of an account to be.
type draft struct {
	URL       string        `json:"url"`
	AppID     string        `json:"appid"`
	Tokens    source.Spec   `json:"tokens"`
	Report    doctor.Report `json:"report"`
	Prefix    string        `json:"prefix"` // or an OpenID, as it was entered
	Name      string        `json:"name"`
	Followers bool          `json:"followers"`
	Fresh     bool          `json:"fresh"`
}

// joinPage is a step of the form.
type joinPage struct {
	web.Frame
	Step            int
	Steps           []step
	URL             string
	NewID           string
	Name            string
	Prefix          string
	MirrorFollowers bool
	Fresh           bool
	Tokens          tokensForm
	Report          *report
	Passed          bool // the test
	Address         string
}

// step is one of the steps, in the list above the form.
type step struct {
	Text    string
	Current bool
	Address string // of one that can be gone back to
}

// draft is what the session keeps, "" if that is nothing or cannot be opened any more.
func (v visit) draft() (d draft) {
	d.URL = "https://api.weixin.qq.com"
	if kept := v.Kept(keyDraft); kept != "" {
		if text, err := v.Desk.Unwrap(kept); err != nil || json.Unmarshal([]byte(text), &d) != nil {
			v.Forget(keyDraft)
		}
	}
	return d
}

// keep has the session keep what was entered so far.
func (v visit) keep(d draft) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	sealed, err := v.Desk.Wrap(string(text))
	if err == nil {
		v.Keep(keyDraft, sealed)
	}
	return err
}

// reached is the last step that what was entered leads to.
func (d draft) reached() int {
	switch {
	case d.AppID == "":
		return stepWhere
	case d.Report.At.IsZero():
		return stepTokens
	case !d.passed():
		return stepTest
	}
	return stepName
}

// passed tells whether the test says that the account can be worked with.
func (d draft) passed() bool { return !d.Report.At.IsZero() && d.Report.State() != doctor.Failed }

func (v visit) joinForm() error {
	d := v.draft()
	n, err := strconv.Atoi(v.R.URL.Query().Get("step"))
	if err != nil {
		n = stepWhere
	}
	return v.joinPage(http.StatusOK, d, max(min(n, d.reached()), stepWhere))
}

func (v visit) joinPage(status int, d draft, n int) error {
	p := &joinPage{
		Step: n, URL: d.URL, NewID: cmp.Or(v.Field("appid"), d.AppID), Name: d.Name, Prefix: d.Prefix, MirrorFollowers: d.Followers, Fresh: d.Fresh,
		Tokens: v.tokensForm(d.Tokens), Passed: d.passed(), Address: joinAddress,
	}
	if n == stepTest {
		p.Report = reportOf(v.Visit, d.Report)
	}
	for i, text := range []string{v.Say(msg("join.where")), v.Say(msg("join.tokens")), v.Say(msg("join.test")), v.Say(msg("join.name"))} {
		s := step{Text: text, Current: i+1 == n}
		if i+1 < n {
			s.Address = joinAddress + "?step=" + strconv.Itoa(i+1)
		}
		p.Steps = append(p.Steps, s)
	}
	return v.Page(status, "join", v.Say(msg("join.title")), p)
}

// join takes a step of the form, on or back. What is entered is kept in any case.
func (v visit) join() error {
	d := v.draft()
	n, err := strconv.Atoi(v.Field("step"))
	if err != nil || n < stepWhere || n > d.reached() {
		return v.See(joinAddress)
	}
	take := [...]func(visit, *draft) error{visit.takeWhere, visit.takeTokens, visit.takeTest, visit.takeName}[n-1]
	err = take(v, &d)
	if kept := v.keep(d); kept != nil {
		return v.Again(kept, func(status int) error { return v.joinPage(status, d, n) })
	}
	switch to := v.Field("to"); {
	case to == "back":
		return v.See(joinAddress + "?step=" + strconv.Itoa(n-1))
	case err != nil:
		return v.Again(err, func(status int) error { return v.joinPage(status, d, n) })
	case to == "again":
		v.Tell("good", v.Say(msg("join.tried")))
		return v.See(joinAddress + "?step=" + strconv.Itoa(n))
	case n == stepName:
		return v.create(d)
	}
	return v.See(joinAddress + "?step=" + strconv.Itoa(n+1))
}

// takeWhere is the first step: where the list lies.
func (v visit) takeWhere(d *draft) error {
	app := v.Field("appid")
	at, err := v.baseURL()
	if at != d.URL || app != d.AppID {
		d.Report = doctor.Report{}
	}
	d.URL, d.AppID = at, ""
	if err != nil {
		return err
	}
	id, err := mpblock.ParseAppID(app)
	if err != nil {
		return web.Invalid(v.Say(msg("join.appid.wrong"), app))
	}
	if _, err := v.Desk.Account(v.Ctx(), id); err == nil {
		return web.Invalid(v.Say(msg("join.appid.there"), app))
	}
	d.AppID = app
	return nil
}

// baseURL is the base URL that was entered.
func (v visit) baseURL() (string, error) {
	at := strings.TrimRight(v.Field("url"), "/")
	if u, err := url.Parse(at); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return at, web.Invalid(v.Say(msg("join.url.wrong")))
	}
	return at, nil
}

// takeTokens is the second: where tokens come from. It is tried at once.
func (v visit) takeTokens(d *draft) (err error) {
	d.Tokens = v.tokens(d.Tokens)
	if v.Field("to") == "back" {
		return nil
	}
	if err := d.Tokens.Check(); err != nil {
		if d.Tokens.Kind() == "" {
			return web.Invalid(v.Say(msg("join.tokens.empty")))
		}
		return err
	}
	return v.try(d)
}

func (v visit) try(d *draft) error {
	r, err := v.Desk.TryPlatform(v.Ctx(), mpblock.AppID(d.AppID), d.URL, d.Tokens)
	if err == nil {
		r.Earlier(d.Report)
		d.Report = r
	}
	return err
}

// takeTest is the third: what works. Where nobody is blocked or follows yet, it asks how
// OpenIDs begin.
func (v visit) takeTest(d *draft) error {
	d.Prefix = v.Field("prefix")
	switch v.Field("to") {
	case "back":
		return nil
	case "again":
		return v.try(d)
	}
	if !d.passed() {
		return web.Invalid(v.Say(msg("join.failed")))
	}
	_, err := d.prefix()
	return err
}

// prefix is how the account's OpenIDs begin: as the test has found, or else as entered.
func (d draft) prefix() (*mpblock.Prefix, error) {
	if d.Report.Prefix != "" {
		p, err := mpblock.ParsePrefix(d.Report.Prefix)
		return &p, err
	}
	if id, err := mpblock.ParseOpenID(d.Prefix); err == nil {
		p := id.Prefix()
		return &p, nil
	}
	p, err := mpblock.ParsePrefix(d.Prefix)
	return &p, err
}

// takeName is the fourth: what the account is called here, and how its lists are read.
func (v visit) takeName(d *draft) error {
	d.Name, d.Followers, d.Fresh = v.Field("name"), v.Field("followers") != "", v.Field("fresh") != ""
	return nil
}

// soonRead is how many may be blocked for the first reading of their list to be waited for.
const soonRead = 100_000

// create makes the account, reads its list, and leads to its page, which shows the secret
// for programs once, and what works.
func (v visit) create(d draft) error {
	again := func(status int) error { return v.joinPage(status, d, stepName) }
	prefix, err := d.prefix()
	if err != nil {
		return v.Again(err, again)
	}
	app := mpblock.AppID(d.AppID)
	_, secret, err := v.Desk.JoinPlatform(v.Ctx(), access.NewAccount{AppID: app, Name: d.Name, Prefix: prefix, Upstream: d.URL}, d.Tokens)
	if err != nil {
		return v.Again(err, again)
	}
	v.Forget(keyDraft)
	v.Keep(keySecret, d.AppID+" "+secret)
	v.Tell("good", v.Say(msg("join.done")))
	if err := v.Desk.SetPlatform(v.Ctx(), app, upstream.Settings{Fresh: &d.Fresh, MirrorFollowers: &d.Followers}); err != nil {
		return err
	}
	if _, err := v.Desk.Examine(v.Ctx(), app); err != nil {
		return err
	}
	if d.Report.Blocked <= soonRead {
		if _, err := v.Desk.Sync(v.Ctx(), app); err != nil {
			v.tellRefused(err)
		}
	}
	return v.See("/a/" + d.AppID + "/platform")
}

// tellRefused says on the next page what was refused.
func (v visit) tellRefused(err error) {
	if text, ok := v.Refusal(err); ok {
		v.Tell("bad", text)
	}
}

// newSecret is the secret of an account that was just added, once.
func (v visit) newSecret() string {
	if app, _, _ := strings.Cut(v.Kept(keySecret), " "); app != string(v.Account.AppID) {
		return ""
	}
	_, secret, _ := strings.Cut(v.Once(keySecret), " ")
	return secret
}
