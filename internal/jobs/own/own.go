// Package own finds out from the log what a job itself has changed: what a node has done
// and not counted is known from there alone.
package own

import (
	"context"
	"slices"

	"mpblock"
	"mpblock/internal/lists"
)

// Job is whose changes are looked for.
type Job struct {
	App   mpblock.AppID
	Actor string
	From  uint64 // a seq: what is looked for comes behind it
}

// headsAtOnce is how many changes are read at a time, without their OpenIDs.
const headsAtOnce = 1_000

// Changes returns the seqs of the changes that a job has made of some OpenIDs, and the last
// seq that names any of them. It takes two reads; only where others have changed some of
// the OpenIDs since, it takes one more for every headsAtOnce changes of the account
// meanwhile.
func Changes(ctx context.Context, store mpblock.Lists, l *lists.Service, j Job, ids []mpblock.OpenID) (own map[mpblock.OpenID]uint64, seen uint64, err error) {
	if len(ids) == 0 {
		return nil, 0, nil
	}
	states, err := store.States(ctx, j.App, ids)
	if err != nil {
		return nil, 0, err
	}
	var later []uint64
	for _, s := range states {
		if seen = max(seen, s.Seq); s.Seq > j.From {
			later = append(later, s.Seq)
		}
	}
	heads, err := l.Heads(ctx, j.App, later)
	if err != nil {
		return nil, 0, err
	}
	own = make(map[mpblock.OpenID]uint64)
	var changed []mpblock.OpenID
	for i, id := range ids {
		seq := states[i].Seq
		switch {
		case seq <= j.From: // the same all the time since
		case heads[seq].Actor == j.Actor:
			own[id] = seq
		default:
			changed = append(changed, id)
		}
	}
	return own, seen, before(ctx, store, l, j, seen, changed, own)
}

// before adds what a job has made, before a seq, of OpenIDs that others have changed
// since.
func before(ctx context.Context, store mpblock.Lists, l *lists.Service, j Job, seq uint64, ids []mpblock.OpenID, own map[mpblock.OpenID]uint64) error {
	for from := j.From + 1; len(ids) > 0 && from < seq; from += headsAtOnce {
		var seqs []uint64
		for s := from; s < min(from+headsAtOnce, seq); s++ {
			seqs = append(seqs, s)
		}
		heads, err := store.ChangeHeads(ctx, j.App, seqs)
		if err != nil {
			return err
		}
		for _, head := range heads {
			if head.Actor != j.Actor {
				continue
			}
			c, err := l.ChangeAt(ctx, j.App, head.Seq)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if _, named := slices.BinarySearchFunc(c.OpenIDs, id, mpblock.OpenID.Compare); named {
					own[id] = c.Seq
				}
			}
		}
	}
	return nil
}
