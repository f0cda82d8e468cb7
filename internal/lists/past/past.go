// Package past reads an account's blacklist with the revision that an answer is of: the
// seq of a change. The list at a revision is what the changes up to it add up to, so that
// whoever has an answer and follows the changes behind its revision misses nothing.
package past

import (
	"context"
	"time"

	"mpblock"
)

// Reader reads the lists of a store.
type Reader struct{ Store mpblock.Lists }

// Held is an OpenID and the change that its entry belongs to.
type Held struct {
	OpenID mpblock.OpenID
	By     mpblock.Change // without OpenIDs; Seq 0: it is not blocked
	Last   uint64         // seq of the last change that names it
}

// Revision returns the seq of an account's last change.
func (r Reader) Revision(ctx context.Context, app mpblock.AppID) (uint64, error) {
	page, err := r.Store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	return page.Seq, err
}

// States returns the state of each OpenID and the revision at which all of them were so.
// Each state is that of the last change which names the OpenID, so that none of them was
// another at the last of these changes, nor at any that came before the states were read.
func (r Reader) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, uint64, error) {
	revision, err := r.Revision(ctx, app)
	if err != nil {
		return nil, 0, err
	}
	states, err := r.Store.States(ctx, app, ids)
	for _, s := range states {
		revision = max(revision, s.Seq)
	}
	return states, revision, err
}

// Now returns what each OpenID's entry belongs to, with the revision of the answer.
func (r Reader) Now(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]Held, uint64, error) {
	states, revision, err := r.States(ctx, app, ids)
	if err != nil {
		return nil, 0, err
	}
	all, err := r.hold(ctx, app, ids, states, revision)
	return all, revision, err
}

// Waiting for a revision.
const (
	MaxWait = 5 * time.Second
	look    = 20 * time.Millisecond // how often it is looked for
)

// Wait returns once an account has a revision, and tells whether it has: not after MaxWait.
func (r Reader) Wait(ctx context.Context, app mpblock.AppID, revision uint64) (bool, error) {
	late := time.NewTimer(MaxWait)
	defer late.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if now, err := r.Revision(ctx, app); err != nil || now >= revision {
			return err == nil, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-late.C:
			return false, nil
		case <-tick.C:
		}
	}
}
