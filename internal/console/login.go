package console

import (
	"errors"
	"net/http"
	"net/netip"

	"mpblock/internal/operators"
)

// loginPage is the form for name and password, and that for the code.
type loginPage struct {
	frame
	Next, Name string
	Fresh      bool // there is no operator yet
	Demo       bool
	SSO        string // name of the provider, "" if there is none
}

// passwordPage is the form of whoever follows a link to choose a password.
type passwordPage struct {
	frame
	Token, Name string
	First       bool // the first operator, who chooses the name as well
	Shortest    int
}

// home goes to the account that the operator comes for.
func (c *console) home(v *visit) error {
	if err := v.sit(); err != nil {
		return err
	}
	if v.desk.MustEnrol() {
		return v.see("/me")
	}
	accounts, err := v.choices()
	if err != nil {
		return err
	}
	if app := v.chosen(accounts); app != "" {
		return v.see("/a/" + app)
	}
	return v.see("/accounts")
}

func (c *console) loginForm(v *visit) error {
	if v.sit() == nil {
		return v.see("/")
	}
	return v.loginForm(http.StatusOK, local(v.r.URL.Query().Get("next"), ""), "")
}

func (v *visit) loginForm(status int, next, name string) error {
	fresh, err := v.c.Operators.NeedsSetup(v.ctx())
	if err != nil {
		return err
	}
	p := &loginPage{Next: next, Name: name, Fresh: fresh, Demo: v.c.Demo}
	if v.c.OIDC != nil {
		p.SSO = v.c.OIDC.Name
	}
	return v.page(status, "login", v.say(msg("login.title")), p)
}

func (c *console) login(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	next := local(v.field("next"), "/")
	name := v.field("name")
	s, err := c.Operators.Login(v.ctx(), operators.Attempt{Name: name, Password: v.r.PostForm.Get("password"), Addr: remote(v.r)})
	var refused *operators.LoginError
	if errors.As(err, &refused) {
		if refused.Reason == operators.NeedCode {
			c.sessions.Put(v.ctx(), keyTicket, refused.Ticket)
			c.sessions.Put(v.ctx(), keyName, name)
			c.sessions.Put(v.ctx(), keyNext, next)
			return v.see("/login/code")
		}
		v.notices = append(v.notices, notice{Kind: "bad", Text: v.loginProblem(refused)})
		return v.loginForm(loginStatus(refused), next, name)
	}
	if err != nil {
		return err
	}
	return v.enter(s, next)
}

func loginStatus(e *operators.LoginError) int {
	switch e.Reason {
	case operators.TooMany:
		return http.StatusTooManyRequests
	case operators.Busy:
		return http.StatusServiceUnavailable
	case operators.BadCredentials, operators.BadCode, operators.NeedCode, operators.NotLinked:
	}
	return http.StatusUnauthorized
}

// loginProblem says why somebody was not let in.
func (v *visit) loginProblem(e *operators.LoginError) string {
	switch e.Reason {
	case operators.BadCode:
		return v.say(msg("login.code"))
	case operators.TooMany:
		return v.say(msg("login.wait"), int(e.Wait.Seconds()))
	case operators.Busy:
		return v.say(msg("login.busy"), int(e.Wait.Seconds()))
	case operators.NotLinked:
		return v.say(msg("login.unlinked"))
	case operators.BadCredentials, operators.NeedCode:
	}
	return v.say(msg("login.wrong"))
}

// remote returns the address that a request comes from; the zero one if it is not
// known. No header is believed.
func remote(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// enter begins a session under a token that nobody has seen before.
func (v *visit) enter(s operators.Session, next string) error {
	sessions := v.c.sessions
	if err := sessions.RenewToken(v.ctx()); err != nil {
		return err
	}
	for _, key := range []string{keyTicket, keyName, keyNext} {
		sessions.Remove(v.ctx(), key)
	}
	sessions.Put(v.ctx(), keySession, s)
	return v.see(next)
}

func (c *console) codeForm(v *visit) error {
	if c.sessions.GetString(v.ctx(), keyTicket) == "" {
		return v.see("/login")
	}
	return v.codeForm(http.StatusOK)
}

func (v *visit) codeForm(status int) error {
	return v.page(status, "code", v.say(msg("code.title")), &loginPage{Name: v.c.sessions.GetString(v.ctx(), keyName)})
}

func (c *console) code(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	if c.sessions.GetString(v.ctx(), keyTicket) == "" {
		return v.see("/login")
	}
	next := local(c.sessions.GetString(v.ctx(), keyNext), "/")
	s, err := c.Operators.Login(v.ctx(), operators.Attempt{
		Ticket: c.sessions.GetString(v.ctx(), keyTicket), Code: v.field("code"), Addr: remote(v.r),
	})
	var refused *operators.LoginError
	if errors.As(err, &refused) {
		text := v.loginProblem(refused)
		if refused.Reason == operators.BadCredentials { // the ticket has run out
			v.tell("bad", v.say(msg("login.expired")))
			c.sessions.Remove(v.ctx(), keyTicket)
			return v.see("/login")
		}
		v.notices = append(v.notices, notice{Kind: "bad", Text: text})
		return v.codeForm(loginStatus(refused))
	}
	if err != nil {
		return err
	}
	return v.enter(s, next)
}

func (c *console) welcomeForm(v *visit) error {
	token := v.r.URL.Query().Get("token")
	if err := c.Operators.CheckSetup(v.ctx(), token); err != nil {
		return err
	}
	return v.passwordForm(http.StatusOK, &passwordPage{Token: token, First: true})
}

func (v *visit) passwordForm(status int, p *passwordPage) error {
	p.Shortest = operators.MinPassword
	title := v.say(msg("welcome.title"))
	if !p.First {
		title = v.say(msg("reset.title"))
	}
	return v.page(status, "password", title, p)
}

// passwords returns the password that was entered twice.
func (v *visit) passwords(field string) (string, error) {
	password := v.r.PostForm.Get(field)
	if password != v.r.PostForm.Get("again") {
		return "", invalid(v.say(msg("password.differ")))
	}
	return password, nil
}

func (c *console) welcome(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	p := &passwordPage{Token: v.field("token"), Name: v.field("name"), First: true}
	password, err := v.passwords("password")
	var s operators.Session
	if err == nil {
		s, err = c.Operators.UseSetup(v.ctx(), p.Token, p.Name, password)
	}
	if err != nil {
		return v.again(err, func(status int) error { return v.passwordForm(status, p) })
	}
	v.tell("good", v.say(msg("welcome.done"), s.Name))
	return v.enter(s, "/")
}

func (c *console) resetForm(v *visit) error {
	token := v.r.URL.Query().Get("token")
	name, err := c.Operators.CheckReset(v.ctx(), token)
	if err != nil {
		return err
	}
	return v.passwordForm(http.StatusOK, &passwordPage{Token: token, Name: name})
}

func (c *console) reset(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	token := v.field("token")
	name, err := c.Operators.CheckReset(v.ctx(), token)
	if err != nil {
		return err
	}
	password, err := v.passwords("password")
	var s operators.Session
	if err == nil {
		s, err = c.Operators.UseReset(v.ctx(), token, password)
	}
	if err != nil {
		return v.again(err, func(status int) error {
			return v.passwordForm(status, &passwordPage{Token: token, Name: name})
		})
	}
	return v.enter(s, "/")
}

// demo logs in whoever has the link that serve --demo prints. HEAD, with which
// programs look whether a link leads somewhere, does not spend it.
func (c *console) demo(v *visit) error {
	if v.r.Method == http.MethodHead {
		return nil
	}
	s, err := c.Operators.UseDemo(v.ctx(), v.r.URL.Query().Get("token"))
	if err != nil {
		return err
	}
	return v.enter(s, "/")
}

// logout ends the session. Who has none is not told so: to tell takes a record.
func (c *console) logout(v *visit) error {
	if !c.sessions.Exists(v.ctx(), keySession) {
		return v.see("/login")
	}
	if err := c.sessions.Destroy(v.ctx()); err != nil {
		return err
	}
	v.tell("good", v.say(msg("login.out")))
	return v.see("/login")
}
