package overapi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"mpblock"
	"mpblock/client"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
	"mpblock/native"
)

// What the platform's calls cannot say goes over the native API, which mpblock alone has.

// native returns a client of the native API, with the access tokens of another client.
func (r *remote) native(t ui.Terminal) (*native.Client, error) {
	api, err := r.dial(t)
	if err != nil {
		return nil, err
	}
	return native.New(r.Server, r.AppID, "", native.WithTokens(api), native.WithReport(func(err error) {
		fmt.Fprintf(t.Err, "%s; trying again\n", ui.Printable(err.Error()))
	}))
}

// explainNative adds to an error of the native API its exit code and what to do; asking is
// what takes that API.
func explainNative(err error, asking string) error {
	var refused *native.Error
	switch {
	case !errors.As(err, &refused):
		return explainRemote(err)
	case native.NoAPI(err):
		return ui.Failed(ui.CodeUsage, "it is of mpblock alone, and the real platform has none; --server says where the server is",
			"%s takes a server with mpblock's native API (/v1), and this one has none: it answers %d", asking, refused.Status)
	case refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden:
		return ui.Failure{Code: ui.CodeRefused, Err: err}
	}
	return err
}

// terms are the flags of what the changes of a job bear, which takes the native API.
type terms struct {
	Reason string `help:"Why, for the history. Takes mpblock's native API." placeholder:"TEXT"`
}

// ends are the flags of when blocks end.
type ends struct {
	Until string `xor:"end" help:"When the blocks end: 2026-12-31, at the end of that day, or 2026-12-31T18:00, in this machine's zone or with one. Takes mpblock's native API." placeholder:"TIME"`
	For   string `xor:"end" help:"How long the blocks last: 90s, 1h30m, 7d. Takes mpblock's native API." placeholder:"TIME"`
}

// of returns what flags ask for.
func (f terms) of(e ends) (bulk.Terms, error) {
	out := bulk.Terms{Reason: strings.TrimSpace(f.Reason), For: e.For}
	if e.Until == "" {
		return out, nil
	}
	var err error
	out.Until, err = parseUntil(e.Until)
	return out, err
}

// parseUntil reads when something ends: a day at whose end it does, or a time.
func parseUntil(s string) (time.Time, error) {
	at, day, ok := ui.ParseTime(s)
	switch {
	case day:
		return at.AddDate(0, 0, 1), nil
	case ok:
		return at, nil
	}
	return time.Time{}, ui.Failed(ui.CodeUsage, "--until "+ui.ExampleTime(), "--until %q: want a day, as 2026-12-31, or a time, as 2026-12-31T18:00", s)
}

// saying returns the flags that ask for some terms.
func saying(t bulk.Terms) string {
	var flags []string
	if t.Reason != "" {
		flags = append(flags, "--reason")
	}
	if !t.Until.IsZero() {
		flags = append(flags, "--until")
	}
	if t.For != "" {
		flags = append(flags, "--for")
	}
	return strings.Join(flags, ", ")
}

// termed is a server whose native API a job runs over, with a reason and an end for what
// it changes.
type termed struct {
	api   *native.Client
	terms bulk.Terms
	pace  *rate.Limiter
}

// over returns what a job runs over: the API of any server where it has no terms.
func (r *remote) over(t ui.Terminal, terms bulk.Terms) (bulk.Server, error) {
	if terms == (bulk.Terms{}) {
		return r.dial(t)
	}
	api, err := r.native(t)
	if err != nil {
		return nil, err
	}
	return &termed{api, terms, rate.NewLimiter(rate.Every(r.Pace), 1)}, nil
}

// try asks the server whether it takes these terms, before anything is changed.
func (s *termed) try(ctx context.Context, action mpblock.Action, openID string) error {
	b := s.batch(action, openID)
	b.ValidateOnly, b.OnBad = true, "skip"
	_, err := s.api.Apply(ctx, b)
	var refused *native.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && refused.Code != "" {
		return ui.Failed(ui.CodeUsage, "", "the server does not take %s: %s; nothing was changed", saying(s.terms), refused.Detail)
	}
	if err = explainNative(err, saying(s.terms)); err != nil {
		err = fmt.Errorf("%w; nothing was changed", err)
	}
	return err
}

func (s *termed) batch(action mpblock.Action, openIDs ...string) native.Batch {
	b := native.Batch{Action: action.String(), Terms: native.Terms{Reason: s.terms.Reason}, OpenIDs: openIDs}
	if action == mpblock.Block {
		b.ExpireTime, b.TTL = s.terms.Until, s.terms.For
	}
	return b
}

// All walks the blacklist.
func (s *termed) All(ctx context.Context) iter.Seq2[client.OpenID, error] {
	return func(yield func(client.OpenID, error) bool) {
		for after := ""; ; {
			if err := s.pace.Wait(ctx); err != nil {
				yield("", err)
				return
			}
			p, err := s.api.Walk(ctx, after)
			if err != nil {
				yield("", explainNative(err, saying(s.terms)))
				return
			}
			if len(p.OpenIDs) == 0 {
				return
			}
			for _, after = range p.OpenIDs {
				if !yield(client.OpenID(after), nil) {
					return
				}
			}
		}
	}
}

// Block blocks, all or none.
func (s *termed) Block(ctx context.Context, ids ...client.OpenID) error {
	return s.change(ctx, mpblock.Block, ids)
}

// Unblock unblocks, all or none.
func (s *termed) Unblock(ctx context.Context, ids ...client.OpenID) error {
	return s.change(ctx, mpblock.Unblock, ids)
}

func (s *termed) change(ctx context.Context, action mpblock.Action, ids []client.OpenID) error {
	if err := s.pace.Wait(ctx); err != nil {
		return err
	}
	openIDs := make([]string, len(ids))
	for i, id := range ids {
		openIDs[i] = string(id)
	}
	_, err := s.api.Apply(ctx, s.batch(action, openIDs...))
	return inCodes(err)
}

// inCodes gives an error of the native API the meaning that jobs know: that of the
// platform's code for the same.
func inCodes(err error) error {
	var refused *native.Error
	var token *client.Error
	switch {
	case err == nil || errors.As(err, &token):
		return err
	case !errors.As(err, &refused):
		return &client.UnknownOutcomeError{Call: "batches", Err: err}
	case len(refused.Items) > 0:
		var code *client.Error
		if !errors.As(codes[refused.Items[0].Code], &code) {
			errors.As(client.ErrInvalidOpenID, &code)
		}
		said := *code
		said.Detail = refused.Items[0].Detail
		return &coded{refused, &said}
	case !native.Final(err):
		return &coded{refused, client.ErrSystem}
	}
	return explainNative(err, "the job")
}

// codes are the errors of the platform that mean the same as those of an item.
var codes = map[string]error{
	"openid.shape": client.ErrInvalidOpenID, "openid.unknown": client.ErrInvalidOpenID,
	"openid.foreign": client.ErrNotThisAccount, "openid.protected": client.ErrLimitedUser,
}

// coded is an error with another's meaning.
type coded struct {
	error
	code error
}

func (e *coded) Unwrap() []error { return []error{e.error, e.code} }
