package desk

import (
	"context"
	"net/netip"
	"strings"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

var errTyped = mpblock.NewError(mpblock.Invalid, "account.typed", "%q was typed: to remove the account, type its AppID, %s")

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
	d.note(ctx, audit.Line{Deed: audit.AccountAdded, On: string(a.AppID)})
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
	a, err := d.setAccount(ctx, app, func(a *mpblock.Account) {
		a.Name, a.AnyFollower, a.AllowIPs = s.Name, s.AnyFollower, s.AllowIPs
		a.Denied, a.Daily, a.PerMinute = s.Denied, s.Daily, s.PerMinute
		a.Reasons, a.ReasonRequired = s.Reasons, s.ReasonRequired
	})
	if err != nil {
		return AccountView{}, err
	}
	return d.view(ctx, a)
}

// setAccount changes an account's settings, and notes what of them is another than it was.
func (d *Desk) setAccount(ctx context.Context, app mpblock.AppID, set func(*mpblock.Account)) (*mpblock.Account, error) {
	was, err := d.account(ctx, operators.RoleAdmin, app)
	if err != nil {
		return nil, err
	}
	a, err := d.office.access.UpdateAccount(ctx, app, func(a *mpblock.Account) error {
		set(a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if fields := audit.Changed(was, a); len(fields) > 0 {
		d.note(ctx, audit.Line{Deed: audit.AccountSet, On: string(app), Fields: fields})
	}
	return a, nil
}

// RotateSecret gives an account a new secret, which cannot be shown again. For
// admins.
func (d *Desk) RotateSecret(ctx context.Context, app mpblock.AppID) (secret string, err error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return "", err
	}
	secret, err = d.office.access.RotateSecret(ctx, app)
	return secret, d.noted(ctx, err, audit.Line{Deed: audit.AccountSecret, On: string(app)})
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
	deed := audit.AccountBack
	if retired {
		deed = audit.AccountRetired
	}
	return d.noted(ctx, err, audit.Line{Deed: deed, On: string(app)})
}

// RemoveAccount has an account that is retired be as if it were not there; all that is
// kept of it is erased in the background. Typed is what the operator has typed to confirm
// it: the AppID. For admins.
func (d *Desk) RemoveAccount(ctx context.Context, app mpblock.AppID, typed string) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	if typed = strings.TrimSpace(typed); typed != string(app) {
		return errTyped.With(lists.Clip(typed), app)
	}
	err := d.office.access.Remove(ctx, app)
	return d.noted(ctx, err, audit.Line{Deed: audit.AccountGone, On: string(app)})
}
