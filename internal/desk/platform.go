package desk

import (
	"context"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
)

// Platform is how things stand with an account whose list lies on the real platform.
type Platform struct {
	upstream.State
	Now time.Time // by the clock that the times are of
}

// Platform returns how things stand with an account whose list lies on the real platform.
func (d *Desk) Platform(ctx context.Context, app mpblock.AppID) (Platform, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return Platform{}, err
	}
	p := Platform{Now: d.office.clock.Now()}
	var err error
	p.State, err = d.office.upstream.State(ctx, app)
	return p, err
}

// OnTheWay returns the change that is on its way to the platform as far as it is about one
// OpenID, nil if none is, and the jobs that are still to come to it, as jobs.Coming does.
func (d *Desk) OnTheWay(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, newest string) (sent *upstream.Unsettled, coming []jobs.Job, err error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, nil, err
	}
	if sent, err = d.office.upstream.UnsettledOf(ctx, app, id); err != nil {
		return nil, nil, err
	}
	coming, err = d.office.jobs.Coming(ctx, app, id, newest)
	return sent, coming, err
}

// Elsewhere returns the newest of the changes of an account that others have made on the
// platform.
func (d *Desk) Elsewhere(ctx context.Context, app mpblock.AppID, limit int) (lists.ChangePage, error) {
	return d.History(ctx, app, lists.ChangeQuery{Actor: upstream.Platform, Limit: limit})
}

// Examined returns what the last examination of an account on the platform has found.
func (d *Desk) Examined(ctx context.Context, app mpblock.AppID) (doctor.Report, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return doctor.Report{}, err
	}
	return d.office.upstream.Report(ctx, app)
}

// Examine finds out what of an account on the platform works. For admins.
func (d *Desk) Examine(ctx context.Context, app mpblock.AppID) (doctor.Report, error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return doctor.Report{}, err
	}
	return d.office.upstream.Examine(ctx, app)
}

// Sync reads the list of an account on the platform.
func (d *Desk) Sync(ctx context.Context, app mpblock.AppID) (upstream.Upstream, error) {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return upstream.Upstream{}, err
	}
	return d.office.upstream.Sync(ctx, app, false)
}

// SyncSure reads the list of an account on the platform, and takes it over however much it
// has shrunk. For admins.
func (d *Desk) SyncSure(ctx context.Context, app mpblock.AppID) (upstream.Upstream, error) {
	if _, err := d.inUse(ctx, app); err != nil {
		return upstream.Upstream{}, err
	}
	u, err := d.office.upstream.Sync(ctx, app, true)
	return u, d.noted(ctx, err, audit.Line{Deed: audit.AccountSet, On: string(app)})
}

// SyncFollowers reads the followers of an account on the platform; sure, it takes them over
// however many have gone. For admins.
func (d *Desk) SyncFollowers(ctx context.Context, app mpblock.AppID, sure bool) (upstream.Followers, error) {
	if _, err := d.inUse(ctx, app); err != nil {
		return upstream.Followers{}, err
	}
	f, err := d.office.upstream.SyncFollowers(ctx, app, sure)
	if err == nil && sure {
		d.note(ctx, audit.Line{Deed: audit.AccountSet, On: string(app)})
	}
	return f, err
}

// SetPlatform changes how the lists of an account on the platform are read, and what is
// passed on of its calls. For admins.
func (d *Desk) SetPlatform(ctx context.Context, app mpblock.AppID, to upstream.Settings) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	return d.noted(ctx, d.office.upstream.Set(ctx, app, to), audit.Line{Deed: audit.AccountSet, On: string(app)})
}

// SetLimits changes how many calls of the platform are made at most. For admins.
func (d *Desk) SetLimits(ctx context.Context, app mpblock.AppID, limits budget.Limits) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	return d.noted(ctx, d.office.upstream.SetLimits(ctx, app, limits), audit.Line{Deed: audit.AccountSet, On: string(app)})
}

// SetAnyPrefix says whether OpenIDs that do not begin as the account's do are sent to the
// platform all the same. For admins.
func (d *Desk) SetAnyPrefix(ctx context.Context, app mpblock.AppID, on bool) error {
	_, err := d.setAccount(ctx, app, func(a *mpblock.Account) { a.AnyPrefix = on })
	return err
}

// MovePlatform has the list of an account on the platform lie at a base URL, and its tokens
// come from a place, once that has been tried. It tells whether the list lay elsewhere. For
// admins.
func (d *Desk) MovePlatform(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec) (moved bool, err error) {
	a, err := d.account(ctx, operators.RoleAdmin, app)
	if err != nil {
		return false, err
	}
	if err := d.office.upstream.Move(ctx, a, baseURL, tokens); err != nil {
		return false, err
	}
	if a.Upstream == baseURL {
		d.note(ctx, audit.Line{Deed: audit.AccountSet, On: string(app)})
		return false, nil
	}
	_, err = d.setAccount(ctx, app, func(a *mpblock.Account) { a.Upstream = baseURL })
	return true, err
}

// TryPlatform examines an account on the platform that is not known here yet. For admins.
func (d *Desk) TryPlatform(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec) (doctor.Report, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return doctor.Report{}, err
	}
	if err := d.office.access.Free(ctx, app); err != nil {
		return doctor.Report{}, err
	}
	return d.office.upstream.Try(ctx, app, baseURL, tokens)
}

// JoinPlatform creates an account whose list lies on the platform, at its Upstream, and
// returns it with its secret for programs, which cannot be shown again. For admins.
func (d *Desk) JoinPlatform(ctx context.Context, n access.NewAccount, tokens source.Spec) (_ AccountView, secret string, err error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return AccountView{}, "", err
	}
	if err := d.office.access.Free(ctx, n.AppID); err != nil {
		return AccountView{}, "", err
	}
	n.AnyFollower = true // who is known, the platform says
	if n.Prefix, err = d.office.upstream.Join(ctx, n.AppID, n.Upstream, tokens, n.Prefix); err != nil {
		return AccountView{}, "", err
	}
	return d.AddAccount(ctx, n)
}

// Wrap seals what the operator has entered in a form so far, which may be secret. For
// admins, as Unwrap, which opens it again.
func (d *Desk) Wrap(text string) (string, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return "", err
	}
	return d.office.upstream.Wrap(d.Operator().Name, text)
}

// Unwrap returns what Wrap has sealed for the operator.
func (d *Desk) Unwrap(sealed string) (string, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return "", err
	}
	return d.office.upstream.Unwrap(d.Operator().Name, sealed)
}
