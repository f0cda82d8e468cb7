package pebblestore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/filter"
	"mpblock/internal/pebblestore/recent"
)

// A batch has to know of each OpenID whether it is blocked, and by which change.
// Nearly half of what such a look-up costs is the search in what Pebble has not
// yet written to tables, and all writers of an account would wait for each other's.
// So each looks in the tables before it takes the account's lock, where most
// OpenIDs are quickly found not to be, and the account remembers what changed since
// the tables were written. What is in the tables is true as of the seq in the head
// that is there too, since Pebble writes changes to tables whole and in order.

// found is what was looked up for a batch, as of a change.
type found struct {
	seq  uint64
	last []recent.Last
	// unknown tells of the OpenIDs whether they are neither blocked nor followers,
	// where the batch asks for it, as of so many changes of the followers.
	unknown   []bool
	followers uint64
}

// find looks up a batch's OpenIDs, which are sorted: in the tables alone, or in
// everything. Followers are always looked for in everything.
func (s *Store) find(app mpblock.AppID, a *account, ids []mpblock.OpenID, known, tables bool) (found, error) {
	f := found{last: make([]recent.Last, len(ids)), followers: a.followerChanges.Load()}
	// Tables that are written meanwhile hold more than this head tells of, and all
	// of that is remembered.
	h := a.tabled.Load()
	var maybe *filter.Filter // nil: all may be there
	if tables {
		maybe = s.filterOf(app, a, h, len(ids))
	}
	if h != nil && tables && !maybe.MayHoldAny(ids) { // nor were they there when the head was
		f.seq = h.seq
		return s.findUnknown(app, ids, known, f)
	}
	err := s.look(app, tables, func(l *lookup) error {
		if h == nil || !tables {
			now, err := l.head()
			if err != nil {
				return err
			}
			h = &now
		}
		f.seq = h.seq
		for i := range ids {
			if !maybe.MayHold(&ids[i]) {
				continue
			}
			if last := l.last(codec.EntryKeys, &ids[i]); last.Seq != 0 {
				f.last[i] = recent.Last{Seq: last.Seq, Since: last.Since, Until: last.Until, Blocked: true}
			}
		}
		for i := range ids {
			if h.unblocks > 0 && !f.last[i].Blocked && maybe.MayHold(&ids[i]) {
				last := l.last(codec.FormerKeys, &ids[i])
				f.last[i] = recent.Last{Seq: last.Seq, Since: last.Since}
			}
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	if tables {
		a.tabled.CompareAndSwap(nil, h)
	}
	return s.findUnknown(app, ids, known, f)
}

// findUnknown looks for those that are not blocked among the followers, if a batch asks
// for it.
func (s *Store) findUnknown(app mpblock.AppID, ids []mpblock.OpenID, known bool, f found) (found, error) {
	if !known {
		return f, nil
	}
	f.unknown = make([]bool, len(ids))
	return f, s.look(app, false, func(l *lookup) error {
		for i := range ids {
			f.unknown[i] = !f.last[i].Blocked && !l.follows(&ids[i])
		}
		return nil
	})
}

// current returns what stands of a batch's OpenIDs now, from what was found in the
// tables before the account's lock was taken, which the caller now holds. What is
// remembered counts in any case: changes of the group that is being built are
// nowhere else.
func (s *Store) current(app mpblock.AppID, a *account, ids []mpblock.OpenID, known bool, f found) (found, error) {
	if a.recent.Since > f.seq || f.followers != a.followerChanges.Load() {
		var err error
		if f, err = s.find(app, a, ids, known, false); err != nil {
			return f, err
		}
	}
	maybe := a.filter.Load()
	for i, id := range ids {
		if !maybe.MayHold(&ids[i]) {
			continue
		}
		now, changed := a.recent.Of(&ids[i])
		if !changed {
			continue
		}
		if known && f.last[i].Blocked && !now.Blocked { // it had no need to be a follower when it was found
			follow, err := s.whoFollow(app, []mpblock.OpenID{id}, true)
			if err != nil {
				return f, err
			}
			f.unknown[i] = len(follow) == 0
		}
		f.last[i] = now
	}
	return f, nil
}

// effects returns the OpenIDs of a batch on which it takes effect, in byte order,
// each once. Known is checked in the batch's own order.
func (f found) effects(b mpblock.Batch, ids []mpblock.OpenID) (took []codec.Effect, err error) {
	took = make([]codec.Effect, 0, len(ids))
	var unknown []mpblock.OpenID
	for i, id := range ids {
		l := f.last[i]
		if b.Known && !l.Blocked && f.unknown[i] {
			unknown = append(unknown, id)
		}
		if l.TouchedBy(b) {
			took = append(took, l.Effect(b, id))
		}
	}
	if len(unknown) == 0 {
		return took, nil
	}
	return nil, &mpblock.UnknownError{Index: slices.IndexFunc(b.OpenIDs, func(id mpblock.OpenID) bool {
		_, is := slices.BinarySearchFunc(unknown, id, mpblock.OpenID.Compare)
		return is
	})}
}

// giveBack finds out to which changes the entries belonged that a batch gives back, and
// leaves out those that would end before the change, of a time. Where their values do
// not say it, the change that is undone does: that is in a table or on its way there, as
// the recent ones are remembered with it.
func (s *Store) giveBack(app mpblock.AppID, a *account, b mpblock.Batch, at time.Time, took []codec.Effect) ([]codec.Effect, error) {
	if b.Action == mpblock.Unblock || b.Undoes == 0 || len(took) == 0 {
		return took, nil
	}
	if c, ok := a.recent.At(b.Undoes); ok && b.Action == mpblock.Amend && c.Action != mpblock.Amend {
		return nil, nil
	}
	if slices.ContainsFunc(took, func(e codec.Effect) bool { return e.Since == 0 }) {
		err := s.view(codec.ChangeKey(app, b.Undoes), func(v []byte) error {
			action, since, err := codec.BelongedTo(b.Undoes, v, took)
			if b.Action == mpblock.Amend && action != mpblock.Amend {
				took = nil
			}
			for i := range took {
				if err == nil {
					took[i].Since = cmp.Or(took[i].Since, since[i])
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	ends := map[uint64]int64{}
	for i := range took {
		end, known := ends[took[i].Since]
		if !known {
			var err error
			if end, err = s.endOf(app, a, took[i].Since); err != nil {
				return nil, err
			}
			ends[took[i].Since] = end
		}
		took[i].Until = end
	}
	return slices.DeleteFunc(took, func(e codec.Effect) bool { return e.Until != 0 && e.Until <= at.UnixMilli() }), nil
}

// forgetRecent has all accounts forget the changes that are in tables. What cannot
// be read now is forgotten another time.
func (s *Store) forgetRecent() {
	if s.enter(context.Background()) != nil {
		return
	}
	defer s.inflight.Done()
	s.forgetting.Lock() // an older head is not to come after a newer one
	defer s.forgetting.Unlock()
	for app, a := range s.accounts.Range {
		app, a := app.(mpblock.AppID), a.(*account) //nolint:forcetypeassert // the map holds nothing else
		a.token <- struct{}{}
		none := len(a.recent.All) == 0
		<-a.token
		if none {
			continue
		}
		var h head
		err := s.look(app, true, func(l *lookup) (err error) {
			h, err = l.head()
			return err
		})
		if err != nil {
			return
		}
		a.tabled.Store(&h)
		for all := false; !all; {
			a.token <- struct{}{}
			all = a.recent.Forget(h.seq)
			<-a.token
		}
	}
}
