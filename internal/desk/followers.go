package desk

import (
	"context"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/intake"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// SampleFollower returns a follower who is not blocked, to try calls with; the zero OpenID
// if there is none.
func (d *Desk) SampleFollower(ctx context.Context, app mpblock.AppID) (mpblock.OpenID, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return mpblock.OpenID{}, err
	}
	return d.office.lists.Sample(ctx, app)
}

// DraftFollowers reads a list of followers to add or to remove, and keeps it. For admins,
// as all that follows.
func (d *Desk) DraftFollowers(ctx context.Context, app mpblock.AppID, remove bool, source intake.Source) (intake.Plan, error) {
	a, err := d.inUse(ctx, app)
	if err != nil {
		return intake.Plan{}, err
	}
	return d.office.intake.Draft(ctx, a, d.Operator().Name, remove, source)
}

// FollowersPlan returns a list that DraftFollowers has kept, and what it would do.
func (d *Desk) FollowersPlan(ctx context.Context, app mpblock.AppID, id string) (intake.Plan, error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return intake.Plan{}, err
	}
	return d.office.intake.Plan(ctx, app, id)
}

// DropFollowersPlan forgets a list that DraftFollowers has kept.
func (d *Desk) DropFollowersPlan(ctx context.Context, app mpblock.AppID, id string) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	return d.office.intake.Drop(ctx, app, id)
}

// ChangeFollowers adds or removes the followers of a list that DraftFollowers has kept,
// and returns how many it was.
func (d *Desk) ChangeFollowers(ctx context.Context, app mpblock.AppID, id string) (intake.Plan, int, error) {
	a, err := d.inUse(ctx, app)
	if err != nil {
		return intake.Plan{}, 0, err
	}
	return d.office.intake.Do(ctx, a, id)
}

// MintFollowers registers new followers with OpenIDs of random users.
func (d *Desk) MintFollowers(ctx context.Context, app mpblock.AppID, n int) error {
	a, err := d.inUse(ctx, app)
	if err != nil {
		return err
	}
	return d.office.intake.Mint(ctx, a, n)
}

var errPrefixUsed = mpblock.NewError(mpblock.Conflict, "prefix.used", "account %s has followers or changes already, which begin as all of its OpenIDs do: make another account for those that begin with other characters")

// SetPrefix has the OpenIDs of an account begin as one does, which is a real one of it.
// That is refused once there are any on its lists or in its log.
func (d *Desk) SetPrefix(ctx context.Context, app mpblock.AppID, known mpblock.OpenID) (AccountView, error) {
	a, err := d.inUse(ctx, app)
	if err != nil {
		return AccountView{}, err
	}
	if a.Prefix != known.Prefix() {
		if err := d.unused(ctx, app); err != nil {
			return AccountView{}, err
		}
		if a, err = d.office.access.SetPrefix(ctx, app, known.Prefix()); err != nil {
			return AccountView{}, err
		}
		d.note(ctx, audit.Line{Deed: audit.AccountSet, On: string(app), Fields: []string{"prefix"}})
	}
	return d.view(ctx, a)
}

// unused refuses an account with any OpenID on its lists or in its log.
func (d *Desk) unused(ctx context.Context, app mpblock.AppID) error {
	totals, err := d.office.lists.Totals(ctx, app)
	if err != nil {
		return err
	}
	log, err := d.office.lists.History(ctx, app, lists.ChangeQuery{Limit: 1})
	if err != nil {
		return err
	}
	if totals.Followers+totals.Blocked+len(log.Rows) > 0 {
		return errPrefixUsed.With(string(app))
	}
	return nil
}

// inUse finds an account for an admin who changes its lists: one that is retired is
// refused.
func (d *Desk) inUse(ctx context.Context, app mpblock.AppID) (*mpblock.Account, error) {
	a, err := d.account(ctx, operators.RoleAdmin, app)
	if err == nil {
		err = a.MayChange()
	}
	return a, err
}
