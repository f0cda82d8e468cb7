// Package truth says where an account's blacklist truly lies: who is blocked there is
// blocked. Local is the store itself; internal/upstream has the other one.
package truth

import (
	"context"

	"mpblock"
)

// Truth is where changes of an account's blacklist go.
type Truth interface {
	// Apply makes a change of an account's blacklist, all of it or none, and
	// returns it as it is in the log: with the OpenIDs on which it took effect,
	// and the zero Change if there are none. It is durable then. With Known an
	// OpenID that the account does not know is a *mpblock.UnknownError. Where the list
	// lies elsewhere, a batch of more OpenIDs than one call takes may happen in part: what
	// did is the Change beside the error, which is a *mpblock.RefusedError where some are
	// refused there. One that is to be whole, or has an ID, has no more, and happens wholly
	// or not at all.
	Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error)

	// Finish ends what a process that was killed, or lost an answer, has left under way,
	// so that the log has all that was done.
	Finish(ctx context.Context, a *mpblock.Account) error
}

// Local is the Truth of the accounts whose blacklist lies in the store itself.
type Local struct{ Store mpblock.Lists }

// Apply implements Truth: every change is whole.
func (l Local) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, _ bool) (mpblock.Change, error) {
	return l.Store.Apply(ctx, a.AppID, b)
}

// Finish implements Truth: nothing is ever left under way.
func (Local) Finish(context.Context, *mpblock.Account) error { return nil }
