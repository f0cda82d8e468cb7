package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"mpblock/internal/operators"

	"mpblock/internal/console/web"
)

// OIDC is an OpenID Connect provider that operators can log in with.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Name         string // for the button
}

// returnPath is where the provider sends the browser back to.
const returnPath = "/login/oidc/return"

// provider is the provider as it describes itself. It is asked when it is first
// needed, and again if it could not be reached, so that the console starts without it.
type provider struct {
	*OIDC
	mu    sync.Mutex
	known *oidc.Provider
}

// providerTime is how long the provider may take for an answer.
const providerTime = 10 * time.Second

func (p *provider) find(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	// It keeps the context for later, so that is not the request's.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: providerTime})
	known, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, err
	}
	p.known = known
	return known, nil
}

func (v *visit) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: v.c.OIDC.ClientID, ClientSecret: v.c.OIDC.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: v.Public() + returnPath, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// oidcFlow is what the browser keeps between going to the provider and coming back,
// in a cookie: the browser that comes back has to be the one that went, and nobody
// else learns what is in it.
type oidcFlow struct {
	State, Nonce, Verifier string
	Next                   string
}

// flowLife is how long somebody may take at the provider.
const flowLife = 15 * time.Minute

func (c *console) oidcBegin(v *visit) error {
	if c.OIDC == nil {
		return web.ErrMissing
	}
	ctx, cancel := context.WithTimeout(v.Ctx(), providerTime)
	defer cancel()
	p, err := c.provider.find(ctx)
	if err != nil {
		return v.providerFailed(err)
	}
	flow := oidcFlow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: web.Local(v.R.URL.Query().Get("next"), "/")}
	text, err := json.Marshal(flow)
	if err != nil {
		return err
	}
	c.setFlow(v, base64.RawURLEncoding.EncodeToString(text), int(flowLife.Seconds()))
	address := v.oauth(p).AuthCodeURL(flow.State, oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier))
	return v.See(address)
}

func (c *console) setFlow(v *visit, value string, age int) {
	http.SetCookie(v.W, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: c.cookieOIDC, Value: value, Path: "/login/oidc", MaxAge: age, HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// flow reads what the browser has kept.
func (v *visit) flow() (f oidcFlow, ok bool) {
	cookie, err := v.R.Cookie(v.c.cookieOIDC)
	if err != nil {
		return f, false
	}
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || json.Unmarshal(text, &f) != nil || f.State == "" {
		return f, false
	}
	return f, true
}

// oidcReturn takes who comes back from the provider. HEAD does not spend the code.
func (c *console) oidcReturn(v *visit) error {
	if c.OIDC == nil {
		return web.ErrMissing
	}
	if v.R.Method == http.MethodHead {
		return nil
	}
	flow, ok := v.flow()
	q := v.R.URL.Query()
	if !ok || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(flow.State)) != 1 {
		return web.Invalid(v.Say(msg("oidc.state")))
	}
	c.setFlow(v, "", -1)
	if code := q.Get("error"); code != "" {
		return web.Invalid(v.Say(msg("oidc.refused"), c.OIDC.Name, code))
	}
	ctx, cancel := context.WithTimeout(v.Ctx(), providerTime)
	defer cancel()
	who, err := v.verify(ctx, q.Get("code"), flow)
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

// verify turns the code that the browser has brought into who it is, as the
// provider signed it for this very flow.
func (v *visit) verify(ctx context.Context, code string, flow oidcFlow) (who operators.Verified, err error) {
	p, err := v.c.provider.find(ctx)
	if err != nil {
		return who, err
	}
	token, err := v.oauth(p).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		return who, err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return who, errors.New("the provider sent no id_token")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: v.c.OIDC.ClientID}).Verify(ctx, raw)
	if err != nil {
		return who, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(flow.Nonce)) != 1 {
		return who, errors.New("the id_token is of another login")
	}
	who.Issuer, who.Subject = id.Issuer, id.Subject
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		return who, fmt.Errorf("read the claims: %w", err)
	}
	who.Email, who.EmailVerified = claims.Email, claims.Verified
	if who.Email != "" {
		return who, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return who, err
	}
	if info.Subject == who.Subject {
		who.Email, who.EmailVerified = info.Email, info.EmailVerified
	}
	return who, nil
}

// providerFailed says that the provider is the trouble; the log says how.
func (v *visit) providerFailed(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) { // its text holds the whole answer
		err = fmt.Errorf("the provider answered %q", refused.ErrorCode)
	}
	v.c.Log.Error("console: login through the provider", "issuer", v.c.OIDC.Issuer, "error", err)
	return web.Invalid(v.Say(msg("oidc.failed"), v.c.OIDC.Name))
}
