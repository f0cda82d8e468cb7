package remarks

import (
	"log/slog"
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/pebblestore"
)

// BenchmarkRemarks measures what a page and an import take, on the embedded store.
func BenchmarkRemarks(b *testing.B) {
	store, err := pebblestore.Open(b.TempDir(), pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	s := New(store, nil)
	var rows []Row
	var ids []mpblock.OpenID
	for i := range 1_000 {
		ids = append(ids, person(i))
		rows = append(rows, Row{person(i), Remark{Name: "n", Remark: "r"}})
	}
	n := 0
	b.Run("import of 1,000", func(b *testing.B) {
		for b.Loop() {
			n++
			for i := range rows {
				rows[i].Name = string(rune('a' + n%26))
			}
			if err := s.Import(b.Context(), account, "bench", slices.Clone(rows)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("50 of a page", func(b *testing.B) {
		for b.Loop() {
			if got, err := s.Of(b.Context(), app, ids[:50]); err != nil || len(got) != 50 {
				b.Fatal(len(got), err)
			}
		}
	})
}
