package pebblestore

import (
	"cmp"
	"context"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Blacklist implements mpblock.Store.
func (s *Store) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return s.page(ctx, codec.EntryKeys, app, after, limit)
}

// Followers implements mpblock.Store.
func (s *Store) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return s.page(ctx, codec.FollowerKeys, app, after, limit)
}

// page reads heads and list through one iterator, so that all are of one instant.
func (s *Store) page(ctx context.Context, kind byte, app mpblock.AppID, cursor mpblock.OpenID, limit int) (p mpblock.Page, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return p, err
	}
	defer s.inflight.Done()
	if limit <= 0 {
		h, err := s.heads(ctx, app)
		return h.page(kind, nil), err
	}
	it, err := s.iterate(ctx, kind, app)
	if err != nil {
		return p, err
	}
	defer s.end(it, &err)
	h, err := headsAt(it, app)
	if err != nil {
		return p, err
	}
	limit = min(limit, h.page(kind, nil).Total)
	ids := make([]mpblock.OpenID, 0, limit)
	for ok := it.SeekGE(append(codec.OpenIDKey(kind, app, cursor), 0)); ok && len(ids) < limit; ok = it.Next() {
		ids = append(ids, mpblock.OpenID(it.Key()[1+mpblock.AppIDLen:]))
	}
	return h.page(kind, ids), it.Error()
}

// page returns a page of one of the lists that the head is of.
func (h *head) page(kind byte, ids []mpblock.OpenID) mpblock.Page {
	total := h.total
	if kind == codec.FollowerKeys {
		total = h.followers
	}
	return mpblock.Page{OpenIDs: ids, Total: int(total), Seq: h.seq} //nolint:gosec // it has counted what is in memory or on the disk
}

// States implements mpblock.Store. It goes over each of the lists by itself: a
// seek that goes on from the one before is a fraction of one that does not.
func (s *Store) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (states []mpblock.State, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	states = make([]mpblock.State, len(ids))
	err = s.look(app, false, func(l *lookup) error {
		h := head{unblocks: 1}
		if len(ids) > 1 { // else to look among the former entries is as much as to see whether there are any
			var err error
			if h, err = l.head(); err != nil {
				return err
			}
		}
		for i := range ids {
			last := l.last(codec.EntryKeys, &ids[i])
			states[i].Seq, states[i].Since, states[i].Blocked = last.Seq, cmp.Or(last.Since, last.Seq), last.Seq != 0
			states[i].Until = mpblock.EndAt(last.Until)
		}
		for i := range ids {
			if h.unblocks > 0 && !states[i].Blocked {
				states[i].Seq = l.last(codec.FormerKeys, &ids[i]).Seq
			}
		}
		for i := range ids {
			states[i].Follower = l.follows(&ids[i])
		}
		return nil
	})
	return states, err
}

// lookup answers what stands of single OpenIDs, all of one instant.
type lookup struct {
	it  *pebble.Iterator
	app mpblock.AppID
	key codec.IDKey // that is looked up
	err error       // the first of a value that is damaged, or of a seek that failed
}

// look has do look OpenIDs up, in the tables alone or in everything; those in byte
// order are found faster. Most of those that are asked for are not there, as what is
// blocked is mostly new: so the filters of the last level are used as well, which
// hold most of the keys.
func (s *Store) look(app mpblock.AppID, tables bool, do func(*lookup) error) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: codec.HeadKey(codec.EntryKeys, app), UpperBound: codec.After(codec.AppKey(codec.FormerKeys, app)),
		UseL6Filters: true, OnlyReadGuaranteedDurable: tables,
	})
	if err != nil {
		return err
	}
	defer s.end(it, &err)
	l := &lookup{it: it, app: app, key: codec.NewIDKey(codec.EntryKeys, app)}
	err = do(l)
	if l.err != nil { // whatever came of it
		return l.err
	}
	return err
}

// has tells whether a key is there. What cannot be read is not taken for what is not
// there: an iterator forgets its error at the next seek.
func (l *lookup) has(key []byte) bool {
	if l.err != nil { // each try to read a damaged block takes long
		return false
	}
	if l.it.SeekPrefixGE(key) {
		return true
	}
	l.err = l.it.Error()
	return false
}

// head returns the head of the blacklist.
func (l *lookup) head() (h head, err error) {
	if l.has(codec.HeadKey(codec.EntryKeys, l.app)) {
		err = h.decode(l.it.Value())
	}
	return h, err
}

// find goes to the key of an OpenID, and tells whether it is there.
func (l *lookup) find(kind byte, id *mpblock.OpenID) bool {
	l.key[0] = kind
	return l.has(l.key.Of(id))
}

// last returns what an entry or a former entry holds, Seq 0 if it is not there.
func (l *lookup) last(kind byte, id *mpblock.OpenID) codec.Last {
	if !l.find(kind, id) {
		return codec.Last{}
	}
	last, err := codec.DecodeLast(l.it.Value())
	if err != nil && l.err == nil {
		l.err = err
	}
	return last
}

func (l *lookup) follows(id *mpblock.OpenID) bool { return l.find(codec.FollowerKeys, id) }
