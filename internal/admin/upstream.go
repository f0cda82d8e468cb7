package admin

import (
	"context"
	"net/http"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
)

// NewUpstream says where an account's blacklist truly lies.
type NewUpstream struct {
	URL    string      `json:"url"` // base URL of the API there, without /cgi-bin
	Tokens source.Spec `json:"tokens"`
}

// Upstream is where an account's blacklist truly lies, and how its last reading went.
type Upstream = upstream.Upstream

// UpstreamState is that, and what is under way and was used.
type UpstreamState = upstream.State

// join tries the credentials of an account on the platform, learns its prefix, and keeps
// the secret sealed, before the account itself is made.
func (h *handler) join(ctx context.Context, n *access.NewAccount, up NewUpstream) (err error) {
	if err := h.rules.Access.Free(ctx, n.AppID); n.AppID != "" && err != nil {
		return err
	}
	n.Upstream, n.AnyFollower = up.URL, true // who is known, the platform says
	n.Prefix, err = h.rules.Upstream.Join(ctx, n.AppID, up.URL, up.Tokens, n.Prefix)
	return err
}

// move has an account's list lie elsewhere on the platform, if there is a URL, and its tokens
// come from a place, once that has been tried.
func (h *handler) move(r *http.Request, to NewUpstream) (Upstream, error) {
	was, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return Upstream{}, err
	}
	if to.URL == "" {
		to.URL = was.Upstream
	}
	if err := h.rules.Upstream.Move(r.Context(), was, to.URL, to.Tokens); err != nil {
		return Upstream{}, err
	}
	a, err := h.rules.Access.UpdateAccount(r.Context(), was.AppID, func(a *mpblock.Account) error {
		a.Upstream = to.URL
		return nil
	})
	if err != nil {
		return Upstream{}, err
	}
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: string(a.AppID), Fields: audit.Changed(was, a)})
	return h.rules.Upstream.Of(r.Context(), a.AppID)
}

// SyncRequest asks for a reading of the list on the platform.
type SyncRequest struct {
	Sure      bool `json:"sure,omitempty"`      // take over a list that has shrunk by much
	Followers bool `json:"followers,omitempty"` // of the followers, not of those blocked
}

func (h *handler) sync(r *http.Request, in SyncRequest) (u Upstream, err error) {
	if in.Followers {
		if _, err = h.rules.Upstream.SyncFollowers(r.Context(), appOf(r), in.Sure); err == nil {
			u, err = h.rules.Upstream.Of(r.Context(), appOf(r))
		}
	} else {
		u, err = h.rules.Upstream.Sync(r.Context(), appOf(r), in.Sure)
	}
	if err == nil && in.Sure {
		h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: r.PathValue("app")})
	}
	return u, err
}

func (h *handler) upstream(r *http.Request, _ none) (UpstreamState, error) {
	return h.rules.Upstream.State(r.Context(), appOf(r))
}

func (h *handler) budget(r *http.Request, in budget.Limits) (UpstreamState, error) {
	err := h.rules.Upstream.SetLimits(r.Context(), appOf(r), in)
	if err != nil {
		return UpstreamState{}, err
	}
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: r.PathValue("app")})
	return h.upstream(r, none{})
}

// setUpstream changes what is passed on of an account's calls.
func (h *handler) setUpstream(r *http.Request, to upstream.Settings) (Upstream, error) {
	app := appOf(r)
	if err := h.rules.Upstream.Set(r.Context(), app, to); err != nil {
		return Upstream{}, err
	}
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: string(app)})
	return h.rules.Upstream.Of(r.Context(), app)
}

// SetUpstream changes what is passed on of the calls of an account on the platform.
func (c *Client) SetUpstream(ctx context.Context, app string, to upstream.Settings) (u Upstream, err error) {
	err = c.doAccount(ctx, http.MethodPatch, app, "/upstream", to, &u)
	return u, err
}

func (h *handler) doctor(r *http.Request, _ none) (doctor.Report, error) {
	return h.rules.Upstream.Examine(r.Context(), appOf(r))
}

// Doctor examines what of an account on the platform works.
func (c *Client) Doctor(ctx context.Context, app string) (r doctor.Report, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/doctor", nil, &r)
	return r, err
}

// Sync reads the list of an account on the platform and returns how that went.
func (c *Client) Sync(ctx context.Context, app string, in SyncRequest) (u Upstream, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/sync", in, &u)
	return u, err
}

// Move has the list of an account on the platform lie elsewhere, if there is a URL, and its
// tokens come from a place.
func (c *Client) Move(ctx context.Context, app string, to NewUpstream) (u Upstream, err error) {
	err = c.doAccount(ctx, http.MethodPut, app, "/upstream", to, &u)
	return u, err
}

// Upstream returns how things stand with an account on the platform.
func (c *Client) Upstream(ctx context.Context, app string) (u UpstreamState, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/upstream", nil, &u)
	return u, err
}

// Budget sets how many calls of the platform are made for an account at most.
func (c *Client) Budget(ctx context.Context, app string, limits budget.Limits) (u UpstreamState, err error) {
	err = c.doAccount(ctx, http.MethodPut, app, "/upstream/budget", limits, &u)
	return u, err
}
