package past_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists/past"
	"mpblock/internal/memstore"
)

const app mpblock.AppID = "wx0123456789abcdef"

func mint(n int) (ids []mpblock.OpenID) {
	for i := range n {
		ids = append(ids, mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, strconv.Itoa(i)))
	}
	return mpblock.Distinct(ids)
}

// apply makes a change, and returns its seq, 0 if it changed nothing.
func apply(t *testing.T, store mpblock.Store, b mpblock.Batch) uint64 {
	t.Helper()
	b.Actor, b.Time = "api", time.UnixMilli(1_000_000)
	c, err := store.Apply(t.Context(), app, b)
	if err != nil {
		t.Fatal(err)
	}
	return c.Seq
}

// walk reads a whole list as it was at a revision.
func walk(t *testing.T, r past.Reader, at uint64, limit int) (whole []past.Held) {
	t.Helper()
	var after mpblock.OpenID
	for {
		held, next, err := r.Page(t.Context(), app, at, after, limit, all)
		if err != nil {
			t.Fatal(err)
		}
		if whole = append(whole, held...); next == (mpblock.OpenID{}) {
			return whole
		}
		after = next
	}
}

func all(mpblock.Change) bool { return true }

func none(mpblock.Change) bool { return false }

// Whatever changes, the list at a revision stays what it was when that was the last one:
// by pages of any size, and for each OpenID.
func TestThePastStays(t *testing.T) {
	store, ids := memstore.New(), mint(12)
	r := past.Reader{Store: store}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	was := map[uint64][]past.Held{0: nil}
	for last := uint64(0); last < 60; {
		b := mpblock.Batch{Action: []mpblock.Action{mpblock.Block, mpblock.Unblock, mpblock.Amend}[dice.IntN(3)], Reason: string(rune('a' + dice.IntN(26)))}
		for range 1 + dice.IntN(4) {
			b.OpenIDs = append(b.OpenIDs, ids[dice.IntN(len(ids))])
		}
		if b.Action != mpblock.Unblock && dice.IntN(3) == 0 {
			b.Until = time.UnixMilli(int64(2_000_000 + dice.IntN(1000)))
		}
		if last > 0 && dice.IntN(4) == 0 { // an undo of an earlier change
			c, err := store.Changes(t.Context(), app, uint64(dice.IntN(int(last))), 1)
			if err != nil {
				t.Fatal(err)
			}
			b = mpblock.Batch{Undoes: c[0].Seq, OpenIDs: c[0].OpenIDs, Action: map[mpblock.Action]mpblock.Action{mpblock.Block: mpblock.Unblock, mpblock.Unblock: mpblock.Block, mpblock.Amend: mpblock.Amend}[c[0].Action]}
		}
		seq := apply(t, store, b)
		if seq == 0 {
			continue
		}
		last = seq
		held, revision, err := r.Now(t.Context(), app, ids)
		if err != nil || revision != seq {
			t.Fatalf("revision %d, want %d, %v", revision, seq, err)
		}
		for _, h := range held {
			if h.By.Seq != 0 {
				was[seq] = append(was[seq], h)
			}
		}
	}
	for at, want := range was {
		for _, limit := range []int{1, 3, 5, 100} {
			if got := walk(t, r, at, limit); !reflect.DeepEqual(got, want) {
				t.Fatalf("at %d by %d:\n%v, want\n%v", at, limit, got, want)
			}
		}
		held, err := r.At(t.Context(), app, ids, at)
		if err != nil {
			t.Fatal(err)
		}
		var got []past.Held
		for _, h := range held {
			if h.By.Seq != 0 {
				got = append(got, h)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("each at %d:\n%v, want\n%v", at, got, want)
		}
	}
}

func TestTooFarBack(t *testing.T) {
	store, ids := memstore.New(), mint(2)
	r := past.Reader{Store: store}
	for i := range past.MaxChanges + 2 {
		apply(t, store, mpblock.Batch{Action: []mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], OpenIDs: ids})
	}
	for _, at := range []uint64{0, 1} {
		if _, _, err := r.Page(t.Context(), app, at, mpblock.OpenID{}, 10, all); !errors.Is(err, past.ErrGone) {
			t.Errorf("at %d: %v", at, err)
		}
	}
	if held, _, err := r.Page(t.Context(), app, 3, mpblock.OpenID{}, 10, all); err != nil || len(held) != 2 || held[0].By.Seq != 3 {
		t.Errorf("%v, %v", held, err)
	}
	ahead := uint64(past.MaxChanges + 3)
	if _, _, err := r.Page(t.Context(), app, ahead, mpblock.OpenID{}, 10, all); !errors.Is(err, past.ErrAhead) {
		t.Errorf("ahead: %v", err)
	}
	if _, err := r.At(t.Context(), app, ids, ahead); !errors.Is(err, past.ErrAhead) {
		t.Errorf("ahead: %v", err)
	}
	if held, err := r.At(t.Context(), app, ids, 1); err != nil || held[1].By.Seq != 1 {
		t.Errorf("of one OpenID, all of the past is there: %v, %v", held, err)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := past.Reader{Store: store}
		begun := time.Now()
		go func() {
			time.Sleep(time.Second)
			apply(t, store, mpblock.Batch{Action: mpblock.Block, OpenIDs: mint(1)})
		}()
		if there, err := r.Wait(t.Context(), app, 1); !there || err != nil || time.Since(begun) > time.Second+50*time.Millisecond {
			t.Errorf("%v, %v after %v", there, err, time.Since(begun))
		}
		if there, err := r.Wait(t.Context(), app, 2); there || err != nil || time.Since(begun) < past.MaxWait {
			t.Errorf("%v, %v after %v", there, err, time.Since(begun))
		}
	})
}
