package platform

import (
	"context"
	"net/netip"

	"mpblock"
)

// AddAccount creates an account and returns it with its secret, which cannot be
// shown again. For admins.
func (d *Desk) AddAccount(ctx context.Context, n NewAccount) (AccountView, string, error) {
	return AccountView{}, "", errSoon
}

// AccountSettings are what an admin can change of an account; see mpblock.Account.
type AccountSettings struct {
	Name        string
	AnyFollower bool
	AllowIPs    []netip.Prefix
	Denied      []mpblock.Call
	Daily       map[mpblock.Call]int
	PerMinute   map[mpblock.Call]int
}

// SetAccount replaces the settings of an account. For admins.
func (d *Desk) SetAccount(ctx context.Context, app mpblock.AppID, s AccountSettings) (AccountView, error) {
	return AccountView{}, errSoon
}

// RotateSecret gives an account a new secret, which cannot be shown again. For
// admins.
func (d *Desk) RotateSecret(ctx context.Context, app mpblock.AppID) (secret string, err error) {
	return "", errSoon
}

// ParseNetwork reads an address or a network of an allow-list; its error is a
// Refusal.
func ParseNetwork(s string) (netip.Prefix, error) { return netip.Prefix{}, errSoon }

// Operators returns all operators, by name. For admins.
func (d *Desk) Operators(ctx context.Context) ([]Operator, error) { return nil, errSoon }

// AddOperator is Platform.AddOperator, for admins.
func (d *Desk) AddOperator(ctx context.Context, n NewOperator) (Operator, string, error) {
	return Operator{}, "", errSoon
}

// UpdateOperator is Platform.UpdateOperator, for admins.
func (d *Desk) UpdateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	return Operator{}, errSoon
}

// DisableOperator is Platform.DisableOperator, for admins.
func (d *Desk) DisableOperator(ctx context.Context, name string, disabled bool) error {
	return errSoon
}

// DeleteOperator is Platform.DeleteOperator, for admins.
func (d *Desk) DeleteOperator(ctx context.Context, name string) error { return errSoon }

// ResetOperator is Platform.ResetOperator, for admins.
func (d *Desk) ResetOperator(ctx context.Context, name string) (token string, err error) {
	return "", errSoon
}

// EndSessions logs an operator out everywhere. For admins; anyone may name itself.
func (d *Desk) EndSessions(ctx context.Context, name string) error { return errSoon }

// SetRequireSecondFactor demands a second factor of every operator, or does so no
// more. For admins who have one themselves.
func (d *Desk) SetRequireSecondFactor(ctx context.Context, required bool) error { return errSoon }
