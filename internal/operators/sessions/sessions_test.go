package sessions

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

func TestSessionStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		s := New(store, mpblock.SystemClock{})
		end := time.Now().Add(time.Hour)
		if err := s.Commit("token", []byte("data"), end); err != nil {
			t.Fatal(err)
		}
		if b, ok, err := New(store, mpblock.SystemClock{}).Find("token"); string(b) != "data" || !ok || err != nil {
			t.Errorf("found %q, %v, %v", b, ok, err)
		}
		records, err := store.List(t.Context(), string(kindSession), "", 9)
		if err != nil || len(records) != 1 || strings.Contains(records[0].Key, "token") {
			t.Errorf("kept as %+v, %v", records, err)
		}
		version := records[0].Version
		put := func(data string, end time.Time) (uint64, mpblock.Record) {
			t.Helper()
			if err := s.Commit("token", []byte(data), end); err != nil {
				t.Fatal(err)
			}
			r, err := store.Get(t.Context(), string(kindSession), records[0].Key)
			if err != nil {
				t.Fatal(err)
			}
			return r.Version, r
		}
		if v, _ := put("data", end.Add(touchApart)); v != version {
			t.Error("a session that is touched again soon is written again")
		}
		if v, r := put("data", end.Add(touchApart+1)); v == version || !r.Expires.After(end) {
			t.Error("a session that is used does not live on")
		}
		if _, r := put("more", end); string(r.Value) != "more" {
			t.Error("new data were not kept")
		}
		if err := s.Delete("token"); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit("token", []byte("late"), end); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Find("token"); ok || err != nil {
			t.Errorf("a session that was ended is back: %v", err)
		}
		if err := s.Delete("other"); err != nil {
			t.Errorf("the end of no session: %v", err)
		}
		time.Sleep(time.Hour)
		if records, err := store.List(t.Context(), string(kindSession), "", 9); len(records) != 0 || err != nil {
			t.Errorf("%d records of ended sessions, %v", len(records), err)
		}
	})
}

func TestLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLogins(memstore.New(), mpblock.SystemClock{}, 2*time.Hour)
		began := time.Now()
		begin := func(name string, at Login) string {
			t.Helper()
			at.Began = began
			id, err := l.Begin(t.Context(), name, at, began.Add(12*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		first := begin("anna", Login{Agent: strings.Repeat("x", 299) + "é", Addr: netip.MustParseAddr("192.0.2.1"), Epoch: 1})
		begin("ann", Login{Epoch: 1})
		begin("anna", Login{Epoch: 2})
		time.Sleep(time.Second)
		second := begin("anna", Login{Epoch: 1})
		of := func() (ids []string) {
			t.Helper()
			all, err := l.Of(t.Context(), "anna", 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range all {
				ids = append(ids, a.ID)
			}
			return ids
		}
		if got := of(); len(got) != 2 || got[0] != second || got[1] != first {
			t.Fatalf("logins %q, want %s and %s", got, second, first)
		}
		if all, _ := l.Of(t.Context(), "anna", 1); all[1].Agent != strings.Repeat("x", 299) || !all[1].Began.Equal(began.Truncate(time.Millisecond)) {
			t.Errorf("the first is %+v", all[1])
		}
		time.Sleep(time.Hour)
		if in, err := l.See(t.Context(), "anna", first); !in || err != nil {
			t.Errorf("a login that goes on: %v, %v", in, err)
		}
		if got := of(); got[0] != first {
			t.Errorf("the last seen is %q", got)
		}
		time.Sleep(time.Hour + time.Second)
		if got := of(); len(got) != 1 || got[0] != first {
			t.Errorf("after two hours there are %q", got)
		}
		if err := l.End(t.Context(), "anna", first); err != nil {
			t.Fatal(err)
		}
		if in, err := l.See(t.Context(), "anna", first); in || err != nil {
			t.Errorf("a login that was ended: %v, %v", in, err)
		}
		if err := l.End(t.Context(), "anna", first); err != nil {
			t.Errorf("ended twice: %v", err)
		}
	})
}
