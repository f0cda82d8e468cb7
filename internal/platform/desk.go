package platform

import (
	"context"

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
func (p *Platform) Desk(ctx context.Context, s Session) (*Desk, error) { return nil, errSoon }

// Operator returns who works here.
func (d *Desk) Operator() Operator { return d.operator }

// MustEnrol tells that the operator has to set up a second factor first: until then
// all but what concerns the operator itself is refused.
func (d *Desk) MustEnrol() bool { return d.enrol }

// May tells whether the operator's role is at least role.
func (d *Desk) May(role Role) bool { return false }

// AccountView is an account as the console shows it, without key and secret.
type AccountView struct {
	mpblock.Account // Key and SecretHash are zero
	Totals
}

// Accounts returns up to limit of the accounts that the operator may see, with an
// AppID above after, in order.
func (d *Desk) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]AccountView, error) {
	return nil, errSoon
}

// Account returns an account that the operator may see.
func (d *Desk) Account(ctx context.Context, app mpblock.AppID) (AccountView, error) {
	return AccountView{}, errSoon
}
