// Package storetest holds every store to the contract of mpblock.Store: Run tests
// each sentence of it, Model compares a store with memstore under random
// operations, Bench measures it. A store's own test is a file of a few lines that
// calls all three.
package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mpblock"
	"mpblock/internal/check"
)

const (
	app   mpblock.AppID = "wx0123456789abcdef"
	other mpblock.AppID = "wx0123456789abcdf0"
)

// start is the time of the first batch of a test.
var start = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)

// tests are those of Run.
var tests = []struct {
	name string
	test func(*suite)
}{
	{"an unknown account has empty lists", (*suite).emptyAccount},
	{"followers are added and removed", (*suite).followers},
	{"pages are in byte order behind a cursor", (*suite).pages},
	{"pages differ by one letter's case", (*suite).caseSensitive},
	{"changes are recorded as they took effect", (*suite).changes},
	{"a batch without effect makes no change", (*suite).noEffect},
	{"a refused batch changes nothing", (*suite).refused},
	{"known ones are followers or blocked", (*suite).known},
	{"what came after a change is left alone by its undo", (*suite).undoLeavesAlone},
	{"an undo gives entries back", (*suite).undoGivesBack},
	{"an undo of batches at once", (*suite).undoTogether},
	{"an undo meets a new change", (*suite).undoRace},
	{"a batch for who was last changed by a change", (*suite).last},
	{"of writers who have read the same, one changes it", (*suite).lastRace},
	{"entries end", (*suite).ends},
	{"ends of all accounts in one order", (*suite).dueOfAll},
	{"an amend gives another reason and end", (*suite).amend},
	{"an amend is undone and redone", (*suite).amendUndone},
	{"what has ended is unblocked, and nothing else", (*suite).ended},
	{"an entry is given back with its end, if that is to come", (*suite).endGivenBack},
	{"ends of batches at once", (*suite).endsTogether},
	{"ends of one account among another's", (*suite).dueOfOne},
	{"an erased account has no ends", (*suite).endsErased},
	{"a request is applied once", (*suite).requestOnce},
	{"a request that changed nothing is one", (*suite).requestWithoutEffect},
	{"a request that was refused is none", (*suite).requestRefused},
	{"the key of a request is not for another", (*suite).requestReused},
	{"a request at once", (*suite).requestsTogether},
	{"requests are forgotten with their account", (*suite).requestsErased},
	{"a change dated ahead dates no other", (*suite).time},
	{"who unfollows stays blocked", (*suite).unfollowed},
	{"each OpenID has its history", (*suite).history},
	{"changes without their OpenIDs", (*suite).heads},
	{"histories of a range", (*suite).histories},
	{"logs are read in pieces", (*suite).logInPieces},
	{"accounts do not touch each other", (*suite).accounts},
	{"an erased account is as one never seen", (*suite).erase},
	{"an account is erased twice", (*suite).eraseTwice},
	{"the largest batch", (*suite).largest},
	{"slices stay as they are", (*suite).shared},
	{"records are compared and set", (*suite).records},
	{"records end", (*suite).expiry},
	{"records are listed by kind", (*suite).list},
	{"records have limits", (*suite).recordLimits},
	{"concurrent writers of one account", (*suite).concurrentWriters},
	{"readers see whole changes", (*suite).wholeChanges},
	{"concurrent compare-and-set", (*suite).concurrentRecords},
	{"an ended context", (*suite).endedContext},
	{"a closed store", (*suite).closed},
}

// Run tests a store. open returns an empty one, and arranges for its end.
func Run(t *testing.T, open func(t *testing.T) mpblock.Store) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.test(&suite{T: t, s: open(t)})
		})
	}
}

// suite is one test on a store of its own.
type suite struct {
	*testing.T
	s mpblock.Store
}

// ids returns n OpenIDs of one prefix in byte order.
func ids(n int) []mpblock.OpenID { return idsOf(mpblock.Prefix{1, 2, 3, 4}, n) }

func idsOf(p mpblock.Prefix, n int) []mpblock.OpenID {
	out := make([]mpblock.OpenID, n)
	for i := range out {
		out[i] = mpblock.Mint(p, mpblock.Key{7}, fmt.Sprint(i))
	}
	slices.SortFunc(out, mpblock.OpenID.Compare)
	return out
}

func (t *suite) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *suite) equal(got, want any, what string) {
	t.Helper()
	if d := diff(want, got); d != "" {
		t.Errorf("%s: (-want +got)\n%s", what, d)
	}
}

// diff is cmp.Diff, which takes seconds for lists of thousands, only where there is
// a difference.
func diff(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal))
}

func (t *suite) follow(ids ...mpblock.OpenID) {
	t.Helper()
	_, err := t.s.AddFollowers(t.Context(), app, ids)
	t.must(err)
}

// apply applies a batch to app at the start time.
func (t *suite) apply(a mpblock.Action, ids ...mpblock.OpenID) mpblock.Change {
	t.Helper()
	c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: a, OpenIDs: ids, Actor: "test", Time: start})
	t.must(err)
	return c
}

func (t *suite) page(after mpblock.OpenID, limit int) mpblock.Page {
	t.Helper()
	p, err := t.s.Blacklist(t.Context(), app, after, limit)
	t.must(err)
	return p
}

func (t *suite) log() []mpblock.Change {
	t.Helper()
	c, err := t.s.Changes(t.Context(), app, 0, 1_000_000)
	t.must(err)
	return c
}

// sound holds the whole account to check.Account.
func (t *suite) sound(app mpblock.AppID) {
	t.Helper()
	r, err := check.Account(context.WithoutCancel(t.Context()), t.s, app)
	t.must(err)
	t.must(check.Ends(context.WithoutCancel(t.Context()), t.s, map[mpblock.AppID]*check.Report{app: &r}))
	for _, p := range r.Problems {
		t.Error(p)
	}
}
