package platform

import (
	"context"
	"net/netip"

	"mpblock"
)

// AddAccount creates an account and returns it with its secret, which cannot be
// shown again. For admins.
func (d *Desk) AddAccount(ctx context.Context, n NewAccount) (AccountView, string, error) {
	if err := d.allow(RoleAdmin); err != nil {
		return AccountView{}, "", err
	}
	a, secret, err := d.p.AddAccount(ctx, n)
	if err != nil {
		return AccountView{}, "", err
	}
	v, err := d.view(ctx, a)
	return v, secret, err
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
	if _, err := d.account(ctx, RoleAdmin, app); err != nil {
		return AccountView{}, err
	}
	a, err := d.p.UpdateAccount(ctx, app, func(a *mpblock.Account) error {
		a.Name, a.AnyFollower, a.AllowIPs = s.Name, s.AnyFollower, s.AllowIPs
		a.Denied, a.Daily, a.PerMinute = s.Denied, s.Daily, s.PerMinute
		return nil
	})
	if err != nil {
		return AccountView{}, err
	}
	return d.view(ctx, a)
}

// RotateSecret gives an account a new secret, which cannot be shown again. For
// admins.
func (d *Desk) RotateSecret(ctx context.Context, app mpblock.AppID) (secret string, err error) {
	if _, err := d.account(ctx, RoleAdmin, app); err != nil {
		return "", err
	}
	return d.p.RotateSecret(ctx, app)
}

// ParseNetwork reads an address or a network of an allow-list; its error is a
// Refusal.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return n, refuse("%q is no address: want 192.0.2.7 or 192.0.2.0/24", s)
	}
	return n.Masked(), nil
}

// Operators returns all operators, by name. For admins.
func (d *Desk) Operators(ctx context.Context) ([]Operator, error) {
	if err := d.allow(RoleAdmin); err != nil {
		return nil, err
	}
	return d.p.Operators(ctx)
}

// AddOperator is Platform.AddOperator, for admins.
func (d *Desk) AddOperator(ctx context.Context, n NewOperator) (Operator, string, error) {
	if err := d.allow(RoleAdmin); err != nil {
		return Operator{}, "", err
	}
	return d.p.AddOperator(ctx, n)
}

// UpdateOperator is Platform.UpdateOperator, for admins.
func (d *Desk) UpdateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	if err := d.allow(RoleAdmin); err != nil {
		return Operator{}, err
	}
	return d.p.UpdateOperator(ctx, n)
}

// DisableOperator is Platform.DisableOperator, for admins.
func (d *Desk) DisableOperator(ctx context.Context, name string, disabled bool) error {
	if err := d.allow(RoleAdmin); err != nil {
		return err
	}
	return d.p.DisableOperator(ctx, name, disabled)
}

// DeleteOperator is Platform.DeleteOperator, for admins.
func (d *Desk) DeleteOperator(ctx context.Context, name string) error {
	if err := d.allow(RoleAdmin); err != nil {
		return err
	}
	return d.p.DeleteOperator(ctx, name)
}

// ResetOperator is Platform.ResetOperator, for admins.
func (d *Desk) ResetOperator(ctx context.Context, name string) (token string, err error) {
	if err := d.allow(RoleAdmin); err != nil {
		return "", err
	}
	return d.p.ResetOperator(ctx, name)
}

// EndSessions logs an operator out everywhere. For admins; anyone may name itself.
func (d *Desk) EndSessions(ctx context.Context, name string) error {
	if name != d.operator.Name {
		if err := d.allow(RoleAdmin); err != nil {
			return err
		}
	}
	return d.p.EndSessions(ctx, name)
}

// SetRequireSecondFactor demands a second factor of every operator with a password,
// or does so no more. For admins who have one themselves.
func (d *Desk) SetRequireSecondFactor(ctx context.Context, required bool) error {
	if err := d.allow(RoleAdmin); err != nil {
		return err
	}
	return d.edit(ctx, func(t *roster, o *operatorRecord) error {
		if required && o.Factor == "" {
			return refuse("set up your own second factor first, so that it is known to work")
		}
		t.RequireFactor = required
		return nil
	})
}
