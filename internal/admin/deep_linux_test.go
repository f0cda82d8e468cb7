package admin

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/internal/memstore"
	"mpblock/internal/platform"
)

// Linux has a short path for a directory that is open; other systems refuse a deep one.
func TestDeepDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := platform.Open(t.Context(), memstore.New(), platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(dir, p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(dir).List(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
