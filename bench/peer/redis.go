package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"mpblock"
	"mpblock/internal/memstore"
)

// Redis keeps blacklists in Redis; accounts and tokens stay in memory, where
// they cost nothing. A blacklist is a sorted set whose members all score 0, so that
// it is in byte order; the change log is a list, the length of which is the seq.
type Redis struct {
	*memstore.Store
	DB *redis.Client
}

// OpenRedis opens a server by its address.
func OpenRedis(addr string) *Redis {
	return &Redis{memstore.New(), redis.NewClient(&redis.Options{
		Addr: addr, PoolSize: 128, ReadTimeout: time.Minute, DisableIdentity: true,
	})}
}

// applyScript blocks those that are not blocked yet, and logs the change. KEYS are
// the blacklist, the log and the followers; ARGV is whether all must be known, the
// head of the log entry, and the OpenIDs. It runs alone, so it is atomic.
var applyScript = redis.NewScript(`
local ids = {unpack(ARGV, 3)}
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ids))
if ARGV[1] == '1' then
  local known = redis.call('SMISMEMBER', KEYS[3], unpack(ids))
  for i = 1, #ids do
    if not scores[i] and known[i] == 0 then return -i end -- not known
  end -- of the OpenIDs
end
local add, log = {}, {ARGV[2]}
for i = 1, #ids do
  if not scores[i] then
    add[#add + 1] = 0
    add[#add + 1] = ids[i]
    log[#log + 1] = ids[i]
  end -- of those not blocked
end
if #add == 0 then return 0 end
redis.call('ZADD', KEYS[1], unpack(add))
return redis.call('RPUSH', KEYS[2], table.concat(log))
`)

// unblockScript is the reverse; who is not blocked is passed over.
var unblockScript = redis.NewScript(`
local ids = {unpack(ARGV, 3)}
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ids))
local gone = {}
for i = 1, #ids do
  if scores[i] then gone[#gone + 1] = ids[i] end -- blocked
end
if #gone == 0 then return 0 end
redis.call('ZREM', KEYS[1], unpack(gone))
return redis.call('RPUSH', KEYS[2], ARGV[2] .. table.concat(gone))
`)

// Apply implements mpblock.Store as far as the API looks at the answer.
func (s *Redis) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := b.Validate(); err != nil {
		return mpblock.Change{}, err
	}
	script, known := applyScript, "0"
	if b.Action == mpblock.Unblock {
		script = unblockScript
	}
	if b.Known {
		known = "1"
	}
	args := make([]any, 0, 2+len(b.OpenIDs))
	args = append(args, known, logHead(b))
	for i := range b.OpenIDs {
		args = append(args, b.OpenIDs[i][:])
	}
	seq, err := script.Run(ctx, s.DB, s.keys(app), args...).Int64()
	if err != nil {
		return mpblock.Change{}, err
	}
	if seq < 0 {
		return mpblock.Change{}, &mpblock.UnknownError{Index: int(-seq - 1)}
	}
	return mpblock.Change{Seq: uint64(seq)}, nil
}

func (s *Redis) keys(app mpblock.AppID) []string {
	return []string{"b:" + string(app), "c:" + string(app), "f:" + string(app)}
}

// logHead is what a change says beside its OpenIDs.
func logHead(b mpblock.Batch) []byte {
	h := binary.BigEndian.AppendUint64(nil, uint64(b.Time.UnixMilli()))
	h = append(h, byte(b.Action), byte(len(b.Actor))) //nolint:gosec // MaxActor
	h = append(h, b.Actor...)
	h = binary.BigEndian.AppendUint16(h, uint16(len(b.Reason))) //nolint:gosec // MaxReason
	return append(h, b.Reason...)
}

// Blacklist implements mpblock.Store; page and total are of one instant.
func (s *Redis) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	keys := s.keys(app)
	low := "-"
	if after != (mpblock.OpenID{}) {
		low = "(" + after.String()
	}
	tx := s.DB.TxPipeline()
	total, seq := tx.ZCard(ctx, keys[0]), tx.LLen(ctx, keys[1])
	members := tx.ZRangeArgs(ctx, redis.ZRangeArgs{Key: keys[0], Start: low, Stop: "+", ByLex: true, Offset: 0, Count: int64(limit)})
	if _, err := tx.Exec(ctx); err != nil {
		return mpblock.Page{}, err
	}
	ids := make([]mpblock.OpenID, len(members.Val()))
	for i, m := range members.Val() {
		copy(ids[i][:], m)
	}
	return mpblock.Page{OpenIDs: ids, Total: int(total.Val()), Seq: uint64(seq.Val())}, nil //nolint:gosec // not negative
}

// Fill blocks OpenIDs without syncing each step, and then has every further one
// synced.
func (s *Redis) Fill(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) error {
	return s.fill(ctx, ids, "ZADD", s.keys(app)[0], "0")
}

// FillSet puts OpenIDs into a set, in the way of Fill.
func (s *Redis) FillSet(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) error {
	return s.fill(ctx, ids, "SADD", setKey(app))
}

func setKey(app mpblock.AppID) string { return "s:" + string(app) }

// Member looks somebody up in the set.
func (s *Redis) Member(app mpblock.AppID) func(ctx context.Context, openID string) (bool, error) {
	key := setKey(app)
	return func(ctx context.Context, openID string) (bool, error) {
		return s.DB.SIsMember(ctx, key, openID).Result()
	}
}

// fill adds OpenIDs by a command to a key, each behind what else it takes.
func (s *Redis) fill(ctx context.Context, ids []mpblock.OpenID, command, key string, before ...any) error {
	if err := s.DB.ConfigSet(ctx, "appendfsync", "no").Err(); err != nil {
		return err
	}
	const part, parts = 1000, 20
	for len(ids) > 0 {
		pipe := s.DB.Pipeline()
		for range parts {
			n := min(part, len(ids))
			if n == 0 {
				break
			}
			members := make([]any, 0, 2*n+2)
			members = append(members, command, key)
			for i := range ids[:n] {
				members = append(append(members, before...), ids[i][:])
			}
			pipe.Do(ctx, members...)
			ids = ids[n:]
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("fill Redis: %w", err)
		}
	}
	return s.DB.ConfigSet(ctx, "appendfsync", "always").Err()
}

// Close implements mpblock.Store.
func (s *Redis) Close() error { return s.DB.Close() }
