//go:build mariadb

package sqlstore

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Histories of more effects than an answer has rows go on where the one before ended,
// in the middle of an OpenID's.
func TestLongHistories(t *testing.T) {
	s := openEmpty(t)
	const rounds = 700
	ids := mpblock.Distinct(numbered(0, 20))
	c, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var seqs []uint64
	var effects []effect
	for seq := uint64(1); seq <= rounds; seq++ {
		seqs = append(seqs, seq)
		for _, id := range ids {
			effects = append(effects, effect{id: id, seq: seq})
		}
	}
	err = query.Insert(t.Context(), c, "change_log (app, seq, batch, at, action, actor, reason, openids)", seqs, func(seq uint64) []any {
		return []any{query.App(app), seq, make([]byte, 16), 0, 2 - seq%2, "test", "", query.Pack(ids)}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := query.Insert(t.Context(), c, "history (app, openid, seq)", effects, func(e effect) []any { return []any{query.App(app), query.ID(e.id), e.seq} }); err != nil {
		t.Fatal(err)
	}
	type steps map[mpblock.OpenID][]mpblock.Change
	want, got := steps{}, steps{}
	for _, id := range ids {
		changes, err := s.ChangesOf(t.Context(), app, id, 0, rounds+1)
		if err != nil || len(changes) != rounds {
			t.Fatal(len(changes), err)
		}
		for _, c := range changes {
			want[id] = append(want[id], mpblock.Change{Seq: c.Seq, Action: c.Action})
		}
	}
	err = s.Histories(t.Context(), app, mpblock.OpenID{}, ids[len(ids)-1], func(id mpblock.OpenID, c mpblock.Change) { got[id] = append(got[id], c) })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-one by one +together)\n%s", d)
	}
}

// All that a page reads is of one instant, whatever is written between.
func TestSnapshot(t *testing.T) {
	s := openEmpty(t)
	ids := mpblock.Distinct(numbered(0, 6))
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...)); err != nil {
		t.Fatal(err)
	}
	c, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = snapshot(t.Context(), c, func() error {
		if h, _, err := readHead(t.Context(), c, app, ""); err != nil || h.total != 6 {
			t.Errorf("%+v, %v", h, err)
		}
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Unblock, ids[1:3]...)); err != nil {
			t.Error(err)
		}
		got, err := readList(t.Context(), c, app, "entry", mpblock.OpenID{}, 6)
		if d := cmp.Diff(ids, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
