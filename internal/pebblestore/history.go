package pebblestore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/known"
)

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, seq uint64, limit int) (changes []mpblock.Change, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	if seq+1 == 0 || limit <= 0 {
		return nil, nil
	}
	it, err := s.log(ctx, app, seq+1)
	if err != nil {
		return nil, err
	}
	defer s.end(it, &err)
	for ok := it.First(); ok && len(changes) < limit; ok = it.Next() {
		c, err := codec.DecodeChange(seqOf(it), it.Value())
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, it.Error()
}

// log returns an iterator over the changes from a seq on.
func (s *Store) log(ctx context.Context, app mpblock.AppID, from uint64) (*pebble.Iterator, error) {
	return s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: codec.ChangeKey(app, from), UpperBound: codec.After(codec.AppKey(codec.ChangeKeys, app)),
	})
}

// seqOf returns the seq of the change at which an iterator stands.
func seqOf(it *pebble.Iterator) uint64 { return binary.BigEndian.Uint64(it.Key()[1+mpblock.AppIDLen:]) }

// ChangesOf implements mpblock.Store. It goes from the last change of the OpenID
// back to the first that is wanted, and reads only those that it returns.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, seq uint64, limit int) ([]mpblock.Change, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	if limit <= 0 {
		return nil, nil
	}
	seqs, err := s.chain(app, id, seq)
	if err != nil {
		return nil, err
	}
	slices.Reverse(seqs)
	changes, err := s.changeHeads(ctx, app, seqs[:min(limit, len(seqs))])
	for i := range changes {
		changes[i].OpenIDs = []mpblock.OpenID{id}
	}
	return changes, err
}

// chain returns the seqs of the changes of an OpenID above one, newest first.
func (s *Store) chain(app mpblock.AppID, id mpblock.OpenID, after uint64) (seqs []uint64, err error) {
	var at uint64
	err = s.look(app, false, func(l *lookup) error {
		if at = l.last(codec.EntryKeys, &id).Seq; at == 0 {
			at = l.last(codec.FormerKeys, &id).Seq
		}
		return nil
	})
	for err == nil && at > after {
		seqs = append(seqs, at)
		err = s.view(codec.ChangeKey(app, at), func(v []byte) (err error) {
			at, err = codec.PreviousOf(at, v, id)
			return err
		})
	}
	return seqs, err
}

// ChangeHeads implements mpblock.Store.
func (s *Store) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("pebblestore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	return s.changeHeads(ctx, app, seqs)
}

// changeHeads reads changes as they lie, without a copy of their OpenIDs.
func (s *Store) changeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	heads := make([]mpblock.Change, len(seqs))
	for i, seq := range seqs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := s.view(codec.ChangeKey(app, seq), func(v []byte) error {
			if v == nil {
				return &mpblock.NoChangeError{Seq: seq}
			}
			c, _, r := codec.DecodeChangeHead(seq, v)
			heads[i] = c
			return r.Err
		})
		if err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// Undone implements mpblock.Store.
func (s *Store) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("pebblestore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	by := make([]uint64, len(seqs))
	for i, seq := range seqs {
		err := s.view(codec.SeqKey(codec.UndoneKeys, app, seq), func(v []byte) (err error) {
			if v != nil {
				by[i], err = codec.DecodeUint(v)
			}
			return err
		})
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
	}
	return by, nil
}

// Histories implements mpblock.Store. It reads the log once and sorts what it says of
// the range; then it holds that against the entries, from which the chains of changes
// begin. A chain that leads to a change which does not name its OpenID begins with
// that seq and no action.
func (s *Store) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) (err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return err
	}
	defer s.inflight.Done()
	if after.Compare(last) >= 0 {
		return nil
	}
	log, err := s.logged(ctx, app, after, last)
	if err != nil {
		return err
	}
	w, err := known.New(ctx, s.db, app, after, last)
	if err != nil {
		return s.explain(err)
	}
	defer func() { err = cmp.Or(err, s.explain(w.Close())) }()
	var chain []mpblock.Change
	for id, seq, ok := w.Next(); ok; id, seq, ok = w.Next() {
		for len(log) > 0 && log[0].id.Compare(id) < 0 {
			log = log[1:]
		}
		chain = chain[:0]
		for ; len(log) > 0 && log[0].id == id; log = log[1:] {
			if l := log[0]; l.seq == seq {
				chain = append(chain, mpblock.Change{Seq: seq, Action: l.action, Undoes: l.undoes})
				seq = l.previous
			}
		}
		if seq != 0 {
			chain = append(chain, mpblock.Change{Seq: seq})
		}
		for _, c := range slices.Backward(chain) {
			each(id, c)
		}
	}
	return nil
}

// loggedEffect is an effect of a change in the log.
type loggedEffect struct {
	id                    mpblock.OpenID
	action                mpblock.Action
	previous, seq, undoes uint64
}

// logged returns what the log says of a range of the OpenIDs, in byte order, of each
// the newest first.
func (s *Store) logged(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID) (all []loggedEffect, err error) {
	it, err := s.log(ctx, app, 1)
	if err != nil {
		return nil, err
	}
	defer s.end(it, &err)
	for ok := it.First(); ok; ok = it.Next() {
		seq := seqOf(it)
		c, ids, r := codec.DecodeChangeHead(seq, it.Value())
		from, to := ids.UpTo(after), ids.UpTo(last)
		for i := range to {
			previous := r.Uint()
			if i < from {
				continue
			}
			if previous >= seq {
				return nil, codec.ErrDamaged
			}
			all = append(all, loggedEffect{ids.At(i), c.Action, previous, seq, c.Undoes})
		}
		if r.Err != nil {
			return nil, r.Err
		}
	}
	slices.SortFunc(all, func(a, b loggedEffect) int {
		if c := a.id.Compare(b.id); c != 0 {
			return c
		}
		return cmp.Compare(b.seq, a.seq)
	})
	return all, it.Error()
}
