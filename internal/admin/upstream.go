package admin

import (
	"context"
	"net/http"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/upstream"
)

// NewUpstream says where an account's blacklist truly lies.
type NewUpstream struct {
	URL    string `json:"url"`    // base URL of the API there, without /cgi-bin
	Secret string `json:"secret"` // of the account there
	Plain  bool   `json:"plain,omitempty"`
}

// Upstream is where an account's blacklist truly lies, and how its last reading went.
type Upstream = upstream.Upstream

var (
	errUpstreamApp = mpblock.NewError(mpblock.Invalid, "upstream.appid", "an account on the platform has its AppID there: give it")
	errNoPrefix    = mpblock.NewError(mpblock.Invalid, "upstream.prefix", "nobody is blocked there yet, so the prefix of the account's OpenIDs cannot be learnt: give it, as the 8 hexadecimal digits or by one OpenID of a follower")
)

// join tries the credentials of an account on the platform, learns its prefix, and keeps
// the secret sealed, before the account itself is made.
func (h *handler) join(ctx context.Context, n *access.NewAccount, up NewUpstream) error {
	if n.AppID == "" {
		return errUpstreamApp
	}
	if err := h.rules.Access.Free(ctx, n.AppID); err != nil {
		return err
	}
	prefix, _, err := h.rules.Upstream.Probe(ctx, n.AppID, up.URL, up.Secret, up.Plain)
	if err != nil {
		return err
	}
	if n.Prefix == nil {
		if prefix == (mpblock.Prefix{}) {
			return errNoPrefix
		}
		n.Prefix = &prefix
	}
	n.Upstream, n.AnyFollower = up.URL, true // who is known, the platform says
	return h.rules.Upstream.Add(ctx, n.AppID, up.URL, up.Secret, up.Plain)
}

// SyncRequest asks for a reading of the list on the platform.
type SyncRequest struct {
	Sure bool `json:"sure,omitempty"` // take over a list that has shrunk by much
}

func (h *handler) sync(r *http.Request, in SyncRequest) (Upstream, error) {
	u, err := h.rules.Upstream.Sync(r.Context(), appOf(r), in.Sure)
	if err == nil && in.Sure {
		h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: r.PathValue("app")})
	}
	return u, err
}

func (h *handler) upstream(r *http.Request, _ none) (Upstream, error) {
	return h.rules.Upstream.Of(r.Context(), appOf(r))
}

// Sync reads the list of an account on the platform and returns how that went.
func (c *Client) Sync(ctx context.Context, app string, sure bool) (u Upstream, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/sync", SyncRequest{sure}, &u)
	return u, err
}

// Upstream returns how the last reading of an account's list on the platform went.
func (c *Client) Upstream(ctx context.Context, app string) (u Upstream, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/upstream", nil, &u)
	return u, err
}
