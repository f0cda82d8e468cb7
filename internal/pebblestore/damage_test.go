package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
)

// safeBuffer is a log that goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// twoAccounts makes a store of two accounts in one table, and returns its name.
func twoAccounts(t *testing.T, dir string) (table string) {
	t.Helper()
	s := openIn(t, dir)
	for _, app := range accounts {
		for n := range 5 {
			var ids []mpblock.OpenID
			for i := range 1000 {
				ids = append(ids, mint(1000*n+i))
			}
			_, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...))
			if err == nil {
				_, err = s.AddFollowers(t.Context(), app, ids)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false), s.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	return tables[0]
}

var accounts = []mpblock.AppID{"wx0000000000000001", "wx0000000000000002"}

// useAll reads and changes all of an account, and returns what fails.
func useAll(ctx context.Context, s *Store, app mpblock.AppID) (errs []error) {
	one := []mpblock.OpenID{mint(7)}
	page, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 9999)
	errs = append(errs, err)
	_, err = s.Followers(ctx, app, mpblock.OpenID{}, 9999)
	errs = append(errs, err)
	_, err = s.States(ctx, app, page.OpenIDs)
	errs = append(errs, err)
	_, err = s.Changes(ctx, app, 0, 99)
	errs = append(errs, err)
	_, err = s.ChangesOf(ctx, app, one[0], 0, 99)
	errs = append(errs, err)
	errs = append(errs, s.Histories(ctx, app, mpblock.OpenID{}, mpblock.OpenID{0xff}, func(mpblock.OpenID, mpblock.Change) {}))
	for _, action := range []mpblock.Action{mpblock.Unblock, mpblock.Block} {
		_, err = s.Apply(ctx, app, batchOf(action, one...))
		errs = append(errs, err)
	}
	_, err = s.RemoveFollowers(ctx, app, one)
	errs = append(errs, err)
	_, err = s.AddFollowers(ctx, app, one)
	return append(errs, err)
}

// A flipped bit, wherever it is in a table, ends no process. What cannot be read is an
// error with the file and what to do; the other account goes on; merges fail and are
// told; and Verify finds it in any case.
func TestFlippedBits(t *testing.T) {
	dir := t.TempDir()
	table := twoAccounts(t, dir)
	whole, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	const flips = 8
	seen := map[mpblock.AppID]int{}
	alone := 0
	for i := range flips {
		damaged := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(damaged, filepath.Base(table))
		b := bytes.Clone(whole)
		at := len(b) * (2*i + 1) / (2 * flips)
		b[at] ^= 4
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var log safeBuffer
		s, err := Open(damaged, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			wantDamaged(t, at, err, name)
			continue
		}
		var failed []mpblock.AppID
		for _, app := range accounts {
			bad := 0
			for _, err := range useAll(t.Context(), s, app) {
				if err != nil {
					bad++
					wantDamaged(t, at, err, name)
				}
			}
			if bad > 0 {
				seen[app]++
				failed = append(failed, app)
			}
		}
		if len(failed) == 1 {
			alone++
		}
		wantDamaged(t, at, s.Verify(t.Context()), name)
		if err := s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil && !strings.Contains(log.String(), "work in the background failed") {
			t.Errorf("flip at %d: nothing was said of the merge: %v", at, err)
		}
		if n := strings.Count(log.String(), "a file of the store is damaged"); len(failed) > 0 && n != 1 {
			t.Errorf("flip at %d: the damage was told %d times", at, n)
		}
		if strings.Contains(log.String(), "goroutine") {
			t.Errorf("flip at %d: a trace:\n%s", at, log.String())
		}
		if err := s.Close(); err != nil {
			t.Errorf("flip at %d: %v", at, err)
		}
	}
	if seen[accounts[0]] == 0 || seen[accounts[1]] == 0 || alone < flips/2 {
		t.Errorf("damage was met as %v, of one account alone %d times", seen, alone)
	}
}

func wantDamaged(t *testing.T, at int, err error, name string) {
	t.Helper()
	var e *DamagedError
	if !errors.As(err, &e) || e.File != name || !strings.Contains(fmt.Sprint(err), "mpblock check") || strings.Contains(fmt.Sprint(err), "\n") {
		t.Errorf("flip at %d: %v, want a DamagedError of %s", at, err, name)
	}
}

// Where damage keeps tables from being merged, writers do not wait for ever.
func TestStalledWritesAreRefused(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	s.listener().WriteStallBegin(pebble.WriteStallBeginInfo{})
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
		t.Errorf("a stall without damage: %v", err)
	}
	s.listener().WriteStallEnd()
	s.damage.Met(pebble.DataCorruptionInfo{Path: "data/000001.sst", Details: errors.New("checksum")})
	s.listener().WriteStallBegin(pebble.WriteStallBeginInfo{})
	_, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2)))
	for what, err := range map[string]error{"Apply": err, "Health": s.Health()} {
		if err == nil || !strings.Contains(err.Error(), "data/000001.sst is damaged (checksum)") || !strings.Contains(err.Error(), "can no longer be merged") {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.listener().WriteStallEnd()
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2))); err != nil || s.Health() != nil {
		t.Errorf("after the stall: %v, %v", err, s.Health())
	}
}
