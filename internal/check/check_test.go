package check_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

const app mpblock.AppID = "wx0123456789abcdef"

// mint returns n OpenIDs of one account in the order of their bytes.
func mint(n int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, n)
	for i := range ids {
		ids[i] = mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{5}, fmt.Sprint("user-", i))
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	return ids
}

// filled returns a store with 25 followers and three changes that leave ids[4:20]
// on the blacklist.
func filled(t *testing.T) (mpblock.Store, []mpblock.OpenID) {
	t.Helper()
	s, ids := memstore.New(), mint(25)
	if _, err := s.AddFollowers(t.Context(), app, ids); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, b := range []mpblock.Batch{
		{Action: mpblock.Block, OpenIDs: ids[:10]},
		{Action: mpblock.Block, OpenIDs: ids[10:20]},
		{Action: mpblock.Unblock, OpenIDs: ids[:4]},
	} {
		b.Actor, b.Time, b.ID = "test", at.Add(time.Duration(i)*time.Second), mpblock.NewRequestID(fmt.Sprint(i), nil)
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	return s, ids
}

func TestCheckOfASoundStore(t *testing.T) {
	s, _ := filled(t)
	for _, perPass := range []int{1, 7, 1000} { // many passes, some, one
		t.Run(fmt.Sprint(perPass), func(t *testing.T) {
			r, err := check.InPasses(t.Context(), s, app, perPass)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Problems) > 0 || r.Followers != 25 || r.Entries != 16 || r.Changes != 3 || r.AppID != app {
				t.Errorf("got %+v, want 25 followers, 16 entries, 3 changes and no problem", r)
			}
		})
	}
	r, err := check.Account(t.Context(), s, "wxffffffffffffffff")
	if err != nil || len(r.Problems) > 0 || r.Followers+r.Entries+r.Changes != 0 {
		t.Errorf("an account that was never used: %+v, %v", r, err)
	}
}

// The ranges of a check are about equal, however many OpenIDs a change names and
// however many there are in all, and have all of them.
func TestRangesAreEven(t *testing.T) {
	for _, n := range []int{0, 1, 5, 1_000, 200_000} {
		var all []mpblock.OpenID
		var pieces [][]mpblock.OpenID
		for i := 0; len(all) < n; i++ {
			ids := make([]mpblock.OpenID, min(i%977+1, n-len(all)))
			for j := range ids {
				ids[j] = storetest.Numbered(uint64(len(all) + j))
			}
			all, pieces = append(all, ids...), append(pieces, ids)
		}
		slices.SortFunc(all, mpblock.OpenID.Compare)
		const parts = 7
		bounds := check.Bounds(pieces, parts)
		if len(bounds) > parts || !slices.IsSortedFunc(bounds, mpblock.OpenID.Compare) {
			t.Fatalf("%d OpenIDs: %d bounds %v", n, len(bounds), bounds)
		}
		from := 0
		for _, last := range bounds {
			to, found := slices.BinarySearchFunc(all, last, mpblock.OpenID.Compare)
			if found {
				to++
			}
			if got, want := to-from, n/parts; n > 1_000 && (got < want*9/10 || got > want*11/10) {
				t.Errorf("%d OpenIDs: a range of %d, want about %d", n, got, want)
			}
			from = to
		}
		if from != n {
			t.Errorf("%d OpenIDs: the ranges have %d", n, from)
		}
	}
}

// damaged is a store whose answers a test has put wrong.
type damaged struct {
	mpblock.Store
	page    func(*mpblock.Page)
	follow  func(*mpblock.Page)
	lookup  func([]mpblock.State)
	changes func([]mpblock.Change) []mpblock.Change
	of      func([]mpblock.Change) []mpblock.Change
	undone  func([]uint64)
	request func(*mpblock.Request)
}

func (d damaged) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) ([]mpblock.Request, error) {
	r, err := d.Store.Requests(ctx, app, after, limit)
	if d.request != nil && len(r) > 0 {
		d.request(&r[0])
	}
	return r, err
}

func (d damaged) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	by, err := d.Store.Undone(ctx, app, seqs)
	if d.undone != nil {
		d.undone(by)
	}
	return by, err
}

func (d damaged) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	p, err := d.Store.Blacklist(ctx, app, after, limit)
	if d.page != nil {
		p.OpenIDs = slices.Clone(p.OpenIDs)
		d.page(&p)
	}
	return p, err
}

func (d damaged) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	p, err := d.Store.Followers(ctx, app, after, limit)
	if d.follow != nil {
		p.OpenIDs = slices.Clone(p.OpenIDs)
		d.follow(&p)
	}
	return p, err
}

func (d damaged) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	st, err := d.Store.States(ctx, app, ids)
	if d.lookup != nil {
		d.lookup(st)
	}
	return st, err
}

func (d damaged) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	c, err := d.Store.Changes(ctx, app, after, limit)
	if d.changes != nil {
		c = d.changes(c)
	}
	return c, err
}

func (d damaged) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	if d.of == nil {
		return d.Store.Histories(ctx, app, after, last, each)
	}
	of := map[mpblock.OpenID][]mpblock.Change{}
	if err := d.Store.Histories(ctx, app, after, last, func(id mpblock.OpenID, c mpblock.Change) { of[id] = append(of[id], c) }); err != nil {
		return err
	}
	for id, changes := range of {
		for _, c := range d.of(changes) {
			each(id, c)
		}
	}
	return nil
}

func TestCheckFindsDamage(t *testing.T) {
	drop := func(i int) func(*mpblock.Page) {
		return func(p *mpblock.Page) {
			if len(p.OpenIDs) > i {
				p.OpenIDs = slices.Delete(p.OpenIDs, i, i+1)
			}
		}
	}
	nth := func(i int, f func(*mpblock.Change)) func([]mpblock.Change) []mpblock.Change {
		return func(c []mpblock.Change) []mpblock.Change {
			if len(c) > i {
				c[i].OpenIDs = slices.Clone(c[i].OpenIDs)
				f(&c[i])
			}
			return c
		}
	}
	tests := []struct {
		name string
		d    damaged
		want string
	}{
		{"an entry is lost", damaged{page: drop(3)}, "is not on the blacklist, and change 1 blocked it"},
		{"the total is wrong", damaged{page: func(p *mpblock.Page) { p.Total++ }}, "has 16 entries, its total says 17"},
		{"the seq is wrong", damaged{page: func(p *mpblock.Page) { p.Seq = 2 }}, "is at seq 2, the last change is 3"},
		{"entries are out of order", damaged{page: func(p *mpblock.Page) {
			if len(p.OpenIDs) > 3 {
				p.OpenIDs[1], p.OpenIDs[2] = p.OpenIDs[2], p.OpenIDs[1]
			}
		}}, "stands behind"},
		{"an entry bears another seq", damaged{lookup: func(st []mpblock.State) {
			for i := range st {
				st[i].Seq = 2
			}
		}}, "bears the seq 2, change 1 blocked it"},
		{"a follower is lost", damaged{follow: drop(0)}, "list of followers has 24 entries, its total says 25"},
		{"a follower is not looked up", damaged{lookup: func(st []mpblock.State) { st[0].Follower = false }}, "looked up as none"},
		{"a change is lost", damaged{changes: func(c []mpblock.Change) []mpblock.Change {
			if len(c) == 3 {
				return slices.Delete(c, 1, 2)
			}
			return c
		}}, "change 3 follows change 1"},
		{"time goes back", damaged{changes: nth(2, func(c *mpblock.Change) { c.Time = c.Time.Add(-30 * time.Second) })}, "is earlier than the one before"},
		{"an unknown action", damaged{changes: nth(2, func(c *mpblock.Change) { c.Action = 9 })}, "unknown action 9"},
		{"an empty change", damaged{changes: nth(2, func(c *mpblock.Change) { c.OpenIDs = nil })}, "names no OpenID"},
		{"a change without effect", damaged{changes: nth(1, func(c *mpblock.Change) { c.Action = mpblock.Unblock })}, "on which it has no effect"},
		{"an entry that no change made", damaged{changes: nth(1, func(c *mpblock.Change) { c.OpenIDs = c.OpenIDs[1:] })}, "no change put it there"},
		{"a history lacks a change", damaged{of: func(c []mpblock.Change) []mpblock.Change { return c[1:] }}, "is not that of the change log"},
		{"a history has another action", damaged{of: nth(0, func(c *mpblock.Change) { c.Action ^= 3 })}, "is not that of the change log"},
		{"a history is the wrong way round", damaged{of: func(c []mpblock.Change) []mpblock.Change { slices.Reverse(c); return c }}, "is not that of the change log"},
		{"a request of a change that is not there", damaged{request: func(r *mpblock.Request) { r.Seq = 4 }}, "has become change 4, and the last is 3"},
		{"a request of another change", damaged{request: func(r *mpblock.Request) { r.Seq = r.Seq%3 + 1 }}, "was applied at"},
		{"requests out of order", damaged{request: func(r *mpblock.Request) { r.ID.Key = [16]byte{} }}, "stands behind"},
		{"a blocked one is looked up as not", damaged{lookup: func(st []mpblock.State) { st[0].Blocked = false }}, "looked up as not blocked"},
	}
	for _, tt := range tests {
		for _, perPass := range []int{5, 1000} {
			t.Run(fmt.Sprint(tt.name, "/", perPass), func(t *testing.T) {
				tt.d.Store, _ = filled(t)
				r, err := check.InPasses(t.Context(), tt.d, app, perPass)
				if err != nil {
					t.Fatal(err)
				}
				if all := strings.Join(r.Problems, "\n"); !strings.Contains(all, tt.want) {
					t.Errorf("the report lacks %q:\n%s", tt.want, all)
				}
			})
		}
	}
}

// What is undone, and to which change an entry belongs that was given back, is held to
// the log.
func TestCheckFindsDamageOfUndos(t *testing.T) {
	nth := func(c []mpblock.Change, seq, undoes uint64) []mpblock.Change {
		for i := range c {
			if c[i].Seq == seq {
				c[i].Undoes = undoes
			}
		}
		return c
	}
	for _, tt := range []struct {
		name string
		d    damaged
		want string
	}{
		{"nothing", damaged{}, ""},
		{"an entry belongs to the undo", damaged{lookup: func(st []mpblock.State) {
			for i := range st {
				st[i].Since = st[i].Seq
			}
		}}, "is said to belong to change 4, and belongs to change 1"},
		{"a change undoes another than the one before", damaged{changes: func(c []mpblock.Change) []mpblock.Change {
			return nth(c, 4, 2)
		}}, "change 4 undoes change 2, and names"},
		{"nobody knows who undid", damaged{undone: func(by []uint64) { clear(by) }}, "change 3 is said to be undone by change 0, by the log it is by 4"},
		{"a history knows of no undo", damaged{of: func(c []mpblock.Change) []mpblock.Change { return nth(c, 4, 0) }}, "is not that of the change log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ids := filled(t)
			tt.d.Store = s
			b := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids[:3], Actor: "test", Undoes: 3}
			if c, err := s.Apply(t.Context(), app, b); err != nil || len(c.OpenIDs) != 3 {
				t.Fatalf("%+v, %v", c, err)
			}
			r, err := check.Account(t.Context(), tt.d, app)
			if all := strings.Join(r.Problems, "\n"); err != nil || !strings.Contains(all, tt.want) || tt.want == "" && all != "" {
				t.Errorf("the report lacks %q:\n%s\n%v", tt.want, all, err)
			}
		})
	}
}

func TestCheckNamesABoundedNumberOfProblems(t *testing.T) {
	s, _ := filled(t)
	d := damaged{Store: s, of: func([]mpblock.Change) []mpblock.Change { return nil }, lookup: func(st []mpblock.State) { clear(st) }}
	r, err := check.Account(t.Context(), d, app)
	if err != nil || len(r.Problems) != check.MaxProblems {
		t.Errorf("got %d problems and %v, want %d", len(r.Problems), err, check.MaxProblems)
	}
}

func TestCheckReturnsTheStoresError(t *testing.T) {
	s, _ := filled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := check.Account(ctx, s, app); err == nil {
		t.Error("a store that cannot be read passed the check")
	}
}

// A store that answers with the same changes for ever must not hang the check.
func TestCheckOfAStoreThatIgnoresTheCursor(t *testing.T) {
	s, ids := filled(t)
	for i := range 80 {
		b := mpblock.Batch{Action: mpblock.Block + mpblock.Action(i%2), OpenIDs: ids[24:], Actor: "test"}
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Changes(t.Context(), app, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	d := damaged{Store: s, changes: func([]mpblock.Change) []mpblock.Change { return all }}
	if _, err := check.Account(t.Context(), d, app); err == nil {
		t.Error("changes in an endless loop passed the check")
	}
}
