package protection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists/protection"
	"mpblock/internal/memstore"
)

// told returns what is told after a number, a few at a time.
func told(t *testing.T, s *protection.Service, after uint64, limit int) (all []protection.Change) {
	t.Helper()
	for {
		some, last, err := s.Told(t.Context(), account.AppID, after, limit)
		if err != nil || len(some) > limit {
			t.Fatalf("%d changes, %v", len(some), err)
		}
		if len(some) == 0 {
			if last > after {
				t.Fatalf("nothing is told behind %d, and the last is %d", after, last)
			}
			return all
		}
		for _, c := range some {
			if c.Number <= after {
				t.Fatalf("change %d is told behind %d", c.Number, after)
			}
			after = c.Number
		}
		all = append(all, some...)
	}
}

// Each change of who is protected is told in its order, however many are asked for, and by
// whichever node; by this one at once.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		here, there := protection.New(store, nil), protection.New(store, nil)
		kicks := 0
		here.Changed = func(mpblock.AppID) { kicks++ }
		var want []string
		for i := range 10 {
			node, by := here, fmt.Sprint("node ", i%2)
			if i%2 == 1 {
				node = there
				time.Sleep(time.Second)
			}
			if i%3 == 2 {
				freed, err := node.Unprotect(t.Context(), account, by, ids(i-1, 3))
				if err != nil || len(freed) == 0 {
					t.Fatal(freed, err)
				}
				want = append(want, fmt.Sprintf("false %s  %d %s", by, len(freed), freed[0]))
			} else {
				some := ids(i, 2)[:1+i%2]
				if _, _, err := node.Protect(t.Context(), account, by, "staff", some); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("true %s staff %d %s", by, len(some), some[0]))
			}
			if _, err := store.Apply(t.Context(), account.AppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(100+i, 1), Actor: "test", Time: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if node == here {
				if all := told(t, here, 0, 100); len(all) != len(want) {
					t.Errorf("%d are told at once on the node that has made the last of %d", len(all), len(want))
				}
			}
		}
		if _, err := here.Unprotect(t.Context(), account, "nobody", ids(500, 1)); err != nil { // changes nothing
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, s := range []*protection.Service{here, there, protection.New(store, nil)} {
			for limit := 1; limit < 12; limit++ {
				all := told(t, s, 0, limit)
				var got []string
				for i, c := range all {
					got = append(got, fmt.Sprintf("%v %s %s %d %s", c.Protects, c.By, c.Why, len(c.OpenIDs), c.OpenIDs[0]))
					if c.Behind != uint64(i) {
						t.Errorf("change %d was made behind revision %d", i, c.Behind)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("told, %d at a time:\n%s\nwant\n%s", limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for from := range all {
					if rest := told(t, s, all[from].Number, limit); len(rest) != len(all)-from-1 {
						t.Errorf("behind change %d of %d, %d at a time, %d are told", from, len(all), limit, len(rest))
					}
				}
			}
		}
		if kicks < 5 {
			t.Errorf("who follows was woken %d times", kicks)
		}
		if err := here.Erase(t.Context(), account.AppID); err != nil || len(told(t, here, 0, 5)) != 0 {
			t.Errorf("something is left: %v", err)
		}
		for _, kind := range []string{"protected", "protectedlog"} {
			if all, err := store.List(t.Context(), kind, "", 10); err != nil || len(all) != 0 {
				t.Errorf("%s has %d records, %v", kind, len(all), err)
			}
		}
	})
}

// failing is a store whose writes fail from a number of them on.
type failing struct {
	mpblock.Store
	left int
}

var errKilled = errors.New("killed")

func (f *failing) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if f.left--; f.left < 0 {
		return mpblock.Record{}, errKilled
	}
	return f.Store.Put(ctx, r)
}

// A node that is killed between any two writes leaves no change untold, and none that had no
// effect.
func TestToldAfterKill(t *testing.T) {
	for left := range 8 {
		store := memstore.New()
		mortal := &failing{store, left}
		s := protection.New(mortal, nil)
		done := 0
		for i := range 10 {
			if _, _, err := s.Protect(t.Context(), account, "admin", "staff", ids(i, 1)); err != nil {
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				break
			}
			done++
		}
		other := protection.New(store, nil)
		people, err := other.People(t.Context(), account.AppID)
		if all := told(t, other, 0, 3); err != nil || len(all) != done || len(people) != done {
			t.Errorf("killed after %d writes: %d changes were made, %d are told, %d people are protected, %v", left, done, len(all), len(people), err)
		}
		if _, _, err := other.Protect(t.Context(), account, "admin", "staff", ids(50, 1)); err != nil {
			t.Fatal(err)
		}
		if all := told(t, other, 0, 3); len(all) != done+1 {
			t.Errorf("killed after %d writes: %d are told after one more, want %d", left, len(all), done+1)
		}
	}
}
