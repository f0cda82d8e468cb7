package pebblestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock"
)

// A directory that goes away under a store has writes refused, since they would be
// lost: it is deleted, renamed, or another store is put in its place.
func TestDirectoryGoesAway(t *testing.T) {
	tests := []struct {
		name, words string
		away        func(t *testing.T, dir string) error
	}{
		{"deleted", "removed or renamed", func(_ *testing.T, dir string) error { return os.RemoveAll(dir) }},
		{"renamed", "removed or renamed", func(_ *testing.T, dir string) error { return os.Rename(dir, dir+".old") }},
		{"replaced", "replaced", func(t *testing.T, dir string) error {
			t.Helper()
			other := openIn(t, dir+".new")
			return errors.Join(other.Close(), os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := openIn(t, dir)
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
				t.Fatal(err)
			}
			if err := s.Health(); err != nil {
				t.Fatal(err)
			}
			if err := tt.away(t, dir); err != nil {
				t.Fatal(err)
			}
			soon(t, "to notice it", func() bool { return s.Health() != nil })
			if err := s.Health(); !strings.Contains(err.Error(), tt.words) {
				t.Errorf("health: %v", err)
			}
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2))); err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("a change: %v", err)
			}
			if _, err := s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: "key"}); err == nil {
				t.Error("a record was written")
			}
			if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0); err != nil || p.Total != 1 {
				t.Errorf("a page: %d, %v", p.Total, err)
			}
			if err := s.Close(); err == nil {
				t.Error("close does not say that something may be lost")
			}
		})
	}
}
