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
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && len(changes) < limit; ok = it.Next() {
		c, err := decodeChange(seqOf(it), it.Value())
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
		LowerBound: changeKey(app, from), UpperBound: after(appKey(changeKeys, app)),
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
		at = cmp.Or(l.seq(entryKeys, &id), l.seq(formerKeys, &id))
		return nil
	})
	for err == nil && at > after {
		seqs = append(seqs, at)
		err = s.view(changeKey(app, at), func(v []byte) (err error) {
			at, err = previousOf(at, v, id)
			return err
		})
	}
	return seqs, err
}

// ChangeHeads implements mpblock.Store.
func (s *Store) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	if len(seqs) > mpblock.MaxBatch {
		return nil, fmt.Errorf("pebblestore: %d changes in one call, at most %d", len(seqs), mpblock.MaxBatch)
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
		err := s.view(changeKey(app, seq), func(v []byte) error {
			if v == nil {
				return &mpblock.NoChangeError{Seq: seq}
			}
			c, _, r := decodeChangeHead(seq, v)
			heads[i] = c
			return r.err
		})
		if err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// end is the end of what is known of an OpenID's chain of changes.
type end struct {
	id  mpblock.OpenID
	seq uint64
}

func (e end) compare(id mpblock.OpenID) int { return e.id.Compare(id) }

// Histories implements mpblock.Store. It goes once over the log, from its end, and
// holds each change against the ends of the chains that lead there. A chain that
// leads to a change which does not name its OpenID ends with that seq and no action.
func (s *Store) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) (err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return err
	}
	defer s.inflight.Done()
	ends, err := s.ends(ctx, app, after, last)
	if err != nil || len(ends) == 0 {
		return err
	}
	it, err := s.log(ctx, app, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.Last(); ok; ok = it.Prev() {
		if err := follow(ends, seqOf(it), it.Value(), each); err != nil {
			return err
		}
	}
	for _, e := range ends {
		if e.seq != 0 {
			each(e.id, mpblock.Change{Seq: e.seq})
		}
	}
	return it.Error()
}

// follow goes on with the chains that lead to a change.
func follow(ends []end, seq uint64, v []byte, each func(mpblock.OpenID, mpblock.Change)) error {
	c, ids, r := decodeChangeHead(seq, v)
	c = mpblock.Change{Seq: seq, Action: c.Action}
	first, last := ends[0].id, ends[len(ends)-1].id
	for ; len(ids) > 0; ids = ids[mpblock.OpenIDLen:] {
		id := mpblock.OpenID(ids)
		previous := r.uint()
		if id.Compare(first) < 0 || id.Compare(last) > 0 {
			continue
		}
		i, found := slices.BinarySearchFunc(ends, id, end.compare)
		if !found || ends[i].seq != seq {
			continue
		}
		if previous >= seq {
			return errDamaged
		}
		each(id, c)
		ends[i].seq = previous
	}
	return r.err
}

// ends returns where the chains of the OpenIDs of a range end, in byte order: what
// entries name and, where there is none, former entries.
func (s *Store) ends(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID) ([]end, error) {
	blocked, err := s.endsOf(ctx, entryKeys, app, after, last)
	if err != nil {
		return nil, err
	}
	former, err := s.endsOf(ctx, formerKeys, app, after, last)
	if err != nil {
		return nil, err
	}
	all := blocked
	for _, e := range former {
		if _, again := slices.BinarySearchFunc(blocked, e.id, end.compare); !again {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b end) int { return a.id.Compare(b.id) })
	return all, nil
}

func (s *Store) endsOf(ctx context.Context, kind byte, app mpblock.AppID, after, last mpblock.OpenID) (ends []end, err error) {
	if after.Compare(last) >= 0 {
		return nil, nil
	}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: append(openIDKey(kind, app, after), 0), UpperBound: append(openIDKey(kind, app, last), 0),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		e := end{id: mpblock.OpenID(it.Key()[1+mpblock.AppIDLen:])}
		if e.seq, err = decodeUint(it.Value()); err != nil {
			return nil, err
		}
		ends = append(ends, e)
	}
	return ends, it.Error()
}
