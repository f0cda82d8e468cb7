package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
)

// Program is a program of an account, without its secret.
type Program struct {
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Made    time.Time  `json:"made"`
	By      string     `json:"by"`
	Rotated *time.Time `json:"rotated,omitempty"`
	Used    *time.Time `json:"last_used"` // null: never
	Revoked *time.Time `json:"revoked,omitempty"`
}

// NewProgram is what a program is made with.
type NewProgram struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

// WithSecret is a program and its secret, which cannot be shown again.
type WithSecret struct {
	Program
	Secret string `json:"secret"`
}

// scopesBody is what a program may do.
type scopesBody struct {
	Scopes []string `json:"scopes"`
}

func (h *handler) programRoutes(mux *http.ServeMux) {
	mux.Handle("GET /accounts/{app}/programs", handle(h, h.programs))
	mux.Handle("POST /accounts/{app}/programs", handle(h, h.addProgram))
	mux.Handle("GET /accounts/{app}/programs/{name}", handle(h, h.program))
	mux.Handle("PATCH /accounts/{app}/programs/{name}", handle(h, h.scopeProgram))
	mux.Handle("DELETE /accounts/{app}/programs/{name}", handle(h, h.revokeProgram))
	mux.Handle("POST /accounts/{app}/programs/{name}/secret", handle(h, h.rotateProgram))
}

func (h *handler) programs(r *http.Request, _ none) ([]Program, error) {
	all, err := h.rules.Access.Programs(r.Context(), appOf(r))
	views := make([]Program, 0, len(all))
	for _, p := range all {
		views = append(views, viewProgram(p))
	}
	return views, err
}

func (h *handler) program(r *http.Request, _ none) (Program, error) {
	p, err := h.rules.Access.Program(r.Context(), appOf(r), r.PathValue("name"))
	return viewProgram(p), err
}

func (h *handler) addProgram(r *http.Request, in NewProgram) (WithSecret, error) {
	scopes, err := programs.ParseScopes(in.Scopes)
	if err != nil {
		return WithSecret{}, err
	}
	p, secret, err := h.rules.Access.AddProgram(r.Context(), appOf(r), programs.New{Name: in.Name, Scopes: scopes, By: audit.ByAdmin})
	if err != nil {
		return WithSecret{}, err
	}
	h.did(r, audit.ProgramAdded, p)
	return WithSecret{viewProgram(p), secret}, nil
}

func (h *handler) rotateProgram(r *http.Request, _ none) (WithSecret, error) {
	p, secret, err := h.rules.Access.RotateProgram(r.Context(), appOf(r), r.PathValue("name"))
	if err != nil {
		return WithSecret{}, err
	}
	h.did(r, audit.ProgramSecret, p)
	return WithSecret{viewProgram(p), secret}, nil
}

func (h *handler) scopeProgram(r *http.Request, in scopesBody) (Program, error) {
	scopes, err := programs.ParseScopes(in.Scopes)
	if err != nil {
		return Program{}, err
	}
	p, err := h.rules.Access.ScopeProgram(r.Context(), appOf(r), r.PathValue("name"), scopes)
	if err == nil {
		h.did(r, audit.ProgramSet, p)
	}
	return viewProgram(p), err
}

func (h *handler) revokeProgram(r *http.Request, _ none) (Program, error) {
	p, err := h.rules.Access.RevokeProgram(r.Context(), appOf(r), r.PathValue("name"))
	if err == nil {
		h.did(r, audit.ProgramGone, p)
	}
	return viewProgram(p), err
}

// did notes what was done to a program.
func (h *handler) did(r *http.Request, deed audit.Deed, p programs.Program) {
	h.log.Info("program changed", "deed", deed, "appid", appOf(r), "program", p.Name)
	h.rules.Audit.Note(r.Context(), audit.OfProgram(audit.ByAdmin, deed, appOf(r), p.Name, programs.Texts(p.Scopes)))
}

func viewProgram(p programs.Program) Program {
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return Program{p.Name, programs.Texts(p.Scopes), p.Made, strings.TrimPrefix(p.By, "console:"), when(p.Rotated), when(p.Used), when(p.Revoked)}
}

// Programs returns the programs of an account, those that were revoked of late too.
func (c *Client) Programs(ctx context.Context, app string) (all []Program, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/programs", nil, &all)
	return all, err
}

// Program returns a program.
func (c *Client) Program(ctx context.Context, app, name string) (p Program, err error) {
	err = c.doProgram(ctx, http.MethodGet, app, name, "", nil, &p)
	return p, err
}

// AddProgram makes a program.
func (c *Client) AddProgram(ctx context.Context, app string, n NewProgram) (p WithSecret, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/programs", n, &p)
	return p, err
}

// RotateProgram gives a program a new secret.
func (c *Client) RotateProgram(ctx context.Context, app, name string) (p WithSecret, err error) {
	err = c.doProgram(ctx, http.MethodPost, app, name, "/secret", nil, &p)
	return p, err
}

// ScopeProgram says what a program may do.
func (c *Client) ScopeProgram(ctx context.Context, app, name string, scopes []string) (p Program, err error) {
	err = c.doProgram(ctx, http.MethodPatch, app, name, "", scopesBody{scopes}, &p)
	return p, err
}

// RevokeProgram ends a program.
func (c *Client) RevokeProgram(ctx context.Context, app, name string) (p Program, err error) {
	err = c.doProgram(ctx, http.MethodDelete, app, name, "", nil, &p)
	return p, err
}

// doProgram is doAccount with what belongs to a program. It checks the name, which
// becomes a part of a path too.
func (c *Client) doProgram(ctx context.Context, method, app, name, part string, in, out any) error {
	if _, err := programs.ParseName(name); err != nil {
		return err
	}
	return c.doAccount(ctx, method, app, "/programs/"+name+part, in, out)
}
