//go:build mariadb

package sqlstore

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
)

// offClock is a machine's clock that is off.
type offClock struct{ off atomic.Int64 }

func (c *offClock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

type yearAhead struct{}

func (yearAhead) Now() time.Time { return time.Now().AddDate(1, 0, 0) }

func wantSkew(t *testing.T, err error, what, words string) {
	t.Helper()
	if !errors.Is(err, ErrSkew) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "NTP") {
		t.Errorf("%s: %v, want ErrSkew with %q", what, err, words)
	}
}

// A machine whose clock is wrong reads and does not write, and says so; the clock of
// facts has no part in it.
func TestSkew(t *testing.T) {
	clock := &offClock{}
	s := openWith(t, mariadbtest.URL(t), Options{Clock: yearAhead{}, machine: clock.now})
	ctx := t.Context()
	ids := []mpblock.OpenID{{1}, {2}}
	apply := func(id int) error {
		_, err := s.Apply(ctx, app, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids[id : id+1], Actor: "test", Time: time.Now()})
		return err
	}
	r, err := s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key"})
	if err := errors.Join(err, apply(0), s.Health()); err != nil {
		t.Fatal(err)
	}
	for off, words := range map[time.Duration]string{10*time.Minute + 30*time.Second: "which is 10m", -10 * time.Minute: "behind", 365*24*time.Hour + 30*time.Second: "which is 8760h0m"} {
		clock.off.Store(int64(off))
		if _, err := s.Get(ctx, "kind", "key"); err != nil { // by which it is known
			t.Errorf("off by %v, a record is not read: %v", off, err)
		}
		wantSkew(t, apply(1), "Apply", words)
		_, err := s.AddFollowers(ctx, app, ids)
		wantSkew(t, err, "AddFollowers", words)
		_, err = s.Put(ctx, r)
		wantSkew(t, err, "Put", words)
		wantSkew(t, s.Delete(ctx, "kind", "key", r.Version), "Delete", words)
		wantSkew(t, s.sweep(ctx), "sweep", words)
		wantSkew(t, s.Health(), "Health", words)
		if p, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 9); err != nil || p.Total != 1 || p.Seq != 1 {
			t.Errorf("off by %v: %d blocked at seq %d, %v", off, p.Total, p.Seq, err)
		}
	}
	clock.off.Store(int64(MaxSkew / 2))
	await(t, func() bool { return s.Health() == nil }) // though nobody writes
	if err := apply(1); err != nil {
		t.Error(err)
	}
	clock.off.Store(-int64(2 * MaxSkew))
	wantSkew(t, apply(0), "Apply of what is known only now", "behind")

	again := openWith(t, s.where, Options{machine: clock.now})
	wantSkew(t, again.Health(), "Health of a store that was opened so", "behind")
	c, err := address.Parse(mariadbtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, c, Options{machine: clock.now})
	wantSkew(t, err, "Open of what is to be migrated", "behind")
}

// What waits for a lock is not taken for a wrong clock.
func TestSkewOfAnAnswerThatWaited(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	s := openEmpty(t)
	s.skew.machine = func() time.Time { return begin.Add(time.Hour) }
	if err := s.compare(begin, begin.Unix()); err != nil {
		t.Error(err)
	}
	wantSkew(t, s.compare(begin.Add(MaxSkew+2*time.Second), begin.Unix()), "sent too late", "ahead")
}
