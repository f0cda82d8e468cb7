package record

import (
	"fmt"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
)

func TestErase(t *testing.T) {
	store := memstore.New()
	put := func(kind, key string) {
		t.Helper()
		if _, err := store.Put(t.Context(), mpblock.Record{Kind: kind, Key: key, Value: []byte("{")}); err != nil { // unreadable
			t.Fatal(err)
		}
	}
	for i := range 3*erasedAtOnce + 1 {
		put("note", fmt.Sprintf("b/%03d", i))
	}
	for _, key := range []string{"a/1", "b", "b.", "b0", "c/1"} {
		put("note", key)
	}
	put("blob", "b/1")
	put("blob", "b/2")
	put("other", "b/1")
	if err := EraseUnder(t.Context(), store, "b/", "note", "blob", "none"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"b0", "none"} {
		if err := notes.Erase(t.Context(), store, key); err != nil {
			t.Error(err)
		}
	}
	var left []string
	for _, kind := range []string{"blob", "note", "other"} {
		records, err := store.List(t.Context(), kind, "", 999)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			left = append(left, kind+" "+r.Key)
		}
	}
	if fmt.Sprint(left) != "[note a/1 note b note b. note c/1 other b/1]" {
		t.Errorf("left %q", left)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if EraseUnder(t.Context(), store, "b/", "note") == nil || notes.Erase(t.Context(), store, "b") == nil {
		t.Error("a closed store is erased")
	}
}
