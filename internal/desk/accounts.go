package desk

import (
	"context"
	"net/netip"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/operators"
)

// AddAccount creates an account and returns it with its secret, which cannot be
// shown again. For admins.
func (d *Desk) AddAccount(ctx context.Context, n access.NewAccount) (AccountView, string, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return AccountView{}, "", err
	}
	a, secret, err := d.office.access.AddAccount(ctx, n)
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

	Reasons        []string
	ReasonRequired bool
}

// SetAccount replaces the settings of an account. For admins.
func (d *Desk) SetAccount(ctx context.Context, app mpblock.AppID, s AccountSettings) (AccountView, error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return AccountView{}, err
	}
	a, err := d.office.access.UpdateAccount(ctx, app, func(a *mpblock.Account) error {
		a.Name, a.AnyFollower, a.AllowIPs = s.Name, s.AnyFollower, s.AllowIPs
		a.Denied, a.Daily, a.PerMinute = s.Denied, s.Daily, s.PerMinute
		a.Reasons, a.ReasonRequired = s.Reasons, s.ReasonRequired
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
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return "", err
	}
	return d.office.access.RotateSecret(ctx, app)
}

// RetireAccount has an account refuse every call and every change of its lists, which
// stay to be read, or take them again. For admins.
func (d *Desk) RetireAccount(ctx context.Context, app mpblock.AppID, retired bool) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	_, err := d.office.access.UpdateAccount(ctx, app, func(a *mpblock.Account) error {
		a.Retired = retired
		return nil
	})
	return err
}
