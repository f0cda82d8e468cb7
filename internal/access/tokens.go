package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// Times of the access tokens, from the platform's documentation of the two calls.
const (
	TokenLife     = 7200 * time.Second // of both kinds
	tokenOverlap  = 5 * time.Minute    // a superseded token stays good; a stable one is renewed before its end
	forcedPerDay  = 20                 // forced refreshes that are granted
	forcedApart   = 30 * time.Second   // between two of them
	maxSuperseded = 64                 // tokens that are remembered as superseded; the platform's own limit is not known
)

// The two kinds of tokens, as a token bears them.
const (
	plainToken  = 't'
	stableToken = 's'
)

// issued is a token that was given out. Times are Unix milliseconds, so that the
// same token can be made again from the store.
type issued struct {
	Serial  uint64 `json:"serial"`
	Expires int64  `json:"expires"`
}

// tokenClock is the time in the grain in which tokens are kept, so that a new one
// has all of its life left.
func (svc *Service) tokenClock() time.Time { return svc.clock.Now().Truncate(time.Millisecond) }

func (i issued) left(now time.Time) time.Duration { return time.UnixMilli(i.Expires).Sub(now) }

// kindToken is the kind of the records of tokens; their keys are AppIDs.
const kindToken = record.Kind[tokenState]("token")

// tokenState is what the store keeps of an account's tokens.
type tokenState struct {
	Epoch  uint64 `json:"epoch"` // of the account, when this was written; of another epoch it is as if empty
	Last   uint64 `json:"last"`  // serial given out
	Plain  issued `json:"plain"`
	Stable issued `json:"stable"`

	// Superseded are plain tokens that a newer one replaced, each with the end of
	// its overlap, the oldest first.
	Superseded []issued `json:"superseded,omitempty"`
	// Former is the stable token before Stable, which runs out by itself.
	Former issued `json:"former"`

	ForcedDay  string `json:"forced_day,omitempty"` // day, in the platform's time, of the count
	Forced     int    `json:"forced,omitempty"`     // refreshes granted on that day
	LastForced int64  `json:"last_forced,omitempty"`
}

// of returns the state as it is to be seen in an epoch: a new secret forgets the
// tokens, and keeps the serials and the count of forced refreshes.
func (t tokenState) of(epoch uint64) tokenState {
	if t.Epoch == epoch {
		return t
	}
	return tokenState{Epoch: epoch, Last: t.Last, ForcedDay: t.ForcedDay, Forced: t.Forced, LastForced: t.LastForced}
}

// good tells whether a token that is well signed and has not expired is one that
// still counts.
func (t tokenState) good(kind byte, serial uint64, now time.Time) bool {
	if kind == stableToken {
		return serial == t.Stable.Serial || serial == t.Former.Serial
	}
	return serial == t.Plain.Serial || slices.ContainsFunc(t.Superseded, func(i issued) bool {
		return i.Serial == serial && i.left(now) > 0
	})
}

func (t *tokenState) issue(now time.Time, life time.Duration) issued {
	t.Last++
	return issued{Serial: t.Last, Expires: now.Add(life).UnixMilli()}
}

// fresh tells whether a stable token is to be handed out again. One that ends later
// than a new one would is of a clock that was ahead.
func (i issued) fresh(now time.Time, life time.Duration) bool {
	left := i.left(now)
	return left > min(tokenOverlap, life/2) && left <= life
}

func (t *tokenState) issuePlain(now time.Time, life time.Duration) {
	kept := slices.DeleteFunc(slices.Clone(t.Superseded), func(i issued) bool { return i.left(now) <= 0 })
	if t.Plain.left(now) > 0 {
		kept = append(kept, issued{Serial: t.Plain.Serial, Expires: now.Add(tokenOverlap).UnixMilli()})
	}
	t.Superseded = kept[max(0, len(kept)-maxSuperseded):]
	t.Plain = t.issue(now, life)
}

// mayForce tells whether a forced refresh is granted, and counts it.
func (t *tokenState) mayForce(now time.Time) bool {
	day := mpblock.Day(now)
	if t.ForcedDay != day {
		t.ForcedDay, t.Forced = day, 0
	}
	since := now.Sub(time.UnixMilli(t.LastForced)) // negative: of a clock that was ahead
	if t.Forced >= forcedPerDay || since >= 0 && since < forcedApart {
		return false
	}
	t.Forced++
	t.LastForced = now.UnixMilli()
	return true
}

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

// Token issues a new access token; the one before it stays good for 5 minutes.
func (svc *Service) Token(ctx context.Context, c Credentials) (Token, error) {
	s, err := svc.admit(ctx, c, mpblock.CallToken)
	if err != nil {
		return Token{}, err
	}
	return svc.issueToken(ctx, s.account.AppID, func(t *tokenState, now time.Time) (byte, issued) {
		t.issuePlain(now, svc.life)
		return plainToken, t.Plain
	})
}

// StableToken returns the account's present stable token, or a new one if it has
// less than 5 minutes left or force is set; force makes the old one bad at once,
// and is granted 20 times a day and once in 30 s, beyond which the present one
// is returned.
func (svc *Service) StableToken(ctx context.Context, c Credentials, force bool) (Token, error) {
	s, err := svc.admit(ctx, c, mpblock.CallStableToken)
	if err != nil {
		return Token{}, err
	}
	now := svc.tokenClock()
	if present := s.tokens.of(s.epoch).Stable; !force && present.fresh(now, svc.life) {
		return svc.token(s.account.AppID, s.epoch, stableToken, present, now), nil
	}
	return svc.issueToken(ctx, s.account.AppID, func(t *tokenState, now time.Time) (byte, issued) {
		switch fresh := t.Stable.fresh(now, svc.life); {
		case force && t.Stable.Serial != 0 && t.mayForce(now):
			t.Former = issued{}
			t.Stable = t.issue(now, svc.life)
		case !fresh:
			t.Former = t.Stable
			t.Stable = t.issue(now, svc.life)
		}
		return stableToken, t.Stable
	})
}

// issueToken changes the account's tokens in the store and returns the one that
// change picked. Nodes and callers that do so at once take turns.
func (svc *Service) issueToken(ctx context.Context, app mpblock.AppID, change func(*tokenState, time.Time) (byte, issued)) (Token, error) {
	defer svc.cache.forget(app) // whatever came of it
	var t Token
	_, err := kindToken.Edit(ctx, svc.store, string(app), func(e *record.Entry[tokenState]) error {
		a, err := svc.readAccount(ctx, app)
		if err != nil {
			return err
		}
		now := svc.tokenClock()
		e.Value = e.Value.of(a.epoch)
		kind, picked := change(&e.Value, now)
		t = svc.token(app, a.epoch, kind, picked, now)
		return nil
	})
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

func (svc *Service) token(app mpblock.AppID, epoch uint64, kind byte, i issued, now time.Time) Token {
	return Token{
		AppID:     app,
		Value:     svc.signer.sign(claims{app: app, kind: kind, epoch: epoch, serial: i.Serial, expires: i.Expires}),
		ExpiresIn: i.left(now),
	}
}

// admit checks who asks for a token, in the order of the platform's own answers.
func (svc *Service) admit(ctx context.Context, c Credentials, call mpblock.Call) (*state, error) {
	if c.AppID == "" {
		return nil, errNoAppID
	}
	s, err := svc.state(ctx, mpblock.AppID(c.AppID))
	if err != nil {
		return nil, err
	}
	if err := s.account.MayChange(); err != nil {
		return nil, err
	}
	switch {
	case c.GrantType != "client_credential":
		return nil, errGrantType
	case c.Secret == "":
		return nil, errNoSecret
	case !s.account.SecretHash.Matches(c.Secret):
		return nil, errWrongSecret.With(s.account.AppID)
	}
	return s, svc.permit(ctx, &s.account, call, c.IP)
}

// Authorize checks, in this order, the access token, the caller's address, the
// account's permission for the call and its quotas, and counts the call. The
// Account it returns is shared: it must not be changed. It is returned beside an
// error too, where the token is good.
func (svc *Service) Authorize(ctx context.Context, token string, call mpblock.Call, ip netip.Addr) (*mpblock.Account, error) {
	if token == "" {
		return nil, errNoToken
	}
	c, ok := svc.signer.read(token)
	if !ok {
		return nil, errForgedToken
	}
	now := svc.clock.Now()
	if c.expires <= now.UnixMilli() {
		return nil, errTokenExpired.With(time.UnixMilli(c.expires).UTC().Format(time.RFC3339))
	}
	s, err := svc.stateFor(ctx, c)
	if errors.Is(err, ErrNoAccount) {
		return nil, errTokenOfNone
	}
	if err != nil {
		return nil, err
	}
	if err := s.account.MayChange(); err != nil {
		return &s.account, err
	}
	if s.epoch != c.epoch {
		return nil, errTokenRotated
	}
	if !s.tokens.of(s.epoch).good(c.kind, c.serial, now) {
		return nil, errTokenSuperseded
	}
	return &s.account, svc.permit(ctx, &s.account, call, ip)
}

// Bearer returns the account that an access token says it is of. The token is well
// signed; it may have ended.
func (svc *Service) Bearer(token string) (mpblock.AppID, bool) {
	c, ok := svc.signer.read(token)
	return c.app, ok
}

// Kill ends an access token before its time, as when another program asks for a new one:
// calls with it answer 40001, and the next one that is asked for is another. It tells
// whether the token was good.
func (svc *Service) Kill(ctx context.Context, token string) (killed bool, err error) {
	c, ok := svc.signer.read(token)
	if !ok || c.expires <= svc.clock.Now().UnixMilli() {
		return false, nil
	}
	defer svc.cache.forget(c.app)
	_, err = kindToken.Edit(ctx, svc.store, string(c.app), func(e *record.Entry[tokenState]) error {
		if killed = e.Value.Epoch == c.epoch && e.Value.good(c.kind, c.serial, svc.tokenClock()); !killed {
			return record.ErrKeep
		}
		e.Value.drop(c.kind, c.serial)
		return nil
	})
	return killed && err == nil, err
}

// drop forgets a token.
func (t *tokenState) drop(kind byte, serial uint64) {
	is := func(i issued) bool { return i.Serial == serial }
	for _, i := range []*issued{&t.Plain, &t.Stable, &t.Former} {
		if is(*i) && (kind == plainToken) == (i == &t.Plain) {
			*i = issued{}
		}
	}
	t.Superseded = slices.DeleteFunc(slices.Clone(t.Superseded), is)
}

// stateFor returns the state that a token is to be held against. One that another
// node has just issued is newer than what this node remembers, which is then read
// again.
func (svc *Service) stateFor(ctx context.Context, c claims) (*state, error) {
	s, err := svc.state(ctx, c.app)
	if err == nil && (c.epoch > s.epoch || c.serial > s.tokens.Last) {
		svc.cache.forget(c.app)
		return svc.state(ctx, c.app)
	}
	return s, err
}

// permit checks the caller's address, then whether the account may make the call
// at all, then how often.
func (svc *Service) permit(ctx context.Context, a *mpblock.Account, call mpblock.Call, ip netip.Addr) error {
	ip = ip.Unmap()
	if len(a.AllowIPs) > 0 && !slices.ContainsFunc(a.AllowIPs, func(n netip.Prefix) bool { return n.Contains(ip) }) {
		return errAddress.With(a.AppID, ip)
	}
	if slices.Contains(a.Denied, call) {
		return errCall.With(a.AppID, call)
	}
	return svc.spend(ctx, a, call)
}

// claims are what a token says of itself.
type claims struct {
	app     mpblock.AppID
	kind    byte
	epoch   uint64
	serial  uint64
	expires int64 // Unix milliseconds
}

// signer makes and reads the text of tokens: base64url of a version, the claims
// and their HMAC-SHA256.
type signer struct {
	macs *sync.Pool // of hash.Hash with the key, which is half of the work
}

func newSigner(key []byte) signer {
	return signer{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

const (
	tokenVersion = 1
	claimsLen    = 2 + 8 + 3*8
)

func (s signer) sign(c claims) string {
	b := make([]byte, 0, claimsLen+sha256.Size)
	b = append(b, tokenVersion, c.kind)
	b, err := hex.AppendDecode(b, []byte(c.app[2:]))
	if err != nil {
		panic(err) // an AppID is wx and hexadecimal digits
	}
	b = binary.BigEndian.AppendUint64(b, c.epoch)
	b = binary.BigEndian.AppendUint64(b, c.serial)
	b = binary.BigEndian.AppendUint64(b, uint64(c.expires)) //nolint:gosec // after 1970
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...))
}

// read returns the claims of a token that this signer signed.
func (s signer) read(token string) (claims, bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(claimsLen+sha256.Size) {
		return claims{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || !hmac.Equal(b[claimsLen:], s.mac(b[:claimsLen])) || b[0] != tokenVersion {
		return claims{}, false
	}
	return claims{
		kind:    b[1],
		app:     mpblock.AppID("wx" + hex.EncodeToString(b[2:10])),
		epoch:   binary.BigEndian.Uint64(b[10:]),
		serial:  binary.BigEndian.Uint64(b[18:]),
		expires: int64(binary.BigEndian.Uint64(b[26:])), //nolint:gosec // as it was signed
	}, true
}

func (s signer) mac(b []byte) []byte {
	h := s.macs.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	defer s.macs.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(nil)
}
