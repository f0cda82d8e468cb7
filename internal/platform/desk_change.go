package platform

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mpblock"
)

// MaxByHand is how many OpenIDs an operator may block or unblock at once without a
// job.
const MaxByHand = 1_000

// Outcome is what came of a change by hand.
type Outcome struct {
	Seq     uint64 // of the change; 0 if nothing changed
	Done    int    // OpenIDs on which it took effect
	Already int    // that were so already
}

// Block blocks 1 to MaxByHand followers, all or none. The reason may be empty. What
// is refused is a Refusal that names the first OpenID in question.
func (d *Desk) Block(ctx context.Context, app mpblock.AppID, ids []string, reason string) (Outcome, error) {
	return d.change(ctx, app, mpblock.Block, ids, reason)
}

// Unblock is the reverse of Block.
func (d *Desk) Unblock(ctx context.Context, app mpblock.AppID, ids []string, reason string) (Outcome, error) {
	return d.change(ctx, app, mpblock.Unblock, ids, reason)
}

func (d *Desk) change(ctx context.Context, app mpblock.AppID, action mpblock.Action, ids []string, reason string) (Outcome, error) {
	a, err := d.account(ctx, RoleOperator, app)
	if err != nil {
		return Outcome{}, err
	}
	if reason, err = checkReason(reason); err != nil {
		return Outcome{}, err
	}
	if len(ids) == 0 || len(ids) > MaxByHand {
		return Outcome{}, refuse("%d OpenIDs: want 1 to %d at once; a list of any length goes through a job", len(ids), MaxByHand)
	}
	batch := mpblock.Batch{Action: action, Actor: d.actor(), Reason: reason, Time: time.Now(), Known: !a.AnyFollower}
	different := make(map[mpblock.OpenID]bool, len(ids))
	for _, s := range ids {
		id, err := ownID(a, s)
		if err != nil {
			return Outcome{}, err
		}
		different[id] = true
		batch.OpenIDs = append(batch.OpenIDs, id)
	}
	c, err := d.p.store.Apply(ctx, app, batch)
	var unknown *mpblock.UnknownError
	if errors.As(err, &unknown) {
		return Outcome{}, refuse("%s is neither a follower of this account nor blocked: nothing was changed", batch.OpenIDs[unknown.Index].String())
	}
	return Outcome{Seq: c.Seq, Done: len(c.OpenIDs), Already: len(different) - len(c.OpenIDs)}, err
}

// ownID reads an OpenID of the account; its error is a Refusal.
func ownID(a *mpblock.Account, s string) (mpblock.OpenID, error) {
	s = strings.TrimSpace(s)
	id, err := own(a, s)
	if isCode(err, mpblock.CodeNotThisAppOpenID) {
		return id, refuse("%s is an OpenID of another account: nothing was changed", s)
	}
	if err != nil {
		return id, refuse("%q is no OpenID (%s)", clip(s), mpblock.Internal(err).Detail)
	}
	return id, nil
}

// clipped is how much of a wrong input is repeated, in bytes.
const clipped = 100

// clip returns the beginning of an input as valid UTF-8.
func clip(s string) string {
	if len(s) > clipped {
		s = s[:clipped] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// checkReason brings a reason into one form.
func checkReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if len(reason) > mpblock.MaxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) {
		return "", refuse("a reason of %d bytes: want one line of at most %d bytes of text", len(reason), mpblock.MaxReason)
	}
	return reason, nil
}
