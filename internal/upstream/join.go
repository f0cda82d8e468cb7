package upstream

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/seal"
	"mpblock/internal/upstream/source"
)

var (
	errNoAppID  = mpblock.NewError(mpblock.Invalid, "upstream.appid", "an account on the platform has its AppID there: give it")
	errNoPrefix = mpblock.NewError(mpblock.Invalid, "upstream.prefix", "nobody is blocked there yet, so the prefix of the account's OpenIDs cannot be learnt: give it, as the 8 hexadecimal digits or by one OpenID of a follower")
)

// Join tries the credentials of an account on the platform with one call, and makes its
// upstream known, before the account itself is made. It returns the prefix of the account's
// OpenIDs: the one that is given, or else that of those blocked there.
func (s *Service) Join(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec, prefix *mpblock.Prefix) (*mpblock.Prefix, error) {
	if app == "" {
		return nil, errNoAppID
	}
	learnt, _, err := s.Probe(ctx, app, baseURL, tokens)
	if err != nil {
		return nil, err
	}
	if prefix == nil {
		if learnt == (mpblock.Prefix{}) {
			return nil, errNoPrefix
		}
		prefix = &learnt
	}
	return prefix, s.Add(ctx, app, baseURL, tokens)
}

var errOther = mpblock.NewError(mpblock.Conflict, "upstream.other", "the OpenIDs there begin with %s, and those of %s with %s: that is another account's list; add it as an account of its own, or turn the check of prefixes off")

// Move has an account's list lie at a base URL from now on, where it may lie already, and
// its tokens come from a place, once both have been tried: they are given together, since a
// secret goes to no other server than the one it was given for. What the next reading finds
// elsewhere nobody has just done; if it is another list, a person decides.
func (s *Service) Move(ctx context.Context, a *mpblock.Account, baseURL string, tokens source.Spec) error {
	u, err := s.Of(ctx, a.AppID)
	if err != nil {
		return err
	}
	learnt, _, err := s.Probe(ctx, a.AppID, baseURL, tokens)
	if err != nil {
		return err
	}
	if learnt != (mpblock.Prefix{}) && learnt != a.Prefix && !a.AnyPrefix {
		return errOther.With(learnt.Begins(), a.AppID, a.Prefix.Begins())
	}
	if u.BaseURL == baseURL {
		return s.SetTokens(ctx, a.AppID, tokens)
	}
	h, err := s.hold(ctx, a.AppID, asker{urgent: true, moves: true})
	if err != nil {
		return err
	}
	defer h.release(ctx)
	_, err = kindUpstream.Edit(ctx, s.store, string(a.AppID), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(a.AppID)
		}
		to := &e.Value
		to.BaseURL, to.Moved, to.Tried, to.Held, to.Problem = baseURL, s.clock.Now().UTC(), time.Time{}, nil, ""
		to.Told, to.Page = budget.Told{}, 0
		if to.Synced.IsZero() {
			to.Moved = time.Time{} // there is no other list to be expected
		}
		return s.from(a.AppID, to, tokens)
	})
	return err
}

// Try examines an account on the platform that is not known here yet. Nothing of it is kept.
func (s *Service) Try(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec) (doctor.Report, error) {
	if app == "" {
		return doctor.Report{}, errNoAppID
	}
	c, err := s.dial(app, baseURL, tokens, client.WithRetries(0))
	if err != nil {
		return doctor.Report{}, err
	}
	return s.examine(ctx, c, app, baseURL, tokens), nil
}

func (s *Service) examine(ctx context.Context, c *client.Client, app mpblock.AppID, baseURL string, tokens source.Spec) doctor.Report {
	r := doctor.Examine(ctx, c)
	r.AppID, r.At, r.BaseURL, r.Tokens = app, s.clock.Now().UTC(), baseURL, tokens.Place()
	return r
}

// Report returns what the last examination of an account has found; the zero Report if
// there was none.
func (s *Service) Report(ctx context.Context, app mpblock.AppID) (doctor.Report, error) {
	e, err := kindDoctor.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	return e.Value, err
}

// Wrap seals a text that is kept for somebody for a while, and may hold secrets: what a form
// has so far. Unwrap opens it for the same name.
func (s *Service) Wrap(name, text string) (string, error) {
	by, err := s.sealing(s.makeSeal)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(by.Seal(wrapped(name), text)), nil
}

// Unwrap returns a text that Wrap has sealed.
func (s *Service) Unwrap(name, sealed string) (string, error) {
	by, err := s.sealing(false)
	if err != nil {
		return "", err
	}
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", seal.ErrKey.With(name)
	}
	return by.Open(wrapped(name), b)
}

// wrapped is what texts are sealed for: no account has such an AppID.
func wrapped(name string) mpblock.AppID { return mpblock.AppID("form:" + name) }
