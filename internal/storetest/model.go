package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/memstore"
)

// Model runs the same random operations on memstore and on a store, and compares
// all that they return, histories included. open returns an empty store; reopen,
// given a store that has been closed, opens it again on the same data. A store
// that cannot be reopened gives nil for reopen.
func Model(t *testing.T, open func() mpblock.Store, reopen func() mpblock.Store) {
	model(t, t, open, reopen)
}

// undated is a test that does not tell its deadline, which it may not do in a bubble
// of synctest.
type undated struct{ testing.TB }

func model(t *testing.T, tb rapid.TB, open, reopen func() mpblock.Store) {
	t.Helper()
	rapid.Check(tb, func(rt *rapid.T) {
		m := &machine{ctx: t, model: memstore.New(), store: open(), versions: map[string][2]uint64{}}
		defer func() { _ = m.store.Close() }()
		actions := map[string]func(*rapid.T){
			"":                m.check,
			"AddFollowers":    m.addFollowers,
			"RemoveFollowers": m.removeFollowers,
			"Apply":           m.apply,
			"Blacklist":       m.blacklist,
			"States":          m.states,
			"ChangesOf":       m.changesOf,
			"ChangeHeads":     m.changeHeads,
			"Histories":       m.histories,
			"Undone":          m.undone,
			"Due":             m.due,
			"Erase":           m.erase,
			"Put":             m.put,
			"Delete":          m.delete,
			"List":            m.list,
		}
		if reopen != nil {
			actions["reopen"] = func(rt *rapid.T) {
				if err := m.store.Close(); err != nil {
					rt.Fatal(err)
				}
				m.store = reopen()
			}
		}
		rt.Repeat(actions)
		for _, a := range []mpblock.AppID{app, other} {
			r, err := check.Account(t.Context(), m.store, a)
			if err == nil {
				err = check.Ends(t.Context(), m.store, map[mpblock.AppID]*check.Report{a: &r})
			}
			if err != nil || len(r.Problems) > 0 {
				rt.Fatalf("check of %s: %v %v", a, r.Problems, err)
			}
		}
	})
}

// machine is a model and a store that must agree.
type machine struct {
	ctx   *testing.T
	model mpblock.Store
	store mpblock.Store
	// versions of each record, in the model and in the store, which choose their
	// own.
	versions map[string][2]uint64
}

// universe is small, so that operations meet.
var universe = ids(24)

func (m *machine) app(t *rapid.T) mpblock.AppID {
	return rapid.SampledFrom([]mpblock.AppID{app, other}).Draw(t, "app")
}

func (m *machine) ids(t *rapid.T, atLeast int) []mpblock.OpenID {
	return rapid.SliceOfN(rapid.SampledFrom(universe), atLeast, 12).Draw(t, "ids")
}

func (m *machine) cursor(t *rapid.T) mpblock.OpenID {
	return rapid.SampledFrom(append([]mpblock.OpenID{{}}, universe...)).Draw(t, "cursor")
}

// both runs an operation on the two and compares answers and errors.
func both[T any](t *rapid.T, m *machine, op func(mpblock.Store) (T, error)) (model, store T, ok bool) {
	model, want := op(m.model)
	store, got := op(m.store)
	if fmt.Sprint(want) != fmt.Sprint(got) {
		t.Fatalf("error %v, the model's is %v", got, want)
	}
	return model, store, want == nil
}

func agree[T any](t *rapid.T, m *machine, op func(mpblock.Store) (T, error)) {
	model, store, _ := both(t, m, op)
	if d := diff(model, store); d != "" {
		t.Fatalf("(-model +store)\n%s", d)
	}
}

// check compares all of both accounts after every step.
func (m *machine) check(t *rapid.T) {
	for _, a := range []mpblock.AppID{app, other} {
		agree(t, m, func(s mpblock.Store) (mpblock.Page, error) {
			return s.Blacklist(m.ctx.Context(), a, mpblock.OpenID{}, 99)
		})
		agree(t, m, func(s mpblock.Store) (mpblock.Page, error) {
			return s.Followers(m.ctx.Context(), a, mpblock.OpenID{}, 99)
		})
		agree(t, m, func(s mpblock.Store) ([]mpblock.Change, error) { return s.Changes(m.ctx.Context(), a, 0, 9_999) })
		agree(t, m, func(s mpblock.Store) ([]mpblock.Request, error) {
			return s.Requests(m.ctx.Context(), a, [16]byte{}, 99)
		})
	}
	agree(t, m, func(s mpblock.Store) ([]mpblock.DueEnd, error) {
		return s.Due(m.ctx.Context(), "", mpblock.DueEnd{}, never, 99)
	})
}

func (m *machine) addFollowers(t *rapid.T) {
	a, ids := m.app(t), m.ids(t, 0)
	agree(t, m, func(s mpblock.Store) (int, error) { return s.AddFollowers(m.ctx.Context(), a, ids) })
}

func (m *machine) removeFollowers(t *rapid.T) {
	a, ids := m.app(t), m.ids(t, 0)
	agree(t, m, func(s mpblock.Store) (int, error) { return s.RemoveFollowers(m.ctx.Context(), a, ids) })
}

func (m *machine) apply(t *rapid.T) {
	a := m.app(t)
	b := mpblock.Batch{
		Action:  rapid.SampledFrom([]mpblock.Action{mpblock.Block, mpblock.Unblock, mpblock.Amend}).Draw(t, "action"),
		OpenIDs: m.ids(t, 1),
		Actor:   rapid.SampledFrom([]string{"api", "console:anna"}).Draw(t, "actor"),
		Reason:  rapid.SampledFrom([]string{"", "spam", "广告"}).Draw(t, "reason"),
		Time:    start.Add(time.Duration(rapid.Int64Range(-200e9, 200e9).Draw(t, "time"))),
		Known:   rapid.Bool().Draw(t, "known"),
	}
	if rapid.Bool().Draw(t, "undo") { // of the last change of one of them
		st, err := m.model.States(m.ctx.Context(), a, b.OpenIDs[:1])
		if err != nil {
			t.Fatal(err)
		}
		b.Undoes = st[0].Seq
	} else if rapid.Bool().Draw(t, "last") { // likewise, or an earlier one
		st, err := m.model.States(m.ctx.Context(), a, b.OpenIDs[:1])
		if err != nil {
			t.Fatal(err)
		}
		b.Last = st[0].Seq - min(st[0].Seq, rapid.Uint64Range(0, 1).Draw(t, "earlier"))
	}
	switch {
	case b.Action == mpblock.Unblock:
		b.Ended = rapid.Bool().Draw(t, "ended")
	case b.Undoes == 0 && rapid.Bool().Draw(t, "ends"):
		b.Until = start.Add(time.Duration(rapid.Int64Range(-200e9, 300e9).Draw(t, "until")))
	}
	switch key := rapid.IntRange(0, 9).Draw(t, "request"); {
	case key < 4: // few, so that they are met again
		b.ID = mpblock.NewRequestID(fmt.Sprint(key), []byte(fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "content")/4)))
	case key == 4: // long ago, or much later
		b.ID = mpblock.NewRequestID("0", nil)
		b.Time = b.Time.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "days")) * mpblock.KeepRequests)
	}
	agree(t, m, func(s mpblock.Store) (mpblock.Change, error) { return s.Apply(m.ctx.Context(), a, b) })
}

func (m *machine) blacklist(t *rapid.T) {
	a, cursor, limit := m.app(t), m.cursor(t), rapid.IntRange(0, 8).Draw(t, "limit")
	agree(t, m, func(s mpblock.Store) (mpblock.Page, error) { return s.Blacklist(m.ctx.Context(), a, cursor, limit) })
	agree(t, m, func(s mpblock.Store) (mpblock.Page, error) { return s.Followers(m.ctx.Context(), a, cursor, limit) })
}

func (m *machine) states(t *rapid.T) {
	a, ids := m.app(t), m.ids(t, 0)
	agree(t, m, func(s mpblock.Store) ([]mpblock.State, error) { return s.States(m.ctx.Context(), a, ids) })
}

func (m *machine) changesOf(t *rapid.T) {
	a, id := m.app(t), rapid.SampledFrom(universe).Draw(t, "id")
	seq, limit := rapid.Uint64Range(0, 12).Draw(t, "after"), rapid.IntRange(0, 5).Draw(t, "limit")
	agree(t, m, func(s mpblock.Store) ([]mpblock.Change, error) {
		return s.ChangesOf(m.ctx.Context(), a, id, seq, limit)
	})
}

func (m *machine) changeHeads(t *rapid.T) {
	a, seqs := m.app(t), rapid.SliceOfN(rapid.Uint64Range(1, 12), 0, 5).Draw(t, "seqs")
	agree(t, m, func(s mpblock.Store) ([]mpblock.Change, error) { return s.ChangeHeads(m.ctx.Context(), a, seqs) })
}

func (m *machine) undone(t *rapid.T) {
	a, seqs := m.app(t), rapid.SliceOfN(rapid.Uint64Range(0, 12), 0, 5).Draw(t, "seqs")
	agree(t, m, func(s mpblock.Store) ([]uint64, error) { return s.Undone(m.ctx.Context(), a, seqs) })
}

func (m *machine) due(t *rapid.T) {
	after := mpblock.DueEnd{AppID: m.app(t), OpenID: m.cursor(t)}
	if all, err := m.model.Due(m.ctx.Context(), "", mpblock.DueEnd{}, never, 99); err == nil && len(all) > 0 {
		after.Until = rapid.SampledFrom(all).Draw(t, "after").Until
	}
	until := start.Add(time.Duration(rapid.Int64Range(-200e9, 300e9).Draw(t, "until")))
	limit := rapid.IntRange(0, 5).Draw(t, "limit")
	agree(t, m, func(s mpblock.Store) ([]mpblock.DueEnd, error) {
		return s.Due(m.ctx.Context(), "", after, until, limit)
	})
	a := m.app(t)
	agree(t, m, func(s mpblock.Store) ([]mpblock.DueEnd, error) {
		return endsOf(m.ctx.Context(), s, a, after, until, limit+1)
	})
}

func (m *machine) histories(t *rapid.T) {
	a, after, last := m.app(t), m.cursor(t), m.cursor(t)
	agree(t, m, func(s mpblock.Store) ([]history, error) { return historiesOf(m.ctx.Context(), s, a, after, last) })
}

func (m *machine) erase(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "erase") > 0 { // lists are to grow, too
		t.Skip()
	}
	a := m.app(t)
	agree(t, m, func(s mpblock.Store) (struct{}, error) { return struct{}{}, s.Erase(m.ctx.Context(), a) })
}

func (m *machine) record(t *rapid.T) mpblock.Record {
	return mpblock.Record{
		Kind: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind"),
		Key:  rapid.SampledFrom([]string{"1", "12", "2"}).Draw(t, "key"),
	}
}

// version picks the record's present version in one of the two, or a wrong one.
func (m *machine) version(t *rapid.T, r mpblock.Record) func(mpblock.Store) uint64 {
	known := m.versions[r.Kind+"/"+r.Key]
	wrong := rapid.IntRange(0, 3).Draw(t, "wrong") == 0
	return func(s mpblock.Store) uint64 {
		switch {
		case wrong && known[0] != 0:
			return 0
		case wrong:
			return 1
		case s == m.model:
			return known[0]
		}
		return known[1]
	}
}

func (m *machine) put(t *rapid.T) {
	r := m.record(t)
	r.Value = rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "value")
	if rapid.Bool().Draw(t, "dead") {
		r.Expires = start // long past
	}
	version := m.version(t, r)
	model, store, ok := both(t, m, func(s mpblock.Store) (mpblock.Record, error) {
		r := r
		r.Version = version(s)
		return s.Put(m.ctx.Context(), r)
	})
	if !ok {
		return
	}
	m.versions[r.Kind+"/"+r.Key] = [2]uint64{model.Version, store.Version}
	if !r.Expires.IsZero() {
		delete(m.versions, r.Kind+"/"+r.Key)
	}
	same(t, []mpblock.Record{model}, []mpblock.Record{store})
}

func (m *machine) delete(t *rapid.T) {
	r := m.record(t)
	version := m.version(t, r)
	_, _, ok := both(t, m, func(s mpblock.Store) (struct{}, error) {
		return struct{}{}, s.Delete(m.ctx.Context(), r.Kind, r.Key, version(s))
	})
	if ok {
		delete(m.versions, r.Kind+"/"+r.Key)
	}
}

func (m *machine) list(t *rapid.T) {
	kind := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind")
	from := rapid.SampledFrom([]string{"", "1", "11", "2"}).Draw(t, "after")
	limit := rapid.IntRange(0, 4).Draw(t, "limit")
	model, store, _ := both(t, m, func(s mpblock.Store) ([]mpblock.Record, error) {
		return s.List(m.ctx.Context(), kind, from, limit)
	})
	same(t, model, store)
	for _, r := range model {
		got, err := m.store.Get(m.ctx.Context(), r.Kind, r.Key)
		if err != nil {
			t.Fatal(err)
		}
		same(t, []mpblock.Record{r}, []mpblock.Record{got})
	}
	if _, err := m.store.Get(m.ctx.Context(), kind, "none"); !errors.Is(err, mpblock.ErrNotFound) {
		t.Fatalf("get of no record: %v", err)
	}
}

// same compares records but for their versions, which each store chooses.
func same(t *rapid.T, model, store []mpblock.Record) {
	if d := cmp.Diff(model, store, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(mpblock.Record{}, "Version"),
		cmp.Comparer(time.Time.Equal)); d != "" {
		t.Fatalf("(-model +store)\n%s", d)
	}
}
