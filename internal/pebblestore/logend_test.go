package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mpblock"
)

// killed returns a copy of a store's directory, as a kill leaves it, and its newest log.
func killed(t *testing.T, dir string) (copied, log string) {
	t.Helper()
	for before := ""; ; { // a merge writes tables while they are copied, which a kill does not see half of
		now := stamps(t, dir)
		if now == before {
			break
		}
		before, copied = now, filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	logs, err := filepath.Glob(filepath.Join(copied, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	slices.Sort(logs)
	return copied, logs[len(logs)-1]
}

// stamps returns the names, sizes and times of a directory's files.
func stamps(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all += fmt.Sprintln(e.Name(), info.Size(), info.ModTime())
		}
	}
	return all
}

// opened opens a store, and returns what it says of the end of its log, and how many
// changes it has.
func opened(t *testing.T, dir string) (said string, changes uint64, err error) {
	t.Helper()
	var log bytes.Buffer
	s, err := Open(dir, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		return "", 0, err
	}
	p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "the end of the store's log cannot be read") {
			return line, p.Seq, nil
		}
	}
	return "", p.Seq, nil
}

// A log whose end was cut, or has a flipped bit, is told of when the store opens, with
// the last change, the bytes, and how many changes may be behind it; after a mere kill
// nothing is.
func TestEndOfTheLog(t *testing.T) {
	dir := t.TempDir()
	if err := openIn(t, dir).Close(); err != nil { // the first log of a store has the older kinds of chunks
		t.Fatal(err)
	}
	s := openIn(t, dir)
	const n = 300
	for i := range n {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(20*i), mint(20*i+1), mint(20*i+2))); err != nil {
			t.Fatal(err)
		}
	}
	copied, _ := killed(t, dir)
	if said, changes, err := opened(t, copied); said != "" || changes != n || err != nil {
		t.Errorf("after a kill: %d changes, %v\n%s", changes, err, said)
	}
	_, log := killed(t, dir)
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	told, found := 0, 0
	for i := range 60 {
		damaged, cut := bytes.Clone(whole), i%2 == 0
		at := len(whole) - 1 - i*37
		if cut {
			damaged = damaged[:at]
		} else {
			at = len(whole) * i / 60
			damaged[at] ^= 8
		}
		copied, log := killed(t, dir)
		if err := os.WriteFile(log, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		said, changes, err := opened(t, copied)
		switch lost := n - changes; {
		case err != nil: // what was synced behind it tells Pebble that it is damage
			found++
			wantDamaged(t, at, err, log)
		case said == "":
			t.Errorf("%d of %d, cut %v: %d changes are lost, and nothing was said", at, len(whole), cut, lost)
		default:
			told++
			if changes == 0 { // there is no last change then
				break
			}
			for _, word := range []string{fmt.Sprintf("last_change=%d ", changes), "last_appid=" + string(app), "unread_bytes=", "file=" + log} {
				if !strings.Contains(said, word) {
					t.Errorf("%d, cut %v: %q is not in %s", at, cut, word, said)
				}
			}
			_, most, _ := strings.Cut(said, "changes_at_most=")
			most, _, _ = strings.Cut(most, " ")
			if most, err := strconv.ParseUint(strings.TrimSpace(most), 10, 64); err != nil || !cut && most < lost {
				t.Errorf("%d, cut %v: at most %d are lost, and %d are", at, cut, most, lost)
			}
		}
		if said, again, err := opened(t, copied); err == nil && (said != "" || again != changes) {
			t.Errorf("%d, opened once more: %d changes, %s", at, again, said)
		}
	}
	if told == 0 || found == 0 {
		t.Errorf("%d were told, %d were refused", told, found)
	}
}

// A log in a file that an earlier one has left ends where its own writes do.
func TestEndOfALogInAUsedFile(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	used := false
	for n := uint64(1); n < 2000 && !used; n++ {
		_, err := s.Put(t.Context(), mpblock.Record{Kind: "large", Key: strconv.FormatUint(n, 10), Value: make([]byte, 200_000)})
		if err == nil {
			_, err = s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(int(n))))
		}
		if err != nil {
			t.Fatal(err)
		}
		logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil || len(logs) == 0 {
			t.Fatal(logs, err)
		}
		info, err := os.Stat(slices.Max(logs))
		if err != nil {
			continue // it has just gone
		}
		if used = info.Size() > int64(s.db.Metrics().WAL.Size); !used {
			continue
		}
		copied, _ := killed(t, dir)
		if said, changes, err := opened(t, copied); said != "" || changes != n || err != nil {
			t.Errorf("after a kill: %d changes of %d, %v\n%s", changes, n, err, said)
		}
	}
	if !used {
		t.Error("no file was used again")
	}
}
