package mpblock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store keeps what there is of accounts in two halves: Lists, which each store
// keeps in its native way, and Records for all that is small beside them. Accounts
// are records: for the methods that take an AppID every AppID exists and begins
// with empty lists.
//
// Methods are safe for concurrent use. OpenIDs that a method is given or returns may
// be shared: neither the store nor the caller changes them any more. The value of a
// record may be reused once the method has returned. A method stops early when its
// context ends;
// what it was asked to write has then happened wholly or not at all, and the
// caller does not know which. Every write is durable before its method returns
// nil. After a crash at any point a store opens by itself with every acknowledged
// write and no half of one.
//
// Errors are *UnknownError, *NoChangeError, ErrReused, ErrNotFound, ErrConflict, the
// context's own, or any others, which are Internal to whoever asks and stand in the log in
// full.
type Store interface {
	Lists
	Records

	// Close waits for writes under way and releases the store. Methods fail
	// after it.
	Close() error
}

// Lists are the followers, the blacklists and their changes.
type Lists interface {
	// Blacklist returns up to limit blocked OpenIDs strictly after a cursor, which
	// need not be blocked, with the total and the seq of the same instant. A
	// limit of 0 returns the total and the seq alone.
	Blacklist(ctx context.Context, app AppID, after OpenID, limit int) (Page, error)

	// Followers returns up to limit followers strictly after a cursor, which
	// need not be one. A limit of 0 returns the total alone.
	Followers(ctx context.Context, app AppID, after OpenID, limit int) (Page, error)

	// AddFollowers registers up to MaxWrite OpenIDs, all or none, and returns
	// how many of them were not followers before.
	AddFollowers(ctx context.Context, app AppID, ids []OpenID) (added int, err error)

	// RemoveFollowers is the reverse of AddFollowers. Who is blocked stays
	// blocked: the blacklist does not depend on who follows.
	RemoveFollowers(ctx context.Context, app AppID, ids []OpenID) (removed int, err error)

	// Apply changes the blacklist: entries, total, change log and due ends together or
	// nothing, one Apply after the other per account. The Change it returns
	// holds only the OpenIDs on which it took effect; where there are none,
	// nothing is written and the zero Change (Seq 0) is returned. Its Time is
	// Batch.Date of that of the account's last Change.
	//
	// A batch whose ID was applied to the account within KeepRequests returns the Change
	// that was made then, the zero one too, and changes nothing; with other content it
	// fails with ErrReused. That an ID was applied is written with the Change. One that
	// was refused was not applied.
	Apply(ctx context.Context, app AppID, b Batch) (Change, error)

	// Due returns up to limit ends of the entries of an account, "": of all accounts,
	// strictly after a place in their order and not after a time: the earliest first,
	// then by account and OpenID. A store that has but one order for all may return
	// others' ends between those of the account; fewer than limit are the last. What has
	// ended stays until a batch unblocks it. The next end of all costs one small read,
	// however many accounts there are.
	Due(ctx context.Context, app AppID, after DueEnd, until time.Time, limit int) ([]DueEnd, error)

	// Requests returns up to limit of the account's remembered requests with a key above
	// after, in byte order of their keys. Those past KeepRequests may be among them.
	Requests(ctx context.Context, app AppID, after [16]byte, limit int) ([]Request, error)

	// States returns the State of each OpenID, in the order given, all of the
	// same instant. OpenIDs in byte order are found faster.
	States(ctx context.Context, app AppID, ids []OpenID) ([]State, error)

	// Changes returns up to limit changes with a Seq above after, oldest first.
	Changes(ctx context.Context, app AppID, after uint64, limit int) ([]Change, error)

	// ChangesOf returns the changes of one OpenID with a Seq above after, up to
	// limit, oldest first. Their OpenIDs are narrowed to that one.
	ChangesOf(ctx context.Context, app AppID, id OpenID, after uint64, limit int) ([]Change, error)

	// ChangeHeads returns up to MaxHeads changes without their OpenIDs, which are
	// nil, in the order in which they are asked for; a seq may be named twice. It
	// costs less than to read the changes. Where there is no change with a seq, it
	// fails with a *NoChangeError that names the first such seq, and returns none.
	ChangeHeads(ctx context.Context, app AppID, seqs []uint64) ([]Change, error)

	// Undone returns of up to MaxHeads changes, in the order given, the Seq of the
	// last Change that undoes each; 0: there is none.
	Undone(ctx context.Context, app AppID, seqs []uint64) ([]uint64, error)

	// Histories hands over what ChangesOf returns, but with no more than Seq,
	// Action and Undoes, for every OpenID strictly after one and up to another, last
	// included: the OpenIDs in byte order, the changes of each oldest first. It
	// reads in as few steps as the store can, and may keep some 50 bytes of memory
	// for each of these changes. Nothing may write to the account meanwhile, and
	// each must not call the store.
	Histories(ctx context.Context, app AppID, after, last OpenID, each func(OpenID, Change)) error

	// Erase removes the followers, entries and changes of an account, and all else
	// that is kept of its OpenIDs: from then on it is as one that was never seen. It
	// works in pieces whose size does not grow with the account. One that did not
	// return nil may have done a part: until another has, what is read of the account
	// means nothing. Nothing else may write to the account meanwhile; what does so is
	// erased, or stays whole or in part.
	Erase(ctx context.Context, app AppID) error
}

// Records are small named values.
type Records interface {
	// Get returns a record, or ErrNotFound.
	Get(ctx context.Context, kind, key string) (Record, error)

	// Put writes a record if the stored one still has the Version that r bears:
	// 0 demands that there is none. Otherwise it fails with ErrConflict. It
	// returns the record with its new Version.
	Put(ctx context.Context, r Record) (Record, error)

	// Delete removes a record if it still has the given Version, else it fails
	// with ErrConflict, or with ErrNotFound if there is none.
	Delete(ctx context.Context, kind, key string, version uint64) error

	// List returns up to limit records of a kind with a key above after, in
	// byte order of their keys.
	List(ctx context.Context, kind, after string, limit int) ([]Record, error)

	// Kinds returns the kinds of which there are records, in byte order. Those
	// of records past their end may be among them.
	Kinds(ctx context.Context) ([]string, error)
}

// Limits of a Record in bytes.
const (
	MaxKind  = 32
	MaxKey   = 128
	MaxValue = 1 << 20
)

// Record is a small named value. A record past its Expires is as if it were not
// there; stores remove it when it suits them.
type Record struct {
	Kind, Key string // not empty, without a zero byte
	Value     []byte
	Version   uint64    // never 0 in a stored record, never the same for two writes
	Expires   time.Time // zero: never; kept to the millisecond
}

// Validate tells what is wrong with a record in terms of the limits above; every
// store calls it before a Put.
func (r Record) Validate() error {
	switch {
	case !validName(r.Kind, MaxKind):
		return fmt.Errorf("mpblock: record of kind %q, want 1 to %d bytes without a zero byte", r.Kind, MaxKind)
	case !validName(r.Key, MaxKey):
		return fmt.Errorf("mpblock: record %s with the key %q, want 1 to %d bytes without a zero byte", r.Kind, r.Key, MaxKey)
	case len(r.Value) > MaxValue:
		return fmt.Errorf("mpblock: record %s %s of %d bytes, at most %d", r.Kind, r.Key, len(r.Value), MaxValue)
	}
	return nil
}

func validName(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return true
}

// Live tells whether the record has not reached its end at the given time.
func (r Record) Live(now time.Time) bool { return r.Expires.IsZero() || now.Before(r.Expires) }

// Errors of a Store beside *UnknownError, *NoChangeError and internal ones.
var (
	ErrNotFound = errors.New("mpblock: no such record")
	ErrConflict = errors.New("mpblock: record changed since it was read")
)

// UnknownError is the answer to a Batch with Known set: Index is the place, in
// the batch's own order, of the first OpenID that is neither a follower nor
// blocked.
type UnknownError struct{ Index int }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("mpblock: OpenID %d of the batch is neither a follower nor blocked", e.Index)
}

// RefusedError is the answer to a Batch of which some OpenIDs are refused: by the rules, or
// there where the list lies, if that is elsewhere. The others are changed. It may be asked
// again: it is the word of the moment.
type RefusedError struct{ Refused []Refused }

// Refused is an OpenID that is refused.
type Refused struct {
	OpenID OpenID
	Code   int    // the return code of where the list lies; 0: the rules refuse it
	Err    *Error // what the rules say
}

func (e *RefusedError) Error() string {
	if first := e.Refused[0]; first.Err != nil {
		return fmt.Sprintf("mpblock: %d OpenIDs are refused; %s", len(e.Refused), first.Err.Message())
	}
	return fmt.Sprintf("mpblock: %d OpenIDs are refused where the list lies, the first with %d", len(e.Refused), e.Refused[0].Code)
}

// Unwrap returns what the rules say of the first, if it is they who refuse it.
func (e *RefusedError) Unwrap() error {
	if first := e.Refused[0].Err; first != nil {
		return first
	}
	return nil
}

// NoChangeError is the answer to a question about a change that an account does not
// have.
type NoChangeError struct{ Seq uint64 }

func (e *NoChangeError) Error() string { return fmt.Sprintf("mpblock: there is no change %d", e.Seq) }

// Backuper is a Store that can copy itself while it is in use. Wrappers of a
// Store offer Unwrap() Store, so that what the inner one can do is found.
type Backuper interface {
	// Backup writes a consistent copy, which opens as a store of its own, to a
	// directory that must not exist yet.
	Backup(ctx context.Context, dir string) error
}
