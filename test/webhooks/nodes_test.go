//go:build mariadb && linux

package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/testserver"
)

const appID = "wx0123456789abcdef"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node is a server that is killed and comes back.
type node struct {
	*testserver.Server
	command []string
}

func (n *node) up(t *testing.T) {
	t.Helper()
	s, err := testserver.Start(n.command...)
	must(t, err)
	t.Cleanup(func() { _ = s.Kill() }) // where the test has not ended it
	n.Server = s
}

// two starts two nodes over a new database, with one account whose webhook leads to r.
func two(t *testing.T, r *receiver) ([]*node, *sqlstore.Store) {
	t.Helper()
	binary, err := testserver.Build(filepath.Join("..", ".."), t.TempDir())
	must(t, err)
	db, err := mariadbtest.New()
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	at, err := db.Database(t.Context())
	must(t, err)
	key := filepath.Join(t.TempDir(), "seal.key")
	must(t, os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600))
	nodes := make([]*node, 2)
	for i := range nodes {
		data := filepath.Join(t.TempDir(), "data")
		nodes[i] = &node{command: []string{binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--store", at, "--seal-key-file", key, "--webhook-private"}}
		nodes[i].up(t)
	}
	run := func(args ...string) {
		out, err := exec.CommandContext(t.Context(), binary, append(args, "--data", nodes[0].Data)...).CombinedOutput()
		if err != nil {
			t.Fatalf("mpblock %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	run("account", "add", "--appid", appID, "--any-follower", "--prefix", "01020304")
	run("webhook", "add", "--account", appID, "all", r.URL)
	c, err := address.Parse(at)
	must(t, err)
	store, err := sqlstore.Open(t.Context(), c, sqlstore.Options{})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return nodes, store
}

// sender returns the number of the node that has the lease of the account's webhooks.
func sender(t *testing.T, store *sqlstore.Store, nodes []*node) int {
	t.Helper()
	r, err := store.Get(t.Context(), "webhookplace", appID)
	must(t, err)
	var lease struct{ Holder string }
	must(t, json.Unmarshal(r.Value, &lease))
	i := slices.IndexFunc(nodes, func(n *node) bool { return strings.Contains(lease.Holder, fmt.Sprintf("-%d-", n.PID)) })
	if i < 0 {
		t.Fatalf("the lease is held by %q, which is none of the nodes", lease.Holder)
	}
	return i
}

// block blocks one after the other until ctx ends, some of them to an end that comes soon,
// and returns those ends.
func block(ctx context.Context, t *testing.T, store *sqlstore.Store) map[string]time.Time {
	ends := map[string]time.Time{}
	for i := 0; ctx.Err() == nil; i++ {
		id := mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, fmt.Sprint(i))
		b := mpblock.Batch{Action: mpblock.Block, Actor: mpblock.ActorAPI, OpenIDs: []mpblock.OpenID{id}, Time: time.Now()}
		if i%2 == 0 {
			b.Until = b.Time.Add(time.Duration(1+i%5) * time.Second).Truncate(time.Millisecond)
			ends[id.String()] = b.Until
		}
		if _, err := store.Apply(context.WithoutCancel(ctx), appID, b); err != nil {
			t.Errorf("block: %v", err)
			return ends
		}
	}
	return ends
}

// TestSenderKilled has two nodes over one MariaDB tell a webhook of blocks, of which half
// end by themselves meanwhile. The node that sends is killed with a message under way,
// again and again: the other goes on. Nothing is missed, what was taken comes again only
// around a kill, one message is under way at a time, and each end is brought about once,
// and not early.
func TestSenderKilled(t *testing.T) {
	const kills, goOn = 3, 300
	r := newReceiver(t)
	nodes, store := two(t, r)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	written := make(chan map[string]time.Time, 1)
	go func() { written <- block(ctx, t, store) }()
	r.upTo(t, goOn)
	if last, n := r.now(); n < int(last) || n > int(last)+1 { // one that is counted next
		t.Errorf("%d messages up to revision %d, before anybody is killed", n, last)
	}
	var took []time.Duration
	for range kills {
		release := r.hold()
		victim := sender(t, store, nodes)
		must(t, nodes[victim].Kill())
		release() // it is taken, and nobody is left to write that down
		begin := time.Now()
		last, _ := r.now()
		r.upTo(t, last+goOn)
		took = append(took, time.Since(begin).Round(100*time.Millisecond))
		if now := sender(t, store, nodes); now == victim {
			t.Errorf("node %d, which was killed, has the lease still", victim)
		}
		nodes[victim].up(t)
	}
	stop()
	ends := <-written
	log := settled(t, store, ends)
	r.upTo(t, uint64(len(log)))
	again := r.audit(t, log, ends)
	if again < kills || again > kills*16 {
		t.Errorf("%d messages came twice, want one for each of %d kills at least, and no more than 16", again, kills)
	}
	fmt.Printf("== %s: the sender killed %d times, %d changes, %d of them ends, %d messages twice; the other went on within %v; none missed, none early: %v\n",
		t.Name(), kills, len(log), len(ends), again, took, !t.Failed())
}

// settled waits until all that end have ended, and returns the log.
func settled(t *testing.T, store *sqlstore.Store, ends map[string]time.Time) (log []mpblock.Change) {
	t.Helper()
	for left := len(ends); ; {
		some, err := store.Changes(t.Context(), appID, uint64(len(log)), 1_000)
		must(t, err)
		for _, c := range some {
			if c.Actor == mpblock.ActorExpiry {
				left -= len(c.OpenIDs)
			}
		}
		if log = append(log, some...); left <= 0 && len(some) == 0 {
			return log
		}
	}
}

// audit holds what was taken to the log, and returns how many messages came twice.
func (r *receiver) audit(t *testing.T, log []mpblock.Change, ends map[string]time.Time) (again int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.crowd > 1 {
		t.Errorf("%d messages were under way at once", r.crowd)
	}
	next, ids, ended := uint64(1), map[uint64]string{}, map[string]bool{}
	for _, m := range r.all {
		rev := m.Data.Revision
		if rev < next {
			if again++; ids[rev] != m.id {
				t.Errorf("revision %d comes again with the id %s, and had %s", rev, m.id, ids[rev])
			}
			continue
		}
		if rev > next {
			t.Fatalf("revision %d comes after %d", rev, next-1)
		}
		c := log[rev-1]
		next, ids[rev] = rev+1, m.id
		want := feed.Blocked
		if c.Action == mpblock.Unblock {
			want = feed.Expired
		}
		var texts []string
		for _, id := range c.OpenIDs {
			texts = append(texts, id.String())
		}
		if m.Type != want || !slices.Equal(m.Data.OpenIDs, texts) || !m.Timestamp.Equal(c.Time) {
			t.Fatalf("told of %+v, and the change is %+v", m, c)
		}
		if want != feed.Expired {
			continue
		}
		for _, id := range texts {
			if until, has := ends[id]; !has || m.Timestamp.Before(until) || ended[id] {
				t.Errorf("%s, whose end is %v, has ended at %v, and before: %v", id, until, m.Timestamp, ended[id])
			}
			ended[id] = true
		}
	}
	if next != uint64(len(log))+1 || len(ended) != len(ends) {
		t.Errorf("told up to revision %d of %d, and of %d of %d ends", next-1, len(log), len(ended), len(ends))
	}
	return again
}
