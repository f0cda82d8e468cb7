package platform

import (
	"context"

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
	return Outcome{}, errSoon
}

// Unblock is the reverse of Block.
func (d *Desk) Unblock(ctx context.Context, app mpblock.AppID, ids []string, reason string) (Outcome, error) {
	return Outcome{}, errSoon
}

// Reasons returns up to limit earlier reasons of an account, the most used first, for
// a list of suggestions.
func (d *Desk) Reasons(ctx context.Context, app mpblock.AppID, limit int) ([]string, error) {
	return nil, errSoon
}
