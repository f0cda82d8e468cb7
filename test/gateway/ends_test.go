//go:build mariadb && linux

package gateway

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/testserver"
)

// told is a call of the platform that unblocks.
type told struct {
	Time    time.Time     `json:"time"`
	Took    time.Duration `json:"took_ns"`
	Code    int           `json:"errcode"`
	Rule    string        `json:"rule"`
	Request string        `json:"request"`
}

// unblocks returns the calls of a platform that unblock, the oldest first.
func unblocks(t *testing.T, there *testserver.Server) (all []told) {
	t.Helper()
	text := run(t, "emulator", "journal", "--json", "--limit", "1000", "--path", "*/batchunblacklist", "--control", there.Control)
	for line := range strings.Lines(text) {
		var c told
		must(t, json.Unmarshal([]byte(line), &c))
		all = append(all, c)
	}
	return all
}

// downTo waits until so many are blocked in a store.
func downTo(t *testing.T, store *sqlstore.Store, total int) {
	t.Helper()
	for t.Context().Err() == nil {
		page, err := store.Blacklist(t.Context(), testserver.DemoAppID, mpblock.OpenID{}, 0)
		must(t, err)
		if page.Total <= total {
			return
		}
	}
	t.Fatal("they stay blocked")
}

// TestExpirerKilled has the ends of 2,000 blocks come one after the other, over two gateways
// on one MariaDB, while the platform loses answers. The one that unblocks is killed: the
// other goes on. Nobody is unblocked early, nobody stays blocked, each is unblocked once, and
// one gateway works at a time.
func TestExpirerKilled(t *testing.T) {
	const groups, each, kills = 40, 50, 2
	db, err := mariadbtest.New()
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	at, err := db.Database(t.Context())
	must(t, err)
	key := filepath.Join(t.TempDir(), "seal.key")
	must(t, os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600))
	there := platform(t)
	nodes := make([]*node, 2)
	for i := range nodes {
		nodes[i] = &node{}
		nodes[i].settings = settings{data: filepath.Join(t.TempDir(), "data"), flags: []string{"--store", at, "--seal-key-file", key, "--sync-every", "24h"}}
		nodes[i].up(t)
	}
	nodes[0].join(t, there)
	nodes[1].secret = nodes[0].secret
	store := openStore(t, at)
	head, err := store.Blacklist(t.Context(), testserver.DemoAppID, mpblock.OpenID{}, 0)
	must(t, err)
	run(t, "emulator", "faults", "load", "lost-answers", "--control", there.Control)

	ends := map[string]time.Time{}
	begin := time.Now().Add(2 * time.Second).Truncate(time.Millisecond)
	for g := range groups {
		b := mpblock.Batch{Action: mpblock.Amend, Actor: "console:li.si", Reason: "for a while", Until: begin.Add(time.Duration(g) * time.Second)}
		for i := range each {
			id, err := mpblock.ParseOpenID(fan(1 + g*each + i))
			must(t, err)
			b.OpenIDs = append(b.OpenIDs, id)
			ends[id.String()] = b.Until
		}
		_, err := store.Apply(t.Context(), testserver.DemoAppID, b)
		must(t, err)
	}
	left := head.Total
	for range kills {
		left -= groups * each / 4
		downTo(t, store, left)
		victim := holder(t, store, nodes)
		nodes[victim].kill(t)
		left -= each
		downTo(t, store, left) // by the other one
		nodes[victim].up(t)
	}
	downTo(t, store, head.Total-len(ends))
	run(t, "emulator", "faults", "clear", "--control", there.Control)
	run(t, "account", "sync", "--data", nodes[1].data, testserver.DemoAppID)
	theirs, err := there.Token()
	must(t, err)
	blocked := listed(t, there, theirs)
	for _, n := range nodes {
		equal(t, blocked, n.listed(t))
	}
	if len(blocked) != head.Total-len(ends) {
		t.Errorf("%d are blocked at the end, of %d", len(blocked), head.Total)
	}
	log := logOf(t, store, head.Seq)
	for id, until := range ends {
		made := slices.DeleteFunc(log[id], func(c mpblock.Change) bool { return c.Action == mpblock.Amend })
		if len(made) != 1 || made[0].Action != mpblock.Unblock || made[0].Actor != mpblock.ActorExpiry || made[0].Time.Before(until) || blocked[id] {
			t.Errorf("%s, whose end is %v: %+v", id, until, made)
		}
	}
	calls := unblocks(t, there)
	lost := oneByOne(t, calls, ends)
	fmt.Printf("== %s: the expirer killed %d times, %d ends, %d calls, %d answers lost; none early, lost or twice, platform and mirrors equal: %v\n",
		t.Name(), kills, len(ends), len(calls), lost, !t.Failed())
}

// oneByOne holds calls to each other and to the ends that they bring about: none is early,
// none while another is under way, and none tells again what has happened.
func oneByOne(t *testing.T, calls []told, ends map[string]time.Time) (lost int) {
	t.Helper()
	done := map[string]bool{}
	for i, c := range calls {
		if i > 0 && c.Time.Before(calls[i-1].Time.Add(calls[i-1].Took)) {
			t.Errorf("two calls at once: %v, %v", calls[i-1], c)
		}
		if c.Rule != "" {
			lost++
		}
		var in struct {
			OpenIDs []string `json:"openid_list"`
		}
		must(t, json.Unmarshal([]byte(c.Request), &in))
		for _, id := range in.OpenIDs {
			if c.Time.Before(ends[id]) || done[id] {
				t.Errorf("%s, whose end is %v, at %v, done before: %v", id, ends[id], c.Time, done[id])
			}
			done[id] = done[id] || c.Code == 0
		}
	}
	if len(done) != len(ends) {
		t.Errorf("the platform was told of %d of %d", len(done), len(ends))
	}
	return lost
}
