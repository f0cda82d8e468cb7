package entry

import (
	"errors"
	"net/http"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// loginPage is the form for name and password, and that for the code.
type loginPage struct {
	web.Frame
	Next, Name string
	Waiting    string // a form that is to be sent once somebody is in, see web.Waiting
	Ended      bool   // the login has ended under a form
	Fresh      bool   // there is no operator yet
	Demo       bool
	Recovery   bool   // a recovery code was tried in place of the code
	SSO        string // name of the provider, "" if there is none
}

// passwordPage is the form of whoever follows a link to choose a password.
type passwordPage struct {
	web.Frame
	Token, Name string
	First       bool // the first operator, who chooses the name as well
	Shortest    int
}

func (c *Pages) loginForm(v *visit) error {
	if v.Sit() == nil {
		return v.See("/")
	}
	return v.loginForm(http.StatusOK, web.Local(v.R.URL.Query().Get("next"), ""), "")
}

func (v *visit) loginForm(status int, next, name string) error {
	return v.showLogin(status, &loginPage{Next: next, Name: name})
}

// LoggedOut is the login page for who sends a form and is no longer in.
func (c *Pages) LoggedOut(v *web.Visit, waiting string) error {
	return (&visit{v, c}).showLogin(http.StatusUnauthorized, &loginPage{Next: web.PathOf(v.R.Referer(), ""), Waiting: waiting, Ended: true})
}

func (v *visit) showLogin(status int, p *loginPage) (err error) {
	if p.Fresh, err = v.c.Operators.NeedsSetup(v.Ctx()); err != nil {
		return err
	}
	p.Demo = v.c.Demo
	if v.c.OIDC != nil {
		p.SSO = v.c.OIDC.Name
	}
	return v.Page(status, "login", v.Say(msg("login.title")), p)
}

func (c *Pages) login(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	next := web.Local(v.Field("next"), "/")
	name, waiting := v.Field("name"), v.Field("waiting")
	if _, ok := web.ReadWaiting(waiting); ok {
		next = AgainPath
	}
	s, err := c.Operators.Login(v.Ctx(), operators.Attempt{Name: name, Password: v.R.PostForm.Get("password"), Addr: v.Remote()})
	var refused *operators.LoginError
	if errors.As(err, &refused) {
		if refused.Reason == operators.NeedCode {
			v.Keep(keyTicket, refused.Ticket)
			v.Keep(keyName, name)
			v.Keep(keyNext, next)
			v.Keep(web.KeyWaiting, waiting)
			return v.See("/login/code")
		}
		v.Warn(v.LoginProblem(refused))
		return v.showLogin(web.LoginStatus(refused), &loginPage{Next: v.Field("next"), Name: name, Waiting: waiting})
	}
	if err != nil {
		return err
	}
	v.Keep(web.KeyWaiting, waiting)
	return v.enter(s, next)
}

// AgainPath is where who has logged in again finds the form that waits.
const AgainPath = "/again"

// againPage has a form that was filled in before a login ended.
type againPage struct {
	web.Frame
	Waiting web.Waiting
	OpenIDs int
	Reason  string
}

// again shows what waits, for who has logged in to go on.
func (c *Pages) again(v *visit) error {
	w, ok := web.ReadWaiting(v.Kept(web.KeyWaiting))
	if !ok {
		return v.See("/")
	}
	p := &againPage{Waiting: w, OpenIDs: len(w.Fields["openid"]), Reason: w.Fields.Get("reason")}
	return v.Page(http.StatusOK, "again", v.Say(msg("again.title")), p)
}

// atThisMachine tells whether the request was made at the machine that serves it: not
// through a proxy, as far as proxies say that they are one.
func (v *visit) atThisMachine() bool {
	for _, header := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		if v.R.Header.Get(header) != "" {
			return false
		}
	}
	return v.Remote().IsLoopback()
}

// Keys of what the session of a visitor keeps on the way in.
const (
	keyTicket = "ticket" // between password and code
	keyName   = "name"   // likewise
	keyNext   = "next"   // where to go after logging in
)

// enter begins a session for who has come in.
func (v *visit) enter(s operators.Session, next string) error {
	v.Forget(keyTicket, keyName, keyNext)
	return v.Enter(s, next)
}

func (c *Pages) codeForm(v *visit) error {
	if v.Kept(keyTicket) == "" {
		return v.See("/login")
	}
	return v.codeForm(http.StatusOK)
}

func (v *visit) codeForm(status int) error {
	return v.Page(status, "code", v.Say(msg("code.title")), &loginPage{Name: v.Kept(keyName), Recovery: v.Field("recovery") != ""})
}

func (c *Pages) code(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if v.Kept(keyTicket) == "" {
		return v.See("/login")
	}
	next := web.Local(v.Kept(keyNext), "/")
	s, err := c.Operators.Login(v.Ctx(), operators.Attempt{
		Ticket: v.Kept(keyTicket), Code: v.Field("code"), Addr: v.Remote(),
	})
	var refused *operators.LoginError
	if errors.As(err, &refused) {
		text := v.LoginProblem(refused)
		if refused.Reason == operators.BadCredentials { // the ticket has run out
			v.Tell("bad", v.Say(msg("login.expired")))
			v.Forget(keyTicket)
			return v.See("/login")
		}
		v.Warn(text)
		return v.codeForm(web.LoginStatus(refused))
	}
	if err != nil {
		return err
	}
	return v.enter(s, next)
}

func (c *Pages) welcomeForm(v *visit) error {
	token := v.R.URL.Query().Get("token")
	if err := c.Operators.CheckSetup(v.Ctx(), token); err != nil {
		return err
	}
	return v.passwordForm(http.StatusOK, &passwordPage{Token: token, First: true})
}

func (v *visit) passwordForm(status int, p *passwordPage) error {
	p.Shortest = operators.MinPassword
	title := v.Say(msg("welcome.title"))
	if !p.First {
		title = v.Say(msg("reset.title"))
	}
	return v.Page(status, "password", title, p)
}

func (c *Pages) welcome(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	p := &passwordPage{Token: v.Field("token"), Name: v.Field("name"), First: true}
	password, err := v.Passwords("password")
	var s operators.Session
	if err == nil {
		s, err = c.Operators.UseSetup(v.Ctx(), p.Token, p.Name, password)
	}
	if err != nil {
		return v.Again(err, func(status int) error { return v.passwordForm(status, p) })
	}
	v.Tell("good", v.Say(msg("welcome.done"), s.Name))
	return v.enter(s, "/")
}

func (c *Pages) resetForm(v *visit) error {
	token := v.R.URL.Query().Get("token")
	name, err := c.Operators.CheckReset(v.Ctx(), token)
	if err != nil {
		return err
	}
	return v.passwordForm(http.StatusOK, &passwordPage{Token: token, Name: name})
}

func (c *Pages) reset(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	token := v.Field("token")
	name, err := c.Operators.CheckReset(v.Ctx(), token)
	if err != nil {
		return err
	}
	password, err := v.Passwords("password")
	var s operators.Session
	if err == nil {
		s, err = c.Operators.UseReset(v.Ctx(), token, password)
	}
	if err != nil {
		return v.Again(err, func(status int) error {
			return v.passwordForm(status, &passwordPage{Token: token, Name: name})
		})
	}
	return v.enter(s, "/")
}

// demo logs in whoever has the link that serve --demo prints, and who is at the machine
// itself as often as they like while it runs. HEAD, with which
// programs look whether a link leads somewhere, does not spend it.
func (c *Pages) demo(v *visit) error {
	if v.R.Method == http.MethodHead {
		return nil
	}
	s, err := c.Operators.UseDemo(v.Ctx(), v.R.URL.Query().Get("token"), c.Demo && v.atThisMachine())
	if c.Demo && mpblock.KindOf(err) == mpblock.Unauthenticated { // there is nobody to ask for another
		return web.Invalid(v.Say(msg("login.demo.bad")))
	}
	if err != nil {
		return err
	}
	return v.enter(s, "/")
}

// logout ends the session. Who has none is not told so: to tell takes a record.
func (*Pages) logout(v *visit) error {
	left, err := v.Leave()
	if err != nil {
		return err
	}
	if left {
		v.Tell("good", v.Say(msg("login.out")))
	}
	return v.See("/login")
}
