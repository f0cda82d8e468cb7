package pebblestore

import (
	"cmp"
	"context"
	"slices"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// A batch has to know of each OpenID whether it is blocked, and by which change.
// Nearly half of what such a look-up costs is the search in what Pebble has not
// yet written to tables, and all writers of an account would wait for each other's.
// So each looks in the tables before it takes the account's lock, where most
// OpenIDs are quickly found not to be, and the account remembers what changed since
// the tables were written. What is in the tables is true as of the seq in the head
// that is there too, since Pebble writes changes to tables whole and in order.

// lastChange is the last change that took effect on an OpenID; seq 0: there was none.
type lastChange struct {
	seq     uint64
	since   uint64 // which the entry belongs to, or belonged to; 0: as its value says, see codec.EncodeLast
	blocked bool   // it is on the blacklist since
}

// recent remembers the last changes of an account: those that are in no table yet,
// so what Pebble keeps in memory of them bounds what is kept here.
type recent struct {
	since   uint64 // all changes behind this one are remembered
	last    map[mpblock.OpenID]lastChange
	changes []mpblock.Change // in order
}

func (r *recent) add(c mpblock.Change, took []codec.Effect) {
	if r.last == nil {
		r.last = make(map[mpblock.OpenID]lastChange)
	}
	for _, e := range took {
		r.last[e.ID] = lastChange{c.Seq, cmp.Or(e.Since, c.Seq), c.Action == mpblock.Block}
	}
	r.changes = append(r.changes, c)
}

// forgetAtOnce is how many OpenIDs are forgotten at a time, or those of one change if
// it has more. When a table is written some hundred thousand may be, and nobody is to
// wait for that.
const forgetAtOnce = 512

// forget forgets changes up to a seq, and tells whether it has forgotten all of them.
func (r *recent) forget(seq uint64) (all bool) {
	n, ids := 0, 0
	for ; n < len(r.changes) && r.changes[n].Seq <= seq && ids < forgetAtOnce; n++ {
		c := r.changes[n]
		for _, id := range c.OpenIDs {
			if r.last[id].seq == c.Seq {
				delete(r.last, id)
			}
		}
		ids += len(c.OpenIDs)
		r.since = c.Seq
	}
	clear(r.changes[:n])
	if r.changes = r.changes[n:]; len(r.changes) == 0 {
		r.last, r.changes = nil, nil
	}
	return len(r.changes) == 0 || r.changes[0].Seq > seq
}

// found is what was looked up for a batch, as of a change.
type found struct {
	seq  uint64
	last []lastChange
	// unknown tells of the OpenIDs whether they are neither blocked nor followers,
	// where the batch asks for it, as of so many changes of the followers.
	unknown   []bool
	followers uint64
}

// find looks up a batch's OpenIDs, which are sorted: in the tables alone, or in
// everything. Followers are always looked for in everything.
func (s *Store) find(app mpblock.AppID, a *account, ids []mpblock.OpenID, known, tables bool) (found, error) {
	f := found{last: make([]lastChange, len(ids)), followers: a.followerChanges.Load()}
	// Tables that are written meanwhile hold more than this head tells of, and all
	// of that is remembered.
	h := a.tabled.Load()
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
			if seq, since := l.last(entryKeys, &ids[i]); seq != 0 {
				f.last[i] = lastChange{seq, since, true}
			}
		}
		for i := range ids {
			if h.unblocks > 0 && !f.last[i].blocked {
				f.last[i].seq, f.last[i].since = l.last(formerKeys, &ids[i])
			}
		}
		return nil
	})
	if err == nil && tables {
		a.tabled.CompareAndSwap(nil, h)
	}
	if err != nil || !known {
		return f, err
	}
	f.unknown = make([]bool, len(ids))
	return f, s.look(app, false, func(l *lookup) error {
		for i := range ids {
			f.unknown[i] = !f.last[i].blocked && !l.follows(&ids[i])
		}
		return nil
	})
}

// current returns what stands of a batch's OpenIDs now, from what was found in the
// tables before the account's lock was taken, which the caller now holds. What is
// remembered counts in any case: changes of the group that is being built are
// nowhere else.
func (s *Store) current(app mpblock.AppID, a *account, ids []mpblock.OpenID, known bool, f found) (found, error) {
	if a.recent.since > f.seq || f.followers != a.followerChanges.Load() {
		var err error
		if f, err = s.find(app, a, ids, known, false); err != nil {
			return f, err
		}
	}
	for i, id := range ids {
		now, changed := a.recent.last[id]
		if !changed {
			continue
		}
		if known && f.last[i].blocked && !now.blocked { // it had no need to be a follower when it was found
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
	var unknown []mpblock.OpenID
	for i, id := range ids {
		l := f.last[i]
		if b.Known && !l.blocked && f.unknown[i] {
			unknown = append(unknown, id)
		}
		if l.blocked == (b.Action == mpblock.Unblock) && (b.Undoes == 0 || l.seq == b.Undoes) {
			e := codec.Effect{ID: id, Previous: l.seq}
			switch {
			case l.blocked:
				e.Since = cmp.Or(l.since, l.seq)
			case b.Undoes != 0:
				e.Since = l.since
			}
			took = append(took, e)
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

// giveBack finds out to which changes the entries belonged that a batch gives back.
// Where their values do not say it, it is the one before that which is undone: that is
// in a table or on its way there, as the recent ones are remembered with it.
func (s *Store) giveBack(app mpblock.AppID, b mpblock.Batch, took []codec.Effect) error {
	if b.Action != mpblock.Block || b.Undoes == 0 || !slices.ContainsFunc(took, func(e codec.Effect) bool { return e.Since == 0 }) {
		return nil
	}
	return s.view(changeKey(app, b.Undoes), func(v []byte) error {
		_, ids, r := codec.DecodeChangeHead(b.Undoes, v)
		next := 0
		for i := range ids.N {
			previous := r.Uint()
			if next < len(took) && took[next].ID == ids.At(i) {
				took[next].Since = cmp.Or(took[next].Since, previous)
				next++
			}
		}
		if r.Err == nil && next < len(took) {
			return codec.ErrDamaged
		}
		return r.Err
	})
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
		none := len(a.recent.changes) == 0
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
			all = a.recent.forget(h.seq)
			<-a.token
		}
	}
}
