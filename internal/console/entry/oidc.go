package entry

import (
	"errors"
	"net/http"
	"time"

	"mpblock/internal/console/sso"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// returnPath is where the provider sends the browser back to.
const returnPath = "/login/oidc/return"

// flowLife is how long somebody may take at the provider.
const flowLife = 15 * time.Minute

func (c *Pages) oidcBegin(v *visit) error {
	if c.OIDC == nil {
		return web.ErrMissing
	}
	flow, address, err := c.provider.Begin(v.Ctx(), v.Public()+returnPath, web.Local(v.R.URL.Query().Get("next"), "/"))
	if err != nil {
		return v.providerFailed(err)
	}
	text, err := flow.Text()
	if err != nil {
		return err
	}
	c.setFlow(v, text, int(flowLife.Seconds()))
	return v.See(address)
}

func (c *Pages) setFlow(v *visit, value string, age int) {
	http.SetCookie(v.W, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: c.cookieOIDC, Value: value, Path: "/login/oidc", MaxAge: age, HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// flow reads what the browser has kept.
func (v *visit) flow() (f sso.Flow, ok bool) {
	cookie, err := v.R.Cookie(v.c.cookieOIDC)
	if err != nil {
		return f, false
	}
	return sso.ReadFlow(cookie.Value)
}

// oidcReturn takes who comes back from the provider. HEAD does not spend the code.
func (c *Pages) oidcReturn(v *visit) error {
	if c.OIDC == nil {
		return web.ErrMissing
	}
	if v.R.Method == http.MethodHead {
		return nil
	}
	flow, ok := v.flow()
	q := v.R.URL.Query()
	if !ok || !flow.Began(q.Get("state")) {
		return web.Invalid(v.Say(msg("oidc.state")))
	}
	c.setFlow(v, "", -1)
	if code := q.Get("error"); code != "" {
		return web.Invalid(v.Say(msg("oidc.refused"), c.OIDC.Name, code))
	}
	who, err := c.provider.Finish(v.Ctx(), v.Public()+returnPath, q.Get("code"), flow)
	if err != nil {
		return v.providerFailed(err)
	}
	s, err := c.Operators.LoginVerified(v.Ctx(), who)
	var refused *operators.LoginError
	if errors.As(err, &refused) {
		return web.Invalid(v.LoginProblem(refused))
	}
	if err != nil {
		return err
	}
	return v.enter(s, web.Local(flow.Next, "/"))
}

// providerFailed says that the provider is the trouble; the log says how.
func (v *visit) providerFailed(err error) error {
	v.c.Log.Error("console: login through the provider", "issuer", v.c.OIDC.Issuer, "error", err)
	return web.Invalid(v.Say(msg("oidc.failed"), v.c.OIDC.Name))
}
