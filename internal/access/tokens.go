package access

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/access/tokens"
	"mpblock/internal/record"
)

// TokenLife is how long access tokens live, unless another time is asked for.
const TokenLife = tokens.Life

// tokenClock is the time in the grain in which tokens are kept, so that a new one
// has all of its life left.
func (svc *Service) tokenClock() time.Time { return svc.clock.Now().Truncate(time.Millisecond) }

// Credentials are what a caller shows to get an access token.
type Credentials struct {
	GrantType string // "client_credential"
	AppID     string
	Secret    string
	IP        netip.Addr // where the caller calls from
}

// Token is an access token and how long it is still good.
type Token struct {
	AppID     mpblock.AppID
	Value     string // at most 512 characters; never to be logged
	ExpiresIn time.Duration
}

// Caller is who calls.
type Caller struct {
	*mpblock.Account        // shared: it must not be changed
	Program          string // "": with the account's own secret
	Actor            string // as changes bear it
}

// Token issues a new access token; the one before it stays good for 5 minutes.
func (svc *Service) Token(ctx context.Context, c Credentials) (Token, error) {
	s, p, err := svc.admit(ctx, c, mpblock.CallToken)
	if err != nil {
		return Token{}, err
	}
	return svc.issueToken(ctx, s, p, func(t *tokens.State, now time.Time) (byte, tokens.Issued) {
		t.IssuePlain(now, svc.life)
		return tokens.Plain, t.Plain
	})
}

// StableToken returns the present stable token of the account, or of the program whose
// secret is shown, or a new one if it has less than 5 minutes left or force is set; force
// makes the old one bad at once, and is granted 20 times a day and once in 30 s, beyond
// which the present one is returned.
func (svc *Service) StableToken(ctx context.Context, c Credentials, force bool) (Token, error) {
	s, p, err := svc.admit(ctx, c, mpblock.CallStableToken)
	if err != nil {
		return Token{}, err
	}
	now := svc.tokenClock()
	if t := s.tokensOf(p); !force && t.Stable.Fresh(now, svc.life) {
		return svc.token(s.account.AppID, p, t.Epoch, tokens.Stable, t.Stable, now), nil
	}
	return svc.issueToken(ctx, s, p, func(t *tokens.State, now time.Time) (byte, tokens.Issued) {
		t.IssueStable(now, svc.life, force)
		return tokens.Stable, t.Stable
	})
}

// issueToken changes the tokens of a program, or of the account's own secret, in the
// store and returns the one that change picked. Nodes and callers that do so at once
// take turns. The secret was held against what is remembered of the account; where it
// was changed since, there is no token.
func (svc *Service) issueToken(ctx context.Context, s *state, p *programs.Credential, change func(*tokens.State, time.Time) (byte, tokens.Issued)) (out Token, err error) {
	app := s.account.AppID
	defer svc.cache.forget(app) // whatever came of it
	issue := func(t *tokens.State) {
		now := svc.tokenClock()
		kind, picked := change(t, now)
		out = svc.token(app, p, t.Epoch, kind, picked, now)
	}
	if p != nil {
		same, err := svc.programs.EditTokens(ctx, app, p.Name, p.Tokens.Epoch, func(t *tokens.State) { issue(t) })
		if err == nil && !same {
			err = errWrongSecret.With(app) // it has another since it was looked at
		}
		if err != nil {
			return Token{}, err
		}
		return out, nil
	}
	_, err = programs.Kind.Edit(ctx, svc.store, string(app), func(e *record.Entry[programs.Book]) error {
		a, err := svc.readAccount(ctx, app)
		switch {
		case err != nil:
			return err
		case a.epoch != s.epoch:
			return errWrongSecret.With(app)
		}
		e.Value.State = e.Value.Of(a.epoch)
		issue(&e.Value.State)
		return nil
	})
	if err != nil {
		return Token{}, err
	}
	return out, nil
}

func (svc *Service) token(app mpblock.AppID, p *programs.Credential, epoch uint64, kind byte, i tokens.Issued, now time.Time) Token {
	c := tokens.Claims{App: app, Kind: kind, Epoch: epoch, Serial: i.Serial, Expires: i.Expires}
	if p != nil {
		c.Program = []byte(p.Name)
	}
	return Token{AppID: app, Value: svc.signer.Sign(c), ExpiresIn: i.Left(now)}
}

// admit checks who asks for a token, in the order of the platform's own answers. The
// program is nil where the secret is the account's own.
func (svc *Service) admit(ctx context.Context, c Credentials, call mpblock.Call) (*state, *programs.Credential, error) {
	if c.AppID == "" {
		return nil, nil, errNoAppID
	}
	s, err := svc.state(ctx, mpblock.AppID(c.AppID))
	if err != nil {
		return nil, nil, err
	}
	if err := s.account.MayChange(); err != nil {
		return nil, nil, err
	}
	switch {
	case c.GrantType != "client_credential":
		return nil, nil, errGrantType
	case c.Secret == "":
		return nil, nil, errNoSecret
	}
	var p *programs.Credential
	if !s.account.SecretHash.Matches(c.Secret) {
		if p = s.programs.Of(c.Secret); p == nil {
			return nil, nil, errWrongSecret.With(s.account.AppID)
		}
	}
	return s, p, svc.permit(ctx, &s.account, p, call, c.IP)
}

// Authorize checks, in this order, the access token, the caller's address, the
// permission of account and program for the call and the account's quotas, and counts
// the call. The Caller is returned beside an error too, where the token is good.
func (svc *Service) Authorize(ctx context.Context, token string, call mpblock.Call, ip netip.Addr) (Caller, error) {
	who, p, err := svc.bearer(ctx, token)
	if err != nil {
		return who, err
	}
	return who, svc.permit(ctx, who.Account, p, call, ip)
}

// Admit is Authorize of a call that the platform does not have: it takes a scope, and no
// quota counts it.
func (svc *Service) Admit(ctx context.Context, token string, call mpblock.Call, scope programs.Scope, ip netip.Addr) (Caller, error) {
	who, p, err := svc.bearer(ctx, token)
	if err != nil {
		return who, err
	}
	return who, allowed(who.Account, p, call, scope, ip)
}

// bearer returns who an access token is of.
func (svc *Service) bearer(ctx context.Context, token string) (Caller, *programs.Credential, error) {
	if token == "" {
		return Caller{}, nil, errNoToken
	}
	c, ok := svc.signer.Read(token)
	if !ok {
		return Caller{}, nil, errForgedToken
	}
	now := svc.clock.Now()
	if c.Expires <= now.UnixMilli() {
		return Caller{}, nil, errTokenExpired.With(time.UnixMilli(c.Expires).UTC().Format(time.RFC3339))
	}
	s, err := svc.stateFor(ctx, c)
	if errors.Is(err, ErrNoAccount) {
		return Caller{}, nil, errTokenOfNone
	}
	if err != nil {
		return Caller{}, nil, err
	}
	p := s.programs[string(c.Program)]
	who := Caller{&s.account, "", mpblock.ActorAPI}
	if p != nil {
		who.Program, who.Actor = p.Name, p.Named
	}
	if err := s.account.MayChange(); err != nil {
		return who, p, err
	}
	if err := s.holds(c, p, now); err != nil {
		return Caller{}, nil, err
	}
	if p != nil {
		p.Touch(now)
	}
	return who, p, nil
}

// holds tells whether a token that is well signed and has not expired still counts.
func (s *state) holds(c tokens.Claims, p *programs.Credential, now time.Time) error {
	t := s.tokensOf(p)
	switch {
	case p == nil && len(c.Program) > 0:
		return errTokenRevoked.With(string(c.Program))
	case p != nil && !p.Revoked.IsZero():
		return errTokenRevoked.With(p.Name)
	case p != nil && t.Epoch != c.Epoch:
		return errProgramRotated.With(p.Name)
	case t.Epoch != c.Epoch:
		return errTokenRotated
	case !t.Good(c.Kind, c.Serial, now):
		return errTokenSuperseded
	}
	return nil
}

// tokensOf returns the tokens of a program, nil for the account's own secret.
func (s *state) tokensOf(p *programs.Credential) *tokens.State {
	if p != nil {
		return &p.Tokens
	}
	return &s.tokens
}

// Bearer returns the account that an access token says it is of, and the program, "" if
// there is none. The token is well signed; it may have ended.
func (svc *Service) Bearer(token string) (app mpblock.AppID, program string, ok bool) {
	c, ok := svc.signer.Read(token)
	return c.App, string(c.Program), ok
}

// Owner returns the program of an account that a secret is of, "" if there is none.
func (svc *Service) Owner(ctx context.Context, app mpblock.AppID, secret string) string {
	s, err := svc.state(ctx, app)
	if err != nil {
		return ""
	}
	if p := s.programs.Of(secret); p != nil {
		return p.Name
	}
	return ""
}

// Kill ends an access token before its time, as when another program asks for a new one:
// calls with it answer 40001, and the next one that is asked for is another. It tells
// whether the token was good.
func (svc *Service) Kill(ctx context.Context, token string) (killed bool, err error) {
	c, ok := svc.signer.Read(token)
	if !ok || c.Expires <= svc.clock.Now().UnixMilli() {
		return false, nil
	}
	defer svc.cache.forget(c.App)
	drop := func(t *tokens.State) {
		if killed = t.Good(c.Kind, c.Serial, svc.tokenClock()); killed {
			t.Drop(c.Kind, c.Serial)
		}
	}
	if len(c.Program) > 0 {
		same, err := svc.programs.EditTokens(ctx, c.App, string(c.Program), c.Epoch, drop)
		return killed && same, err
	}
	_, err = programs.Kind.Edit(ctx, svc.store, string(c.App), func(e *record.Entry[programs.Book]) error {
		if killed = false; e.Value.Epoch == c.Epoch {
			drop(&e.Value.State)
		}
		if !killed {
			return record.ErrKeep
		}
		return nil
	})
	return killed && err == nil, err
}

// stateFor returns the state that a token is to be held against. One that another
// node has just issued is newer than what this node remembers, which is then read
// again.
func (svc *Service) stateFor(ctx context.Context, c tokens.Claims) (*state, error) {
	s, err := svc.state(ctx, c.App)
	if err != nil {
		return nil, err
	}
	p := s.programs[string(c.Program)]
	if t := s.tokensOf(p); p == nil && len(c.Program) > 0 || c.Epoch > t.Epoch || c.Epoch == t.Epoch && c.Serial > t.Last {
		svc.cache.forget(c.App)
		return svc.state(ctx, c.App)
	}
	return s, nil
}

// permit checks the caller's address, then whether account and program may make the
// call at all, then how often.
func (svc *Service) permit(ctx context.Context, a *mpblock.Account, p *programs.Credential, call mpblock.Call, ip netip.Addr) error {
	if err := allowed(a, p, call, programs.ScopeOf(call), ip); err != nil {
		return err
	}
	return svc.spend(ctx, a, call)
}

func allowed(a *mpblock.Account, p *programs.Credential, call mpblock.Call, scope programs.Scope, ip netip.Addr) error {
	ip = ip.Unmap()
	if len(a.AllowIPs) > 0 && !slices.ContainsFunc(a.AllowIPs, func(n netip.Prefix) bool { return n.Contains(ip) }) {
		return errAddress.With(a.AppID, ip)
	}
	if slices.Contains(a.Denied, call) {
		return errCall.With(a.AppID, call)
	}
	if p != nil && scope != "" && !p.Has(scope) {
		return errScope.With(p.Name, a.AppID, scope, p.With(scope))
	}
	return nil
}
