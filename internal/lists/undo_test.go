package lists

import (
	"context"
	"slices"
	"testing"
	"time"

	"mpblock"
)

func TestUndo(t *testing.T) {
	l := newLogged(t, 10)
	l.apply(mpblock.Block, "api", "spam", 0, 6)       // 1
	l.apply(mpblock.Unblock, "api", "", 0, 2)         // 2
	l.apply(mpblock.Block, "console:bert", "x", 1, 2) // 3: 1 is blocked again, by another change
	v, err := l.svc.PreviewUndo(t.Context(), l.app, 1)
	if err != nil || v.Action != mpblock.Unblock || v.Would != 4 || v.Left != 2 || v.Total != 6 || v.Looked != 6 ||
		l.index(v.LeftRows[1].OpenID) != 1 || v.LeftRows[1].By.Seq != 3 || v.LeftRows[1].By.Actor != "console:bert" {
		t.Errorf("preview %+v, %v", v, err)
	}
	out, err := l.svc.Undo(t.Context(), l.a, "console:anna", 1, "wrong list")
	if err != nil || out.Seq != 4 || out.Done != 4 || out.Left != 2 || out.LeftRows[0].By.Seq != 2 {
		t.Errorf("undone %+v, %v", out, err)
	}
	c, err := l.svc.ChangeAt(t.Context(), l.app, 4)
	if err != nil || c.Action != mpblock.Unblock || c.Reason != "wrong list" || c.Undoes != 1 || c.Actor != "console:anna" {
		t.Errorf("made %+v, %v", c, err)
	}
	if out, err = l.svc.Undo(t.Context(), l.a, "console:anna", 1, ""); err != nil || out.Seq != 0 || out.Done != 0 || out.Left != 6 || out.LeftRows[5].By.Seq != 4 {
		t.Errorf("undone twice %+v, %v", out, err)
	}
	if v, err = l.svc.PreviewUndo(t.Context(), l.app, 2); err != nil || v.Would != 1 || v.Left != 1 || v.Action != mpblock.Block {
		t.Errorf("preview of an unblock %+v, %v", v, err)
	}
	if out, err = l.svc.Undo(t.Context(), l.a, "console:anna", 4, ""); err != nil || out.Done != 4 {
		t.Errorf("an undo undone %+v, %v", out, err)
	}
	_, err = l.svc.Undo(t.Context(), l.a, "console:anna", 9, "")
	wantRefusal(t, err, "there is no change 9")
	_, err = l.svc.Undo(t.Context(), l.a, "console:anna", 1, "a\nb")
	wantRefusal(t, err, "want one line")
}

// A preview knows of those whose former end has come, as the undo does.
func TestPreviewOfAnUndoAfterTheEnd(t *testing.T) {
	l := newLogged(t, 4)
	id, err := mpblock.ParseOpenID(l.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	b := mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "api", Time: time.Now().Add(-2 * time.Hour), Until: time.Now().Add(-time.Hour)}
	if _, err := l.svc.store.Apply(t.Context(), l.app, b); err != nil {
		t.Fatal(err)
	}
	l.apply(mpblock.Unblock, "console:anna", "", 0, 1) // 2
	v, err := l.svc.PreviewUndo(t.Context(), l.app, 2)
	if err != nil || v.Would != 0 || v.Left != 1 || len(v.LeftRows) != 1 || !v.LeftRows[0].Ended {
		t.Errorf("preview %+v, %v", v, err)
	}
}

// An undo of an unblock gives entries back as they were, and what is undone and redone
// says so.
func TestUndoGivesBack(t *testing.T) {
	l := newLogged(t, 4)
	l.apply(mpblock.Block, "console:bert", "spam", 0, 2) // 1
	l.apply(mpblock.Block, "api", "", 2, 4)              // 2
	before, err := l.svc.Entries(t.Context(), l.app, EntryQuery{ByID: true, Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	l.apply(mpblock.Unblock, "console:anna", "by mistake", 0, 4) // 3
	undo := func(seq, want uint64) {
		t.Helper()
		if out, err := l.svc.Undo(t.Context(), l.a, "console:anna", seq, ""); err != nil || out.Seq != want || out.Done != 4 {
			t.Fatalf("undone %+v, %v", out, err)
		}
	}
	standing := func(want ...Standing) {
		t.Helper()
		page, err := l.svc.History(t.Context(), l.app, ChangeQuery{Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range page.Rows[:len(want)] {
			if r.Standing != want[i] {
				t.Errorf("change %d stands %+v, want %+v", r.Seq, r.Standing, want[i])
			}
		}
	}
	undo(3, 4)
	standing(Standing{Undoes: 3, Redoes: true}, Standing{UndoneBy: 4, Redoes: true}, Standing{})
	for _, q := range []EntryQuery{{ByID: true, Limit: 9}, {Limit: 9, Until: time.Now().Add(time.Hour)}} {
		after, err := l.svc.Entries(t.Context(), l.app, q)
		if !q.ByID {
			slices.SortFunc(after.Rows, func(a, b EntryRow) int { return a.OpenID.Compare(b.OpenID) })
		}
		if err != nil || !slices.Equal(after.Rows, before.Rows) {
			t.Errorf("entries %+v, %v, want %+v", after, err, before)
		}
	}
	undo(4, 5)
	standing(Standing{Undoes: 4}, Standing{Undoes: 3, UndoneBy: 5}, Standing{RedoneBy: 5})
	undo(5, 6)
	standing(Standing{Undoes: 5, Redoes: true}, Standing{Undoes: 4, UndoneBy: 6, Redoes: true}, Standing{Undoes: 3, RedoneBy: 6, Redoes: true},
		Standing{UndoneBy: 6, Redoes: true})
	if after, err := l.svc.Entries(t.Context(), l.app, EntryQuery{ByID: true, Limit: 9}); err != nil || !slices.Equal(after.Rows, before.Rows) {
		t.Errorf("entries %+v, %v, want %+v", after, err, before)
	}
	reasons, err := l.svc.Reasons(t.Context(), l.app, 9)
	if err != nil || !slices.Equal(reasons, []string{"spam"}) {
		t.Errorf("reasons %q, %v", reasons, err)
	}
	c, err := l.svc.ChangeAt(t.Context(), l.app, 3)
	if row, err := l.svc.Row(t.Context(), l.app, c); err != nil || row.Last(3) != 6 {
		t.Errorf("one change: %+v, %v", row, err)
	}
	if err != nil {
		t.Error(err)
	}
}

// beforeApply is a store on which something happens just before a change.
type beforeApply struct {
	mpblock.Store
	do func()
}

func (s *beforeApply) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if do := s.do; do != nil {
		s.do = nil
		do()
	}
	return s.Store.Apply(ctx, app, b)
}

// What changes between the look of an undo and its change is left alone.
func TestUndoLeavesAloneWhatChangesMeanwhile(t *testing.T) {
	l := newLogged(t, 4)
	store := &beforeApply{Store: l.svc.store}
	l.on(store)
	l.apply(mpblock.Block, "api", "", 0, 4)
	store.do = func() {
		l.apply(mpblock.Unblock, "api", "", 2, 3)
		l.apply(mpblock.Block, "api", "again", 2, 3)
	}
	out, err := l.svc.Undo(t.Context(), l.a, "console:anna", 1, "")
	if err != nil || out.Done != 3 || out.Left != 1 || l.index(out.LeftRows[0].OpenID) != 2 || out.LeftRows[0].By.Reason != "again" {
		t.Errorf("undone %+v, %v", out, err)
	}
	if page, err := l.svc.Entries(t.Context(), l.app, EntryQuery{ByID: true, Limit: 9}); err != nil || page.Total != 1 || page.Rows[0].Reason != "again" {
		t.Errorf("blacklist %+v, %v", page, err)
	}
}
