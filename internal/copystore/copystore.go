// Package copystore copies a whole store into another, of any kind, over the Store
// contract alone. It can be interrupted anywhere and gone on with, changes no target
// that holds something else, and verifies what it has copied.
package copystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"mpblock"
	accounts "mpblock/internal/access"
	"mpblock/internal/check"
	"mpblock/internal/record"
)

// The record that marks a copy which is not complete. It names the platform that is
// copied by the record that only that has: its token key. The mark is written first and
// removed last, so that a target that has it may be written over, and one that lacks it
// may not. Accounts are written last: until then no server has anything to serve.
const (
	MarkKind = "copy"
	MarkKey  = "unfinished"
)

// ErrUnfinished says that a store is the target of a copy that is not complete.
var ErrUnfinished = errors.New("the store is a copy that is not complete")

// Complete returns ErrUnfinished if a store is a copy that is not complete, which
// nobody may serve.
func Complete(ctx context.Context, store mpblock.Store) error {
	_, err := store.Get(ctx, MarkKind, MarkKey)
	switch {
	case err == nil:
		return ErrUnfinished
	case errors.Is(err, mpblock.ErrNotFound):
		return nil
	}
	return err
}

// Reason is why a copy is refused.
type Reason int

// The reasons.
const (
	Unfinished Reason = iota + 1 // what is to be copied is an unfinished copy itself
	NoPlatform                   // what is to be copied holds no platform
	Different                    // the target holds something else
	Damaged                      // the target does not pass its check
)

// Refused is the error of a copy that makes no sense, or whose outcome is not sound.
type Refused struct {
	Reason Reason
	text   string
}

func (r *Refused) Error() string { return r.text }

func refused(why Reason, format string, args ...any) error {
	return &Refused{why, fmt.Sprintf(format, args...)}
}

// Options say what to call the stores in errors, and who is told how it goes.
type Options struct {
	FromName, ToName string
	Progress         func(openids int) // called with how many more have been copied; nil: nobody
}

// Sum is what was copied.
type Sum struct {
	Accounts  int `json:"accounts"`
	Followers int `json:"followers"`
	Blocked   int `json:"blocked"`
	Changes   int `json:"changes"`
	Records   int `json:"records"`
}

// Copy copies a store into another that is empty, or an unfinished copy of the same
// store, which it goes on with; of a complete one it verifies that it still is one.
// Nothing may write to either meanwhile. Errors are *Refused, or those of the stores.
func Copy(ctx context.Context, from, to mpblock.Store, o Options) (Sum, error) {
	cp := &copier{from: from, to: to, fromName: o.FromName, toName: o.ToName, progress: o.Progress, verified: map[mpblock.AppID]*check.Report{}}
	if cp.progress == nil {
		cp.progress = func(int) {}
	}
	err := cp.run(ctx)
	return cp.sum, err
}

// Sizes of a copy's reads.
const (
	changesAtOnce = 64
	recordsAtOnce = 100
)

// copier copies a store into another. A change is applied anew, with its time,
// actor and reason: so the target makes its entries, totals and histories itself,
// and each change that it makes has to be the one that was copied.
type copier struct {
	from, to         mpblock.Store
	fromName, toName string
	progress         func(int)
	sum              Sum
	verified         map[mpblock.AppID]*check.Report
	mark             mpblock.Record // as it is in the target; Version 0: it is not there
}

func (cp *copier) run(ctx context.Context) error {
	kinds, err := cp.from.Kinds(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(kinds, MarkKind) {
		return refused(Unfinished, "%s is an unfinished copy itself", cp.fromName)
	}
	if err := cp.begin(ctx); err != nil {
		return err
	}
	if err := cp.eachAccount(ctx, cp.account, cp.gone); err != nil {
		return err
	}
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == accounts.KindAccount })
	for _, kind := range append(kinds, accounts.KindAccount) {
		if err := cp.records(ctx, kind); err != nil {
			return err
		}
	}
	if err := cp.eachAccount(ctx, cp.verify, cp.skip); err != nil {
		return err
	}
	if err := cp.verifyEnds(ctx); err != nil {
		return err
	}
	if cp.mark.Version == 0 {
		return nil
	}
	return cp.to.Delete(ctx, MarkKind, MarkKey, cp.mark.Version)
}

// begin marks an empty target, or finds the mark of a copy of the same platform. A
// target without either is left as it is: it may be compared, and that is all.
func (cp *copier) begin(ctx context.Context) error {
	identity, err := record.Fingerprint(ctx, cp.from)
	if errors.Is(err, mpblock.ErrNotFound) {
		return refused(NoPlatform, "%s holds no platform", cp.fromName)
	}
	if err != nil {
		return err
	}
	cp.mark, err = cp.to.Get(ctx, MarkKind, MarkKey)
	switch {
	case err == nil && !bytes.Equal(cp.mark.Value, identity):
		return cp.different("it is an unfinished copy of another platform")
	case err == nil:
		return nil
	case !errors.Is(err, mpblock.ErrNotFound):
		return err
	}
	there, err := cp.to.Kinds(ctx)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		cp.mark, err = cp.to.Put(ctx, mpblock.Record{Kind: MarkKind, Key: MarkKey, Value: identity})
		return err
	}
	cp.mark = mpblock.Record{}
	found, err := record.Fingerprint(ctx, cp.to)
	if err == nil && !bytes.Equal(found, identity) || errors.Is(err, mpblock.ErrNotFound) {
		return cp.different("it holds another platform")
	}
	return err
}

// account copies the lists of an account, or what of them is not there yet.
func (cp *copier) account(ctx context.Context, app mpblock.AppID) error {
	for after := (mpblock.OpenID{}); ; {
		p, err := cp.from.Followers(ctx, app, after, mpblock.MaxWrite)
		if err != nil || len(p.OpenIDs) == 0 {
			if err != nil {
				return err
			}
			break
		}
		if err := cp.followers(ctx, app, p.OpenIDs); err != nil {
			return err
		}
		after = p.OpenIDs[len(p.OpenIDs)-1]
	}
	requests, err := readRequests(ctx, cp.from, app)
	if err != nil {
		return err
	}
	for last := uint64(0); ; {
		changes, err := cp.from.Changes(ctx, app, last, changesAtOnce)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return cp.requests(ctx, app, requests)
		}
		if err := cp.changes(ctx, app, last, changes, requests); err != nil {
			return err
		}
		last = changes[len(changes)-1].Seq
	}
}

func (cp *copier) followers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) error {
	states, err := cp.to.States(ctx, app, ids)
	if err != nil {
		return err
	}
	var lacking []mpblock.OpenID
	for i, s := range states {
		if !s.Follower {
			lacking = append(lacking, ids[i])
		}
	}
	if len(lacking) > 0 {
		if err := cp.mayWrite("account %s has other followers", app); err != nil {
			return err
		}
		if _, err := cp.to.AddFollowers(ctx, app, lacking); err != nil {
			return err
		}
	}
	cp.progress(len(ids))
	return nil
}

// mayWrite refuses what would change a target that bears no mark.
func (cp *copier) mayWrite(format string, args ...any) error {
	if cp.mark.Version == 0 {
		return cp.different(format, args...)
	}
	return nil
}

// changes applies those changes behind a seq that the target does not have, and
// compares the others.
func (cp *copier) changes(ctx context.Context, app mpblock.AppID, last uint64, changes []mpblock.Change, requests requests) error {
	there, err := cp.to.Changes(ctx, app, last, len(changes))
	if err != nil {
		return err
	}
	for i, want := range changes {
		var got mpblock.Change
		if i < len(there) {
			got = there[i]
		} else {
			if err := cp.mayWrite("account %s has fewer changes", app); err != nil {
				return err
			}
			got, err = cp.to.Apply(ctx, app, mpblock.Batch{
				Action: want.Action, OpenIDs: want.OpenIDs, Actor: want.Actor, Reason: want.Reason, Undoes: want.Undoes, Until: want.Until, Time: want.Time, ID: requests.of[want.Seq],
			})
			if err != nil {
				return err
			}
		}
		if !sameChange(got, want) {
			return cp.different("change %d of account %s differs", want.Seq, app)
		}
		cp.progress(len(want.OpenIDs))
	}
	return nil
}

func sameChange(a, b mpblock.Change) bool {
	return a.Seq == b.Seq && a.Time.Equal(b.Time) && a.Actor == b.Actor && a.Action == b.Action && a.Reason == b.Reason && a.Undoes == b.Undoes && a.Until.Equal(b.Until) && slices.Equal(a.OpenIDs, b.OpenIDs)
}

// records copies the records of a kind, and removes those that the copied store
// has no more.
func (cp *copier) records(ctx context.Context, kind string) error {
	want := map[string]bool{}
	err := eachRecord(ctx, cp.from, kind, func(r mpblock.Record) error {
		want[r.Key] = true
		cp.sum.Records++
		return cp.record(ctx, r)
	})
	if err != nil {
		return err
	}
	return eachRecord(ctx, cp.to, kind, func(r mpblock.Record) error {
		if want[r.Key] {
			return nil
		}
		if err := cp.mayWrite("it has a record %s %s", kind, r.Key); err != nil {
			return err
		}
		return cp.to.Delete(ctx, kind, r.Key, r.Version)
	})
}

// record copies a record. Its version is the target's own.
func (cp *copier) record(ctx context.Context, r mpblock.Record) error {
	there, err := cp.to.Get(ctx, r.Kind, r.Key)
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return err
	}
	if err == nil && bytes.Equal(there.Value, r.Value) && there.Expires.Equal(r.Expires) {
		return nil
	}
	if err := cp.mayWrite("the record %s %s differs", r.Kind, r.Key); err != nil {
		return err
	}
	r.Version = there.Version
	_, err = cp.to.Put(ctx, r)
	return err
}

// eachAccount does something for each account, and something else for each that was
// removed, or is being removed: of that nothing but its record is copied, and whoever
// serves the copy goes on with the removal.
func (cp *copier) eachAccount(ctx context.Context, do, gone func(context.Context, mpblock.AppID) error) error {
	return eachRecord(ctx, cp.from, accounts.KindAccount, func(r mpblock.Record) error {
		if accounts.Gone(r) {
			return gone(ctx, mpblock.AppID(r.Key))
		}
		return do(ctx, mpblock.AppID(r.Key))
	})
}

// gone erases what a copy that was interrupted has of an account that is gone since.
func (cp *copier) gone(ctx context.Context, app mpblock.AppID) error {
	if cp.mark.Version == 0 {
		return nil
	}
	return cp.to.Erase(ctx, app)
}

func (cp *copier) skip(context.Context, mpblock.AppID) error { return nil }

func eachRecord(ctx context.Context, s mpblock.Store, kind string, do func(mpblock.Record) error) error {
	for after := ""; ; {
		records, err := s.List(ctx, kind, after, recordsAtOnce)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := do(r); err != nil {
				return err
			}
		}
		after = records[len(records)-1].Key
	}
}

// verify holds a copied account to its own log, and to what was copied. The logs
// were compared change by change.
func (cp *copier) verify(ctx context.Context, app mpblock.AppID) error {
	want, err := cp.from.Followers(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	r, err := check.Account(ctx, cp.to, app)
	if err != nil {
		return err
	}
	if len(r.Problems) > 0 {
		return refused(Damaged, "%s, account %s: %s", cp.toName, app, r.Problems[0])
	}
	if r.Followers != want.Total || uint64(r.Changes) != want.Seq { //nolint:gosec // not negative
		return cp.different("account %s has %d followers and %d changes, want %d and %d", app, r.Followers, r.Changes, want.Total, want.Seq)
	}
	cp.verified[app] = &r
	cp.sum.Accounts++
	cp.sum.Followers += r.Followers
	cp.sum.Blocked += r.Entries
	cp.sum.Changes += r.Changes
	return nil
}

// verifyEnds holds the ends in the target to the entries of the accounts that were
// verified.
func (cp *copier) verifyEnds(ctx context.Context) error {
	if err := check.Ends(ctx, cp.to, cp.verified); err != nil {
		return err
	}
	for app, r := range cp.verified {
		if len(r.Problems) > 0 {
			return refused(Damaged, "%s, account %s: %s", cp.toName, app, r.Problems[0])
		}
	}
	return nil
}

// different is the error of a target that holds something else.
func (cp *copier) different(format string, args ...any) error {
	return refused(Different, "%s is not a copy of %s: %s", cp.toName, cp.fromName, fmt.Sprintf(format, args...))
}
