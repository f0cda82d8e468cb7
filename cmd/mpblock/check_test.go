package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	accounts "mpblock/internal/access"
	"mpblock/internal/copystore"
	"mpblock/internal/lists"
	"mpblock/internal/pebblestore"
)

// newStore makes a store of accounts with 2,000 followers each, all in tables.
func newStore(t *testing.T, apps ...mpblock.AppID) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	store := openStore(t, dir)
	p, err := accounts.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		a, _, err := p.AddAccount(t.Context(), accounts.NewAccount{AppID: app})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.MintFollowers(t.Context(), a, 2_000, func([]mpblock.OpenID) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openStore(t, dir).Close(); err != nil { // opening moves what is in logs to tables
		t.Fatal(err)
	}
	return dir
}

func openStore(t *testing.T, dir string) *pebblestore.Store {
	t.Helper()
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// largestTable returns the name of the largest table, which is in the order of the
// AppIDs, and what is in it.
func largestTable(t *testing.T, dir string) (name string, content []byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > len(content) {
			content, name = b, n
		}
	}
	if len(content) < 50_000 {
		t.Fatalf("the largest table, %q, has %d bytes", name, len(content))
	}
	return name, content
}

// corrupt overwrites some bytes in the first part of the largest table.
func corrupt(t *testing.T, dir string) {
	t.Helper()
	name, largest := largestTable(t, dir)
	copy(largest[len(largest)/4:], strings.Repeat("\xff", 64))
	if err := os.WriteFile(name, largest, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A damaged block is told as that, of its account, and the others are checked:
// once, the engine's panic ended the command with the code of wrong usage.
func TestCheckOfADamagedStore(t *testing.T) {
	dir := newStore(t, "wx0000000000000001", "wx0000000000000002")
	if code, out, stderr := command("check", dir); code != ui.CodeDone || strings.Count(out, " ok: 2,000 followers") != 2 {
		t.Fatalf("sound: %d\n%s%s", code, out, stderr)
	}
	corrupt(t, dir)
	code, out, stderr := command("check", dir)
	if code != ui.CodeDamaged {
		t.Errorf("exit code %d", code)
	}
	wantAll(t, out, "wx0000000000000001  DAMAGED: ", "    it cannot be read: ", "checksum mismatch", "wx0000000000000002  ok: 2,000 followers")
	wantAll(t, stderr, "damaged: 1 of 2 accounts in "+dir, "hint: go back to the last backup")
	if strings.Contains(out+stderr, "goroutine") || strings.Contains(out+stderr, "stack trace") {
		t.Errorf("not for users:\n%s%s", out, stderr)
	}

	code, out, _ = command("check", "--json", dir)
	var all []checked
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != ui.CodeDamaged {
		t.Fatalf("%d, %v\n%s", code, err, out)
	}
	if len(all) != 2 || len(all[0].Problems) != 1 || len(all[1].Problems) != 0 {
		t.Errorf("%+v", all)
	}
}

// One flipped bit, wherever it is in a table, is found: nothing else comes of it, and no
// trace of the engine.
func TestCheckOfAFlippedBit(t *testing.T) {
	dir := newStore(t, "wx0000000000000001", "wx0000000000000002")
	name, whole := largestTable(t, dir)
	const flips = 20
	for i := range flips {
		b := bytes.Clone(whole)
		b[len(b)*(2*i+1)/(2*flips)] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := command("check", dir)
		if code != ui.CodeDamaged {
			t.Errorf("flip %d: exit code %d\n%s%s", i, code, out, stderr)
		}
		wantAll(t, stderr, "damaged", "hint: go back to the last backup")
		if strings.Contains(out+stderr, "goroutine") || strings.Contains(out+stderr, "stack trace") {
			t.Errorf("flip %d: not for users:\n%s%s", i, out, stderr)
		}
	}
}

// What cannot be read at the end of the log is damage of a backup. After a kill it is most
// likely a write that was under way: it is noted, and the rest is checked.
func TestCheckOfAnUnreadableEnd(t *testing.T) {
	dir := newStore(t, "wx0000000000000001")
	store, backup := openStore(t, dir), filepath.Join(t.TempDir(), "backup")
	ids := make([]mpblock.OpenID, 0, 20)
	for i := range 20 {
		ids = append(ids, mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, strconv.Itoa(i)))
	}
	if _, err := store.Apply(t.Context(), "wx0000000000000001", mpblock.Batch{Action: mpblock.Block, Actor: "test", OpenIDs: ids, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Backup(t.Context(), backup), store.Close()); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := command("check", backup); code != ui.CodeDone || strings.Contains(stderr, "note:") {
		t.Fatalf("sound: %d\n%s%s", code, out, stderr)
	}
	for _, at := range []string{dir, backup} {
		logs, err := filepath.Glob(filepath.Join(at, "*.log"))
		if err != nil || len(logs) == 0 {
			t.Fatal(logs, err)
		}
		last := slices.Max(logs)
		b, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(last, b[:len(bytes.TrimRight(b, "\x00"))-9], 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := command("check", at)
		if at == backup {
			if code != ui.CodeDamaged {
				t.Errorf("a damaged backup: exit code %d", code)
			}
			wantAll(t, stderr, last, "the backup was written with", "hint: go back to the last backup")
			continue
		}
		if code != ui.CodeDone {
			t.Errorf("a store with an unreadable end: exit code %d", code)
		}
		wantAll(t, stderr, "note: ", "bytes at the end of "+last+" cannot be read", "up to 1 acknowledged")
	}
}

func TestCheckWithoutAFile(t *testing.T) {
	dir := newStore(t, "wx0000000000000001")
	names, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, n := range names {
		if err := os.Remove(n); err != nil {
			t.Fatal(err)
		}
	}
	code, _, stderr := command("check", dir)
	if code != ui.CodeDamaged {
		t.Errorf("exit code %d", code)
	}
	wantAll(t, stderr, "MANIFEST", "hint: go back to the last backup")
}

// Every refusal of a copy says what to do.
func TestRefusedCopiesHaveHints(t *testing.T) {
	for reason := copystore.Unfinished; reason <= copystore.Damaged; reason++ {
		var f ui.Failure
		if err := refusal(&copystore.Refused{Reason: reason}); !errors.As(err, &f) || f.Hint == "" || (f.Code == ui.CodeDamaged) != (reason == copystore.Damaged) {
			t.Errorf("reason %d: %+v", reason, err)
		}
	}
}
