package quoted_test

import (
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/quoted"
	"mpblock/internal/storetest"
)

func TestRun(t *testing.T) {
	var ids []mpblock.OpenID
	for i := range 9 {
		ids = append(ids, storetest.Numbered(uint64(i)))
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	r := quoted.Quote(ids)
	if want := `"` + ids[0].String() + `","` + ids[1].String() + `",`; string(r.Slice(0, 2)) != want || len(r) != quoted.Size(9) {
		t.Errorf("got %s, want %s at the beginning of %d bytes", r, want, quoted.Size(9))
	}
	if r.Len() != 9 || r.At(3) != ids[3] || r.Last() != ids[8] || r.Slice(2, 5).Last() != ids[4] {
		t.Errorf("%d OpenIDs, or in other places, in %s", r.Len(), r)
	}
	for i, id := range ids {
		before := id
		before[mpblock.OpenIDLen-1]--
		if r.Behind(before) != i || r.Behind(id) != i+1 {
			t.Errorf("%d and %d are not behind the one before OpenID %d and itself", r.Behind(before), r.Behind(id), i)
		}
	}
	if s := r.Slice(0, 2); cap(s) != len(s) || slices.Equal(s.Append(ids[8]), r.Slice(0, 3)) || r.At(2) != ids[2] {
		t.Error("an OpenID behind a part of a run is written over the next one")
	}
}

func TestPage(t *testing.T) {
	ids := []mpblock.OpenID{storetest.Numbered(1), storetest.Numbered(2), storetest.Numbered(3)}
	p := quoted.Page{Runs: []quoted.Run{quoted.Quote(ids[:2]), quoted.Quote(ids[2:])}, Total: 30, Seq: 4}
	if got := p.Page(); p.Len() != 3 || !slices.Equal(got.OpenIDs, ids) || got.Total != 30 || got.Seq != 4 {
		t.Errorf("%d OpenIDs: %+v", p.Len(), got)
	}
	if q := quoted.Of(p.Page()); len(q.Runs) != 1 || !slices.Equal(q.Page().OpenIDs, ids) || q.Total != 30 || q.Seq != 4 {
		t.Errorf("back again: %+v", q)
	}
	if q := quoted.Of(mpblock.Page{Total: 5}); len(q.Runs) != 0 || q.Len() != 0 || q.Page().OpenIDs != nil {
		t.Errorf("of nothing: %+v", q)
	}
}

func TestEdit(t *testing.T) {
	var ids []mpblock.OpenID
	for i := range 5 {
		ids = append(ids, storetest.Numbered(uint64(i)))
	}
	r := slices.Grow(quoted.Quote(ids[:2]), 200)
	at := &r[0]
	r = r.Insert(1, ids[2]).Insert(0, ids[3]).Insert(4, ids[4]) // 3 0 2 1 4
	if want := quoted.Quote([]mpblock.OpenID{ids[3], ids[0], ids[2], ids[1], ids[4]}); !slices.Equal(r, want) || &r[0] != at {
		t.Errorf("%s, want %s in the same memory", r, want)
	}
	r = r.Delete(4).Delete(0).Delete(1)
	if want := quoted.Quote(ids[:2]); !slices.Equal(r, want) || &r[0] != at {
		t.Errorf("%s, want %s in the same memory", r, want)
	}
}

// Memory is read as long as one of the pages that hold it is not released.
func TestHold(t *testing.T) {
	var readers quoted.Readers
	var p, q quoted.Page
	run := quoted.Quote([]mpblock.OpenID{storetest.Numbered(1)})
	p.Hold(run, &readers)
	q.Grow(1)
	q.Hold(run, &readers)
	if p.Release(); readers.None() || p.Len() != 0 || q.Len() != 1 {
		t.Error("it is released with the first of two pages")
	}
	p.Release()
	if q.Release(); !readers.None() {
		t.Error("it is never released")
	}
}
