// Package desk holds who may do what: every action of the console goes through the desk
// of the operator who works, and each checks role and account and then calls one of the
// packages access, operators, lists, jobs, remarks and upstream, which do it.
//
// It promises that there is no way around those two checks (allow and account), that an
// account which an operator may not see is as if it were not there, and that changes
// bear the operator's name. What is done, and how it looks, it leaves to others. What an
// operator may not do is a refusal.
package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
)

// Office is where the desks stand.
type Office struct {
	access    *access.Service
	operators *operators.Service
	lists     *lists.Service
	jobs      *jobs.Service
	remarks   *remarks.Service
	audit     *audit.Service
	intake    *intake.Service
	upstream  *upstream.Service
	webhooks  *webhooks.Service
	clock     mpblock.Clock
}

// New returns the desks over those who do the work, by whose clock it is today.
func New(a *access.Service, o *operators.Service, l *lists.Service, j *jobs.Service, r *remarks.Service, in *intake.Service, up *upstream.Service, log *audit.Service, clock mpblock.Clock) *Office {
	return &Office{access: a, operators: o, lists: l, jobs: j, remarks: r, intake: in, upstream: up, audit: log, clock: mpblock.ClockOr(clock)}
}

// WithWebhooks has the desks work with webhooks too.
func (o *Office) WithWebhooks(w *webhooks.Service) *Office {
	o.webhooks = w
	return o
}

// Desk is where one operator works. What concerns the operator itself, and takes no
// role, is its operators.Self. A Desk is for one request.
type Desk struct {
	*operators.Self
	office *Office
}

// Now returns what time it is.
func (o *Office) Now() time.Time { return o.clock.Now() }

// Desk returns the desk of a session, or operators.ErrLoggedOut.
func (o *Office) Desk(ctx context.Context, s operators.Session) (*Desk, error) {
	self, err := o.operators.Self(ctx, s)
	if err != nil {
		return nil, err
	}
	return &Desk{Self: self, office: o}, nil
}

var (
	errEnrol     = mpblock.NewError(mpblock.Unauthenticated, "factor.enrol", "a second factor is required of all operators here: set yours up first")
	errRole      = mpblock.NewError(mpblock.Forbidden, "role.missing", "this takes the role %s, and yours is %s: ask an admin")
	errNoAccount = mpblock.NewError(mpblock.NotFound, "account.none.here", "there is no account %q, or it is not one of yours")
	errNoReason  = mpblock.NewError(mpblock.Invalid, "reason.required", "account %s asks for a reason whenever somebody is blocked: choose or write one")
	errNoHolder  = mpblock.NewError(mpblock.NotFound, "account.holder", "%s is of no account here, or not of one of yours")
)

// May tells whether the operator's role is at least role.
func (d *Desk) May(role operators.Role) bool { return d.Operator().Role.AtLeast(role) }

// allow is the one place that checks a role.
func (d *Desk) allow(role operators.Role) error {
	if d.MustEnrol() {
		return errEnrol
	}
	if !d.May(role) {
		return errRole.With(string(role), string(d.Operator().Role))
	}
	return nil
}

// account is the one place that checks a role and an account.
func (d *Desk) account(ctx context.Context, role operators.Role, app mpblock.AppID) (*mpblock.Account, error) {
	if err := d.allow(role); err != nil {
		return nil, err
	}
	if !d.sees(app) {
		return nil, noAccount(app)
	}
	a, err := d.office.access.Account(ctx, app)
	if errors.Is(err, access.ErrNoAccount) || errors.Is(err, mpblock.ErrAppID) {
		return nil, noAccount(app)
	}
	if err == nil && role == operators.RoleOperator {
		err = a.MayChange()
	}
	return a, err
}

func noAccount(app mpblock.AppID) error {
	return errNoAccount.With(string(app))
}

func (d *Desk) sees(app mpblock.AppID) bool {
	return len(d.Operator().Accounts) == 0 || slices.Contains(d.Operator().Accounts, app)
}

// actor is who changes made here bear.
func (d *Desk) actor() string { return "console:" + d.Operator().Name }

// AccountView is an account as the console shows it, without key and secret.
type AccountView struct {
	mpblock.Account // Key and SecretHash are zero
	lists.Totals
}

func (d *Desk) view(ctx context.Context, a *mpblock.Account) (AccountView, error) {
	t, err := d.office.lists.Totals(ctx, a.AppID)
	v := AccountView{Account: *a, Totals: t}
	v.Key, v.SecretHash = mpblock.Key{}, mpblock.SecretHash{}
	return v, err
}

// Accounts returns up to limit of the accounts that the operator may see, with an
// AppID above after, in order.
func (d *Desk) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]AccountView, error) {
	if err := d.allow(operators.RoleViewer); err != nil {
		return nil, err
	}
	accounts, err := d.visible(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	views := make([]AccountView, 0, len(accounts))
	for _, a := range accounts {
		v, err := d.view(ctx, a)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// visible reads the accounts that the operator may see.
func (d *Desk) visible(ctx context.Context, after mpblock.AppID, limit int) ([]*mpblock.Account, error) {
	if len(d.Operator().Accounts) == 0 {
		return d.office.access.Accounts(ctx, after, limit)
	}
	var out []*mpblock.Account
	for _, app := range d.Operator().Accounts { // in order
		if app <= after || len(out) >= limit {
			continue
		}
		a, err := d.office.access.Account(ctx, app)
		if errors.Is(err, access.ErrNoAccount) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Names returns the names of up to limit accounts that the operator may see, in the order
// of their AppIDs; the other fields are zero.
func (d *Desk) Names(ctx context.Context, limit int) ([]AccountView, error) {
	if err := d.allow(operators.RoleViewer); err != nil {
		return nil, err
	}
	accounts, err := d.visible(ctx, "", limit)
	names := make([]AccountView, 0, len(accounts))
	for _, a := range accounts {
		names = append(names, AccountView{Account: mpblock.Account{AppID: a.AppID, Name: a.Name}})
	}
	return names, err
}

// Account returns an account that the operator may see.
func (d *Desk) Account(ctx context.Context, app mpblock.AppID) (AccountView, error) {
	a, err := d.account(ctx, operators.RoleViewer, app)
	if err != nil {
		return AccountView{}, err
	}
	return d.view(ctx, a)
}

// AccountOf returns the account that an OpenID is of. One that the operator may not
// see is as if it were not there.
func (d *Desk) AccountOf(ctx context.Context, id mpblock.OpenID) (AccountView, error) {
	if err := d.allow(operators.RoleViewer); err != nil {
		return AccountView{}, err
	}
	a, err := d.office.access.Holder(ctx, id.Prefix())
	if errors.Is(err, access.ErrNoAccount) || err == nil && !d.sees(a.AppID) {
		return AccountView{}, errNoHolder.With(id.String())
	}
	if err != nil {
		return AccountView{}, err
	}
	return d.view(ctx, a)
}
