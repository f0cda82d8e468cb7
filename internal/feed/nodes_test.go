//go:build mariadb

package feed_test

import (
	"os"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Main(m)) }

// TestNodes has two nodes over a database: who follows at one hears within a second of what
// the other changes, and of what its own does at once.
func TestNodes(t *testing.T) {
	url := mariadbtest.URL(t)
	node := func() *feed.Store {
		at, err := address.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		s, err := sqlstore.Open(t.Context(), at, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return feed.New(s, feed.DefaultPoll)
	}
	here, there := node(), node()
	f := here.Follow(app)
	defer f.Close()
	slowest := map[*feed.Store]time.Duration{}
	for n := range uint64(20) {
		by := here
		if n%2 == 0 {
			by = there
		}
		made := make(chan time.Time, 1)
		go func() {
			apply(t, by, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{storetest.Numbered(n)}})
			made <- time.Now()
		}()
		page, err := f.Next(t.Context(), feed.At(n), 10)
		if err != nil || len(page.Events) != 1 || page.Events[0].Seq != n+1 {
			t.Fatalf("%v, %v, want change %d", page, err, n+1)
		}
		heard := time.Now()
		slowest[by] = max(slowest[by], heard.Sub(<-made))
	}
	t.Logf("heard after %v of this node, %v of another", slowest[here], slowest[there])
	if slowest[there] > time.Second {
		t.Errorf("heard of another node after %v, want 1 s at most", slowest[there])
	}
}
