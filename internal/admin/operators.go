package admin

import (
	"context"
	"net/http"

	"mpblock/internal/audit"
	"mpblock/internal/operators"
)

func (h *handler) addOperator(r *http.Request, in NewOperator) (Invited, error) {
	o, token, err := h.rules.Operators.AddOperator(r.Context(), operators.NewOperator{
		Name: in.Name, Role: in.Role, Accounts: in.Accounts, Email: in.Email,
	})
	if err != nil {
		return Invited{}, err
	}
	h.log.Info("operator added", "operator", o.Name, "role", o.Role)
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.OperatorAdded, On: o.Name, Now: string(o.Role)})
	return h.invited(o.Name, token), nil
}

func (h *handler) operators(r *http.Request, _ none) ([]Operator, error) {
	all, err := h.rules.Operators.Operators(r.Context())
	views := make([]Operator, 0, len(all))
	for _, o := range all {
		views = append(views, viewOperator(o))
	}
	return views, err
}

func (h *handler) resetOperator(r *http.Request, in nameBody) (Invited, error) {
	token, err := h.rules.Operators.ResetOperator(r.Context(), in.Name)
	if err != nil {
		return Invited{}, err
	}
	h.log.Info("operator may choose a new password", "operator", in.Name)
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.OperatorReset, On: in.Name})
	return h.invited(in.Name, token), nil
}

func (h *handler) invited(name, token string) Invited {
	path := "/password?token=" + token
	return Invited{Name: name, Token: token, Path: path, URL: h.rules.Console() + path}
}

// AddOperator creates an operator, who chooses a password with the token.
func (c *Client) AddOperator(ctx context.Context, n NewOperator) (i Invited, err error) {
	err = c.do(ctx, http.MethodPost, "/operators", n, &i)
	return i, err
}

// Operators returns all operators, by name.
func (c *Client) Operators(ctx context.Context) (all []Operator, err error) {
	err = c.do(ctx, http.MethodGet, "/operators", nil, &all)
	return all, err
}

// ResetOperator returns a token with which an operator chooses a new password; its
// second factor is then gone too.
func (c *Client) ResetOperator(ctx context.Context, name string) (i Invited, err error) {
	err = c.do(ctx, http.MethodPost, "/operators/reset", nameBody{name}, &i)
	return i, err
}
