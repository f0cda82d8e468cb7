//go:build cluster

package onvitess

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mpblock"
	"mpblock/test/cluster/engine"
	"mpblock/test/cluster/nodes"
)

// The ends of an account are asked of its shard alone: they are there while the other is
// away. Those of all accounts are not.
func TestEndsOfAnAccount(t *testing.T) {
	s := open(t)
	now := time.Now()
	until := now.Add(time.Hour).Truncate(time.Millisecond)
	for i := range 16 {
		app, id := mpblock.AppID(fmt.Sprintf("wx%016x", i)), mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(i))
		_, err := s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "test", Time: now, Until: until})
		nodes.Must(t, err)
	}
	killed := vitess.Shards[0]
	apps, err := vitess.Shards[1].Accounts(t.Context())
	nodes.Must(t, err)
	if len(apps) == 0 || len(apps) == 16 {
		t.Fatalf("%d of 16 accounts lie on shard %s", len(apps), vitess.Shards[1].Name)
	}
	killed.KillDatabase()
	for _, app := range apps {
		due, err := s.Due(t.Context(), mpblock.AppID(app), mpblock.DueEnd{}, until, 9)
		if err != nil || len(due) != 1 || due[0].AppID != mpblock.AppID(app) {
			t.Errorf("account %s, whose shard is there: %v, %v", app, due, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if due, err := s.Due(ctx, "", mpblock.DueEnd{}, until, 99); err == nil {
		t.Errorf("of all accounts: %d ends, while a shard is away", len(due))
	}
	nodes.Must(t, killed.StartDatabase(t.Context()))
	nodes.Soon(t, "the ends of all accounts", func() bool {
		due, err := s.Due(t.Context(), "", mpblock.DueEnd{}, until, 99)
		return err == nil && len(due) == 16
	})
}

// A migration that was cut off behind one shard is done again by the next node that starts.
func TestIndexOnOneShardOnly(t *testing.T) {
	nodes.Must(t, open(t).Close())
	for _, shard := range vitess.Shards {
		nodes.Must(t, shard.Exec(t.Context(), "DELETE FROM "+engine.Keyspace+".schema_version WHERE version = 6"))
	}
	cut := vitess.Shards[0]
	nodes.Must(t, cut.Exec(t.Context(), "ALTER TABLE "+engine.Keyspace+".entry_end DROP KEY ends_of"))
	nodes.Must(t, open(t).Close())
	nodes.Must(t, cut.Exec(t.Context(), "SELECT app FROM "+engine.Keyspace+".entry_end FORCE INDEX (ends_of) LIMIT 1"))
}
