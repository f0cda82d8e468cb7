package desk

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/lists/digest"
	"mpblock/internal/operators"
)

// Followers returns a page of an account's followers.
func (d *Desk) Followers(ctx context.Context, app mpblock.AppID, q lists.FollowerQuery) (lists.FollowerPage, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return lists.FollowerPage{}, err
	}
	return d.office.lists.FollowerRows(ctx, app, q)
}

// Blacklist returns a page of an account's blacklist. The work of one call is
// bounded: a filter that few entries pass gives short pages.
func (d *Desk) Blacklist(ctx context.Context, app mpblock.AppID, q lists.EntryQuery) (lists.EntryPage, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return lists.EntryPage{}, err
	}
	return d.office.lists.Entries(ctx, app, q)
}

// CountEntries counts what a query asks for, as far as one call goes; see
// lists.Service.CountEntries.
func (d *Desk) CountEntries(ctx context.Context, app mpblock.AppID, q lists.EntryQuery) (n int, next string, err error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return 0, "", err
	}
	return d.office.lists.CountEntries(ctx, app, q)
}

// People returns the names of the operators who may see an account.
func (d *Desk) People(ctx context.Context, app mpblock.AppID) ([]string, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	all, err := d.office.operators.Operators(ctx)
	var names []string
	for _, o := range all {
		if len(o.Accounts) == 0 || slices.Contains(o.Accounts, app) {
			names = append(names, o.Name)
		}
	}
	return names, err
}

// ReasonCounts returns the reasons of an account with how many OpenIDs were blocked for
// each, the most used first.
func (d *Desk) ReasonCounts(ctx context.Context, app mpblock.AppID, limit int) ([]digest.ReasonCount, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.lists.ReasonCounts(ctx, app, limit)
}

// Export returns all entries that a query asks for, without regard to its After and
// Limit, in the order of Blacklist. An error ends it.
func (d *Desk) Export(ctx context.Context, app mpblock.AppID, q lists.EntryQuery) iter.Seq2[lists.EntryRow, error] {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return failing[lists.EntryRow](err)
	}
	return d.office.lists.Export(ctx, app, q)
}

// failing yields an error.
func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// History returns a page of an account's changes. The work of one call is bounded.
func (d *Desk) History(ctx context.Context, app mpblock.AppID, q lists.ChangeQuery) (lists.ChangePage, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return lists.ChangePage{}, err
	}
	return d.office.lists.History(ctx, app, q)
}

// Change returns one change with all of its OpenIDs, at most mpblock.MaxWrite.
func (d *Desk) Change(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return mpblock.Change{}, err
	}
	return d.office.lists.ChangeAt(ctx, app, seq)
}

// Row returns a change without its OpenIDs, and how it stands.
func (d *Desk) Row(ctx context.Context, app mpblock.AppID, c mpblock.Change) (lists.ChangeRow, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return lists.ChangeRow{}, err
	}
	return d.office.lists.Row(ctx, app, c)
}

// Timeline returns what is known of one OpenID of the account. A malformed one, or
// one of another account, is a refusal.
func (d *Desk) Timeline(ctx context.Context, app mpblock.AppID, openid string) (lists.Timeline, error) {
	a, err := d.account(ctx, operators.RoleViewer, app)
	if err != nil {
		return lists.Timeline{}, err
	}
	return d.office.lists.Timeline(ctx, a, openid)
}

// States returns the state of each OpenID, in the order given.
func (d *Desk) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.lists.States(ctx, app, ids)
}

// EntryOf returns the change that the entry of an OpenID belongs to, the zero Change if it
// is not blocked.
func (d *Desk) EntryOf(ctx context.Context, app mpblock.AppID, openid string) (mpblock.Change, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return mpblock.Change{}, err
	}
	id, err := mpblock.ParseOpenID(openid)
	if err != nil {
		return mpblock.Change{}, err
	}
	states, err := d.office.lists.States(ctx, app, []mpblock.OpenID{id})
	if err != nil || !states[0].Blocked {
		return mpblock.Change{}, err
	}
	return d.office.lists.ChangeAt(ctx, app, states[0].Since)
}

// Overview is how an account is doing.
type Overview struct {
	lists.Overview
	Calls []access.CallCount // of the API today, by call and code
}

// Overview returns how an account is doing.
func (d *Desk) Overview(ctx context.Context, app mpblock.AppID) (Overview, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return Overview{}, err
	}
	o, err := d.office.lists.Overview(ctx, app)
	if err != nil {
		return Overview{}, err
	}
	calls, err := d.office.access.CallsOf(ctx, app, mpblock.Day(d.office.Now()))
	return Overview{Overview: o, Calls: calls}, err
}

// Reasons are what an operator may take for a reason.
type Reasons struct {
	Kept     []string // those that admins have set for the account
	Earlier  []string // others that were used before, the most used first
	Required bool     // to block
}

// Reasons returns the reasons that an account offers, and up to limit earlier ones.
func (d *Desk) Reasons(ctx context.Context, app mpblock.AppID, limit int) (Reasons, error) {
	a, err := d.account(ctx, operators.RoleViewer, app)
	if err != nil {
		return Reasons{}, err
	}
	earlier, err := d.office.lists.Reasons(ctx, app, limit)
	earlier = slices.DeleteFunc(earlier, func(r string) bool { return slices.Contains(a.Reasons, r) })
	return Reasons{Kept: a.Reasons, Earlier: earlier, Required: a.ReasonRequired}, err
}

// reasoned refuses to block or amend without a reason where the account asks for one.
func reasoned(a *mpblock.Account, action mpblock.Action, reason string) error {
	if action != mpblock.Unblock && a.ReasonRequired && strings.TrimSpace(reason) == "" {
		return errNoReason.With(string(a.AppID))
	}
	return nil
}

// Block blocks 1 to lists.MaxByHand followers, all or none, until a time; zero: for ever.
// The reason may be empty. What is refused is a refusal that names the first OpenID in
// question.
func (d *Desk) Block(ctx context.Context, app mpblock.AppID, ids []string, reason string, until time.Time) (lists.Outcome, error) {
	return d.change(ctx, app, lists.Hand{Action: mpblock.Block, OpenIDs: ids, Reason: reason, Until: until})
}

// Unblock is the reverse of Block.
func (d *Desk) Unblock(ctx context.Context, app mpblock.AppID, ids []string, reason string) (lists.Outcome, error) {
	return d.change(ctx, app, lists.Hand{Action: mpblock.Unblock, OpenIDs: ids, Reason: reason})
}

// Amend gives who is blocked another reason and end, as Block has them.
func (d *Desk) Amend(ctx context.Context, app mpblock.AppID, ids []string, reason string, until time.Time) (lists.Outcome, error) {
	return d.change(ctx, app, lists.Hand{Action: mpblock.Amend, OpenIDs: ids, Reason: reason, Until: until})
}

func (d *Desk) change(ctx context.Context, app mpblock.AppID, h lists.Hand) (lists.Outcome, error) {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return lists.Outcome{}, err
	}
	if err := reasoned(a, h.Action, h.Reason); err != nil {
		return lists.Outcome{}, err
	}
	h.Actor = d.actor()
	return d.office.lists.ByHand(ctx, a, h)
}

// PreviewUndo says what Undo would do to a change.
func (d *Desk) PreviewUndo(ctx context.Context, app mpblock.AppID, seq uint64) (lists.UndoPreview, error) {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return lists.UndoPreview{}, err
	}
	return d.office.lists.PreviewUndo(ctx, app, seq)
}

// Undo does the reverse of a change to those of its OpenIDs whose latest change it
// is; see lists.Service.Undo.
func (d *Desk) Undo(ctx context.Context, app mpblock.AppID, seq uint64, reason string) (lists.UndoOutcome, error) {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return lists.UndoOutcome{}, err
	}
	return d.office.lists.Undo(ctx, a, d.actor(), seq, reason)
}
