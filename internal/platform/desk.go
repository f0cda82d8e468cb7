package platform

import (
	"context"
	"slices"
	"time"

	"mpblock"
)

// Desk is where one operator works: every action of the console goes through one,
// and it checks role and accounts. What an operator may not do is a Refusal, and an
// account that it may not see is as if it were not there. A Desk is for one request.
type Desk struct {
	p        *Platform
	operator Operator
	session  Session
	enrol    bool
}

// Desk returns the desk of a session, or ErrLoggedOut.
func (p *Platform) Desk(ctx context.Context, s Session) (*Desk, error) {
	t, _, err := p.readRoster(ctx)
	if err != nil {
		return nil, err
	}
	o := t.Operators[s.Name]
	if o == nil || o.Disabled || o.Epoch != s.Epoch || time.Since(s.Began) >= SessionLife {
		return nil, ErrLoggedOut
	}
	return &Desk{
		p: p, operator: o.view(s.Name), session: s,
		// Who has no password comes by a provider or by the demo, which answer for it.
		enrol: t.RequireFactor && o.Factor == "" && o.Password != "",
	}, nil
}

// Operator returns who works here.
func (d *Desk) Operator() Operator { return d.operator }

// MustEnrol tells that the operator has to set up a second factor first: until then
// all but what concerns the operator itself is refused.
func (d *Desk) MustEnrol() bool { return d.enrol }

// May tells whether the operator's role is at least role.
func (d *Desk) May(role Role) bool { return d.operator.Role.rank() >= role.rank() }

// rank orders the roles.
func (r Role) rank() int { return slices.Index([]Role{RoleViewer, RoleOperator, RoleAdmin}, r) }

// allow is the one place that checks a role.
func (d *Desk) allow(role Role) error {
	if d.enrol {
		return refuse("a second factor is required of all operators here: set yours up first")
	}
	if !d.May(role) {
		return refuse("this takes the role %s, and yours is %s: ask an admin", string(role), string(d.operator.Role))
	}
	return nil
}

// account is the one place that checks a role and an account.
func (d *Desk) account(ctx context.Context, role Role, app mpblock.AppID) (*mpblock.Account, error) {
	if err := d.allow(role); err != nil {
		return nil, err
	}
	if !d.sees(app) {
		return nil, noAccount(app)
	}
	a, err := d.p.Account(ctx, app)
	if isCode(err, mpblock.CodeBadAppID) {
		return nil, noAccount(app)
	}
	return a, err
}

func noAccount(app mpblock.AppID) error {
	return refuse("there is no account %q, or it is not one of yours", string(app))
}

func (d *Desk) sees(app mpblock.AppID) bool {
	return len(d.operator.Accounts) == 0 || slices.Contains(d.operator.Accounts, app)
}

// actor is who changes made here bear.
func (d *Desk) actor() string { return "console:" + d.operator.Name }

// AccountView is an account as the console shows it, without key and secret.
type AccountView struct {
	mpblock.Account // Key and SecretHash are zero
	Totals
}

func (d *Desk) view(ctx context.Context, a *mpblock.Account) (AccountView, error) {
	t, err := d.p.Totals(ctx, a.AppID)
	v := AccountView{Account: *a, Totals: t}
	v.Key, v.SecretHash = mpblock.Key{}, mpblock.SecretHash{}
	return v, err
}

// Accounts returns up to limit of the accounts that the operator may see, with an
// AppID above after, in order.
func (d *Desk) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]AccountView, error) {
	if err := d.allow(RoleViewer); err != nil {
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
	if len(d.operator.Accounts) == 0 {
		return d.p.Accounts(ctx, after, limit)
	}
	var out []*mpblock.Account
	for _, app := range d.operator.Accounts { // in order
		if app <= after || len(out) >= limit {
			continue
		}
		a, err := d.p.Account(ctx, app)
		if isCode(err, mpblock.CodeBadAppID) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Account returns an account that the operator may see.
func (d *Desk) Account(ctx context.Context, app mpblock.AppID) (AccountView, error) {
	a, err := d.account(ctx, RoleViewer, app)
	if err != nil {
		return AccountView{}, err
	}
	return d.view(ctx, a)
}
