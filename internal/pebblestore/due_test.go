package pebblestore

import (
	"fmt"
	"testing"
	"time"

	"mpblock"
)

// A call reads no more ends than it may return, also where others' lie between those of an
// account, and none behind the last that the account has.
func TestEndsReadForAnAccount(t *testing.T) {
	s := openIn(t, t.TempDir())
	now := time.Now().Truncate(time.Millisecond)
	block := func(app mpblock.AppID, from, to int, until time.Time) {
		t.Helper()
		b := mpblock.Batch{Action: mpblock.Block, Actor: "test", Time: now, Until: until}
		for i := from; i < to; i++ {
			b.OpenIDs = append(b.OpenIDs, mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(i)))
		}
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	block(other, 0, 1000, now.Add(2*time.Hour))
	for i, step := range []struct {
		until     time.Time // of one more block of the account
		own, read int       // of up to 100, from the beginning
	}{
		{time.Time{}, 0, 0},
		{now.Add(time.Hour), 1, 1},
		{now.Add(3 * time.Hour), 1, 100},
	} {
		block(app, i, i+1, step.until)
		due, err := s.Due(t.Context(), app, mpblock.DueEnd{}, lastEnd, 100)
		own := 0
		for _, d := range due {
			if d.AppID == app {
				own++
			}
		}
		if err != nil || own != step.own || len(due) != step.read {
			t.Errorf("with one that ends at %v: %d ends, %d of them the account's, %v, want %d and %d", step.until, len(due), own, err, step.read, step.own)
		}
	}
}
