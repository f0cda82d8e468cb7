// Package sso asks an OpenID Connect provider who somebody is. Who of those may work here
// it leaves to operators, and the way of the browser there and back to the pages.
//
// It promises that what comes back is believed only as the provider signed it for the
// very flow that the browser began, and that no error holds an answer of the provider.
package sso

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
)

// Provider is an OpenID Connect provider that operators can log in with.
type Provider struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Name         string // for the button
}

// Client asks a provider. That is asked to describe itself when it is first needed, and
// again if it could not be reached, so that the console starts without it.
type Client struct {
	*Provider
	mu    sync.Mutex
	known *oidc.Provider
}

// answerTime is how long the provider may take for an answer.
const answerTime = 10 * time.Second

func (c *Client) find(ctx context.Context) (*oidc.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil {
		return c.known, nil
	}
	// It keeps the context for later, so that is not the request's.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: answerTime})
	known, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	c.known = known
	return known, nil
}

func (c *Client) oauth(p *oidc.Provider, returnTo string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: returnTo, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// Flow is what the browser keeps between going to the provider and coming back: the
// browser that comes back has to be the one that went, and nobody else learns what is
// in it.
type Flow struct {
	State, Nonce, Verifier string
	Next                   string // where to go after logging in
}

// ReadFlow reads a flow from the text that it was kept as.
func ReadFlow(text string) (f Flow, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &f) != nil || f.State == "" {
		return f, false
	}
	return f, true
}

// Text returns the flow as a text for a cookie.
func (f Flow) Text() (string, error) {
	b, err := json.Marshal(f)
	return base64.RawURLEncoding.EncodeToString(b), err
}

// Began tells whether a flow is the one that the provider answers.
func (f Flow) Began(state string) bool {
	return subtle.ConstantTimeCompare([]byte(state), []byte(f.State)) == 1
}

// Begin returns a new flow, and the address at the provider where it goes on. The
// provider sends the browser back to returnTo.
func (c *Client) Begin(ctx context.Context, returnTo, next string) (f Flow, address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	p, err := c.find(ctx)
	if err != nil {
		return f, "", err
	}
	f = Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	return f, c.oauth(p, returnTo).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Finish turns the code that the browser has brought into who it is, as the provider
// signed it for this very flow.
func (c *Client) Finish(ctx context.Context, returnTo, code string, flow Flow) (operators.Verified, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	who, err := c.verify(ctx, returnTo, code, flow)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) { // its text holds the whole answer
		err = fmt.Errorf("the provider answered %q", refused.ErrorCode)
	}
	return who, err
}

func (c *Client) verify(ctx context.Context, returnTo, code string, flow Flow) (who operators.Verified, err error) {
	p, err := c.find(ctx)
	if err != nil {
		return who, err
	}
	token, err := c.oauth(p, returnTo).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		return who, err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return who, errors.New("the provider sent no id_token")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: c.ClientID}).Verify(ctx, raw)
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
