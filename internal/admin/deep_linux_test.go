package admin

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/internal/memstore"
)

// Linux has a short path for a directory that is open; other systems refuse a deep one.
func TestDeepDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Start(dir, rulesOver(t, memstore.New()), slog.New(slog.DiscardHandler))
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
