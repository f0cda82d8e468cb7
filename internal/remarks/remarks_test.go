package remarks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

const app = mpblock.AppID("wx1111111111111111")

var account = &mpblock.Account{AppID: app, Prefix: mpblock.Prefix{1, 2, 3, 4}}

func person(n int) mpblock.OpenID {
	return mpblock.Mint(account.Prefix, mpblock.Key{}, fmt.Sprint(n))
}

// of returns the remark of an OpenID as one text, "" if there is none.
func of(t *testing.T, s *Service, id mpblock.OpenID) string {
	t.Helper()
	found, err := s.Of(t.Context(), app, []mpblock.OpenID{id, person(-1)})
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := found[id]; ok {
		return r.Name + "|" + r.Remark + "|" + r.By
	}
	return ""
}

func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(memstore.New(), nil)
		ctx := t.Context()
		set := func(by, name, remark string) {
			t.Helper()
			if err := s.Set(ctx, account, by, person(1), name, remark); err != nil {
				t.Fatal(err)
			}
		}
		if got := of(t, s, person(1)); got != "" {
			t.Errorf("before: %q", got)
		}
		set("console:a", " 小王 ", "广告号")
		at := time.Now().UTC()
		time.Sleep(time.Hour)
		set("console:b", "小王", "广告号") // nothing new
		if got := of(t, s, person(1)); got != "小王|广告号|console:a" {
			t.Errorf("got %q", got)
		}
		if r, _ := s.Of(ctx, app, []mpblock.OpenID{person(1)}); !r[person(1)].At.Equal(at) {
			t.Errorf("set at %s, want %s", r[person(1)].At, at)
		}
		set("console:b", "", "x")
		if got := of(t, s, person(1)); got != "|x|console:b" {
			t.Errorf("got %q", got)
		}
		set("console:b", " ", "")
		if got := of(t, s, person(1)); got != "" {
			t.Errorf("erased, and there is %q", got)
		}
		if others, err := s.Of(ctx, "wx2222222222222222", []mpblock.OpenID{person(1)}); len(others) != 0 || err != nil {
			t.Errorf("of another account: %v, %v", others, err)
		}
	})
}

func TestRefused(t *testing.T) {
	s := New(memstore.New(), nil)
	long := strings.Repeat("备", MaxRemark)
	if err := s.Set(t.Context(), account, "a", person(1), strings.Repeat("名", MaxName), long); err != nil {
		t.Error(err)
	}
	foreign := mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{}, "")
	for _, c := range []struct {
		id           mpblock.OpenID
		name, remark string
		want         error
	}{
		{person(2), "", long + "x", errLength},
		{person(2), strings.Repeat("n", MaxName+1), "", errName},
		{person(2), "a\nb", "", errLine},
		{person(2), "", "a\x00b", errLine},
		{person(2), "", "a\u2028b", errLine},
		{person(2), "", "\xff", errLine},
		{foreign, "", "x", errForeign},
	} {
		if err := s.Set(t.Context(), account, "a", c.id, c.name, c.remark); !errors.Is(err, c.want) {
			t.Errorf("%q, %q: %v, want %v", c.name, c.remark, err, c.want)
		}
		row := Row{c.id, Remark{Name: c.name, Remark: c.remark}}
		if err := s.Import(t.Context(), account, "a", []Row{{person(3), Remark{Name: "n"}}, row}); !errors.Is(err, c.want) {
			t.Errorf("import of %q, %q: %v, want %v", c.name, c.remark, err, c.want)
		}
	}
	if got := of(t, s, person(2)) + of(t, s, person(3)); got != "" {
		t.Errorf("refused, and there is %q", got)
	}
	if _, err := s.Search(t.Context(), app, "x", "no OpenID", 1); !errors.Is(err, errCursor) {
		t.Error(err)
	}
	if _, err := s.Search(t.Context(), app, " ", "", 1); !errors.Is(err, errText) {
		t.Error(err)
	}
}

// TestImport: an empty cell leaves what is there.
func TestImport(t *testing.T) {
	s := New(memstore.New(), nil)
	rows := []Row{{person(1), Remark{Name: "n", Remark: "r"}}, {person(2), Remark{Name: "m"}}}
	if err := s.Import(t.Context(), account, "a", rows); err != nil {
		t.Fatal(err)
	}
	if err := s.Import(t.Context(), account, "b", []Row{{person(1), Remark{Remark: " new "}}, {person(2), Remark{}}, {person(3), Remark{}}}); err != nil {
		t.Fatal(err)
	}
	got := []string{of(t, s, person(1)), of(t, s, person(2)), of(t, s, person(3))}
	if want := []string{"n|new|b", "m||a", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// meanwhile is a store in which something happens before the next removal.
type meanwhile struct {
	mpblock.Records
	do func()
}

func (m *meanwhile) Delete(ctx context.Context, kind, key string, version uint64) error {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Records.Delete(ctx, kind, key, version)
}

// TestForget: also a remark that is set anew meanwhile is gone.
func TestForget(t *testing.T) {
	store := &meanwhile{Records: memstore.New()}
	s := New(store, nil)
	set := func(remark string) {
		if err := s.Set(t.Context(), account, "a", person(1), "", remark); err != nil {
			t.Error(err)
		}
	}
	set("old")
	store.do = func() { set("new") }
	for _, want := range []bool{true, false} {
		if had, err := s.Forget(t.Context(), app, person(1)); had != want || err != nil {
			t.Errorf("%v, %v, want %v", had, err, want)
		}
	}
	if got := of(t, s, person(1)); got != "" {
		t.Errorf("there is %q", got)
	}
}

func TestSearchAndAll(t *testing.T) {
	s := New(memstore.New(), nil)
	const n = piece + 500
	rows := make([]Row, 0, n)
	for i := range n {
		r := Row{person(i), Remark{Name: "Somebody", Remark: fmt.Sprint("no. ", i)}}
		if i%500 == 0 {
			r.Name = "Tea HOUSE " + fmt.Sprint(i)
		}
		rows = append(rows, r)
	}
	for _, a := range []mpblock.AppID{"wx1111111111111110", app, "wx1111111111111112"} {
		if err := s.Import(t.Context(), &mpblock.Account{AppID: a, Prefix: account.Prefix}, "a", slices.Clone(rows)); err != nil {
			t.Fatal(err)
		}
	}
	var want []mpblock.OpenID
	for i := 0; i < n; i += 500 {
		want = append(want, person(i))
	}
	slices.SortFunc(want, mpblock.OpenID.Compare)
	var got []mpblock.OpenID
	for after := ""; ; {
		p, err := s.Search(t.Context(), app, " tea House", after, 2)
		if err != nil || len(p.Rows) > 2 {
			t.Fatal(p, err)
		}
		for _, r := range p.Rows {
			got = append(got, r.OpenID)
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if p, err := s.Search(t.Context(), app, "no. 7", "", 1); err != nil || len(p.Rows) != 1 {
		t.Error(p, err)
	}
	var all []mpblock.OpenID
	for r, err := range s.All(t.Context(), app, mpblock.OpenID{}) {
		if err != nil || r.By != "a" {
			t.Fatal(r, err)
		}
		all = append(all, r.OpenID)
	}
	for r := range s.All(t.Context(), app, all[n-3]) {
		if r.OpenID == all[n-3] || !slices.Contains(all[n-2:], r.OpenID) {
			t.Errorf("after %s: %s", all[n-3], r.OpenID)
		}
	}
	if len(all) != n || !slices.IsSortedFunc(all, mpblock.OpenID.Compare) {
		t.Errorf("%d of %d, in order: %v", len(all), n, slices.IsSortedFunc(all, mpblock.OpenID.Compare))
	}
}

// endless is a store of remarks that nobody looks for.
type endless struct{ mpblock.Records }

func (endless) List(_ context.Context, kind, _ string, limit int) ([]mpblock.Record, error) {
	records := make([]mpblock.Record, 0, limit)
	for len(records) < limit {
		records = append(records, mpblock.Record{Kind: kind, Key: key(app, person(len(records))), Value: []byte(`{"remark":"x"}`)})
	}
	return records, nil
}

// slow takes its time for each read.
type slow struct{ endless }

func (s slow) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	time.Sleep(maxTime)
	return s.endless.List(ctx, kind, after, limit)
}

// TestSearchIsBounded by how many remarks it looks at and by how long that takes.
func TestSearchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			store mpblock.Records
			want  int
		}{{endless{}, maxLooked}, {slow{}, piece}} {
			p, err := New(c.store, nil).Search(t.Context(), app, "y", "", 10)
			if err != nil || p.Looked != c.want || p.Next != person(piece-1).String() {
				t.Errorf("%T: looked at %d, next %q, %v; want %d", c.store, p.Looked, p.Next, err, c.want)
			}
		}
	})
}

// SetRemark leaves the name, and leaves nothing where there is none and no remark.
func TestSetRemark(t *testing.T) {
	store := memstore.New()
	s := New(store, nil)
	set := func(remark string) {
		t.Helper()
		if err := s.SetRemark(t.Context(), account, "api", person(1), remark); err != nil {
			t.Fatal(err)
		}
	}
	records := func(want int) {
		t.Helper()
		if rs, err := store.List(t.Context(), string(kind), "", 10); err != nil || len(rs) != want {
			t.Errorf("%d records, %v; want %d", len(rs), err, want)
		}
	}
	set("")
	records(0)
	set(" old ")
	records(1)
	set("")
	records(0)
	if err := s.Set(t.Context(), account, "mei", person(1), "Li Lei", "old"); err != nil {
		t.Fatal(err)
	}
	set("")
	records(1)
	got, err := s.Of(t.Context(), account.AppID, []mpblock.OpenID{person(1)})
	if r := got[person(1)]; err != nil || r.Name != "Li Lei" || r.Remark != "" || r.By != "api" {
		t.Errorf("%+v, %v", r, err)
	}
}
