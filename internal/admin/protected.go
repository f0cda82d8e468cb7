package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
)

// Protected is a person whom nobody can block.
type Protected struct {
	OpenID  string    `json:"openid"`
	By      string    `json:"by"`
	Why     string    `json:"why"`
	Since   time.Time `json:"since"`
	Blocked bool      `json:"blocked"` // before they were protected, and since
}

// people names people, and of those who are to be protected says why.
type people struct {
	OpenIDs []string `json:"openids"`
	Why     string   `json:"why,omitempty"`
}

// Persons are the OpenIDs of people of whom something has become true.
type Persons struct {
	OpenIDs []string `json:"openids"`
}

func (h *handler) protectedRoutes(mux *http.ServeMux) {
	mux.Handle("GET /accounts/{app}/protected", handle(h, h.protected))
	mux.Handle("POST /accounts/{app}/protected", handle(h, h.protect))
	mux.Handle("DELETE /accounts/{app}/protected", handle(h, h.unprotect))
}

func (h *handler) protected(r *http.Request, _ none) ([]Protected, error) {
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return nil, err
	}
	all, err := h.rules.Lists.Protected(r.Context(), a.AppID)
	views := make([]Protected, 0, len(all))
	for _, p := range all {
		views = append(views, Protected{p.OpenID.String(), strings.TrimPrefix(p.By, "console:"), p.Why, p.At, p.Blocked})
	}
	return views, err
}

func (h *handler) protect(r *http.Request, in people) (Persons, error) {
	return h.changeProtected(r, in, audit.Protected, func(p *protection.Service, a *mpblock.Account, ids []mpblock.OpenID) (did, again []mpblock.OpenID, err error) {
		return p.Protect(r.Context(), a, audit.ByAdmin, in.Why, ids)
	})
}

func (h *handler) unprotect(r *http.Request, in people) (Persons, error) {
	return h.changeProtected(r, in, audit.Unprotected, func(p *protection.Service, a *mpblock.Account, ids []mpblock.OpenID) (did, again []mpblock.OpenID, err error) {
		did, err = p.Unprotect(r.Context(), a, audit.ByAdmin, ids)
		return did, nil, err
	})
}

func (h *handler) changeProtected(r *http.Request, in people, deed audit.Deed, change func(*protection.Service, *mpblock.Account, []mpblock.OpenID) (did, again []mpblock.OpenID, err error)) (Persons, error) {
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return Persons{}, err
	}
	ids, err := lists.OwnAll(a, in.OpenIDs)
	if err != nil {
		return Persons{}, err
	}
	did, again, err := change(h.rules.Lists.Protection(), a, ids)
	out := Persons{OpenIDs: make([]string, 0, len(did))}
	if err != nil {
		return out, err
	}
	for _, id := range did {
		out.OpenIDs = append(out.OpenIDs, id.String())
	}
	for _, id := range append(did, again...) {
		h.rules.Audit.Note(r.Context(), audit.OfPerson(audit.ByAdmin, deed, a.AppID, id, strings.TrimSpace(in.Why)))
	}
	h.log.Info("protection changed", "deed", deed, "appid", a.AppID, "people", len(did))
	return out, nil
}

// Protected returns whom nobody can block of an account.
func (c *Client) Protected(ctx context.Context, app string) (all []Protected, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/protected", nil, &all)
	return all, err
}

// Protect protects people, and returns those who were not before.
func (c *Client) Protect(ctx context.Context, app, why string, openids []string) (added Persons, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/protected", people{openids, why}, &added)
	return added, err
}

// Unprotect ends the protection of people, and returns those who were protected.
func (c *Client) Unprotect(ctx context.Context, app string, openids []string) (freed Persons, err error) {
	err = c.doAccount(ctx, http.MethodDelete, app, "/protected", people{OpenIDs: openids}, &freed)
	return freed, err
}
