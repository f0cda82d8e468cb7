package query

import (
	"bytes"
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"mpblock"
)

// Requests reads requests of an account.
func Requests(ctx context.Context, c *sql.Conn, app mpblock.AppID, where string, args ...any) (out []mpblock.Request, err error) {
	_, err = Rows(ctx, c, "SELECT id, content, at, seq FROM applied WHERE app = ? AND "+where, append([]any{App(app)}, args...), func(r *sql.Rows) error {
		var key, content sql.RawBytes
		var q mpblock.Request
		var at int64
		if err := r.Scan(&key, &content, &at, &q.Seq); err != nil {
			return err
		}
		copy(q.ID.Key[:], key)
		copy(q.ID.Content[:], content)
		q.Time = time.UnixMilli(at).UTC()
		out = append(out, q)
		return nil
	})
	return out, err
}

// Applied are requests, and the changes that they have become.
type Applied struct {
	before map[[16]byte]mpblock.Request
	made   map[uint64]mpblock.Change
	since  map[[16]byte]mpblock.Request // those that are to be written
	stale  [][16]byte                   // keys that are there, and free again
}

// ReadApplied reads those of some batches.
func ReadApplied(ctx context.Context, c *sql.Conn, app mpblock.AppID, batches []mpblock.Batch, suffix string) (*Applied, error) {
	a := &Applied{before: map[[16]byte]mpblock.Request{}, made: map[uint64]mpblock.Change{}, since: map[[16]byte]mpblock.Request{}}
	var keys []any
	for i := range batches {
		if key := batches[i].ID.Key; batches[i].ID.Named() {
			keys = append(keys, key[:])
		}
	}
	var seqs []uint64
	err := Pieces(keys, func(piece []any) error {
		found, err := Requests(ctx, c, app, "id IN "+List(len(piece))+suffix, piece...)
		for _, r := range found {
			a.before[r.ID.Key] = r
			if r.Seq != 0 {
				seqs = append(seqs, r.Seq)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for len(seqs) > 0 {
		piece := seqs[:min(len(seqs), LargeAtOnce)]
		seqs = seqs[len(piece):]
		made, err := Changes(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, c.openids FROM change_log c"+WithFields+
			" WHERE c.app = ? AND c.seq IN "+List(len(piece))+suffix, Seqs(app, piece)...)
		if err != nil {
			return nil, err
		}
		for _, ch := range made {
			a.made[ch.Seq] = ch
		}
	}
	return a, nil
}

// Answer returns what came of a batch if it was applied before.
func (a *Applied) Answer(b mpblock.Batch) (made mpblock.Change, done bool, err error) {
	before := a.before[b.ID.Key]
	if done, err = before.Answers(b); done {
		made = a.made[before.Seq]
	}
	return made, done, err
}

// Add remembers what came of a batch, if it has an ID.
func (a *Applied) Add(b mpblock.Batch, made mpblock.Change) {
	if !b.ID.Named() {
		return
	}
	_, there := a.before[b.ID.Key]
	if _, mine := a.since[b.ID.Key]; there && !mine {
		a.stale = append(a.stale, b.ID.Key)
	}
	r := b.Request(made)
	a.before[b.ID.Key], a.made[r.Seq], a.since[b.ID.Key] = r, made, r
}

// Changed tells whether there is something to be written.
func (a *Applied) Changed() bool { return len(a.since) > 0 }

// Write writes what was added.
func (a *Applied) Write(ctx context.Context, c *sql.Conn, app mpblock.AppID) error {
	err := Pieces(a.stale, func(piece [][16]byte) error {
		args := []any{App(app)}
		for i := range piece {
			args = append(args, piece[i][:])
		}
		_, err := Change(ctx, c, "DELETE FROM applied WHERE app = ? AND id IN "+List(len(piece)), args...)
		return err
	})
	if err != nil {
		return err
	}
	return Insert(ctx, c, "applied (app, id, content, at, seq)", slices.SortedFunc(maps.Values(a.since), compare), func(r mpblock.Request) []any {
		return []any{App(app), r.ID.Key[:], r.ID.Content[:], r.Time.UnixMilli(), r.Seq}
	})
}

func compare(a, b mpblock.Request) int { return bytes.Compare(a.ID.Key[:], b.ID.Key[:]) }
