package pebblestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/guard"
)

// encodeChangeOfLayout2 is what that layout's program wrote.
func encodeChangeOfLayout2(c mpblock.Change, effects []codec.Effect) []byte {
	b := []byte{1, byte(c.Action)}
	b = binary.AppendVarint(b, c.Time.UnixMilli())
	b = append(binary.AppendUvarint(b, uint64(len(c.Actor))), c.Actor...)
	b = append(binary.AppendUvarint(b, uint64(len(c.Reason))), c.Reason...)
	b = binary.AppendUvarint(b, uint64(len(effects)))
	for i := range effects {
		b = append(b, effects[i].ID[:]...)
	}
	for i := range effects {
		b = binary.AppendUvarint(b, effects[i].Previous)
	}
	return b
}

// toLayout2 makes a store one of layout 2, which closes it.
func toLayout2(tb testing.TB, s *Store) {
	tb.Helper()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{codec.ChangeKeys}, UpperBound: codec.After([]byte{codec.ChangeKeys})})
	if err != nil {
		tb.Fatal(err)
	}
	b := s.db.NewBatch()
	for ok := it.First(); ok; ok = it.Next() {
		c, ids, r := codec.DecodeChangeHead(seqOf(it), it.Value())
		effects := make([]codec.Effect, ids.N)
		for i := range effects {
			effects[i] = codec.Effect{ID: ids.At(i), Previous: r.Uint()}
		}
		if err := errors.Join(r.Err, b.Set(it.Key(), encodeChangeOfLayout2(c, effects), nil)); err != nil {
			tb.Fatal(err)
		}
	}
	err = errors.Join(it.Close(), b.Set(codec.VersionKey, []byte("2"), nil), b.Commit(pebble.Sync), s.Close())
	if err != nil {
		tb.Fatal(err)
	}
}

// fillMixed gives a store changes of all sorts, and returns them.
func fillMixed(tb testing.TB, s *Store, changes int) []mpblock.Change {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	for n := range changes {
		var ids []mpblock.OpenID
		for range 1 + random.IntN(20) {
			ids = append(ids, mint(random.IntN(10*changes)))
		}
		if n%100 == 50 {
			ids = append(ids, mpblock.OpenID{1}, mpblock.OpenID([]byte("o234567890123456789012345\n78")), mpblock.OpenID{0xff})
		}
		b := batchOf([]mpblock.Action{mpblock.Block, mpblock.Block, mpblock.Unblock}[n%3], ids...)
		b.Reason = strings.Repeat("r", random.IntN(30))
		if _, err := s.Apply(tb.Context(), app, b); err != nil {
			tb.Fatal(err)
		}
	}
	return logOf(tb, s)
}

func logOf(tb testing.TB, s *Store) []mpblock.Change {
	tb.Helper()
	log, err := s.Changes(tb.Context(), app, 0, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

// wantUpgraded tells whether a store has layout 4 through and through, and the log.
func wantUpgraded(t *testing.T, s *Store, log []mpblock.Change) {
	t.Helper()
	if !reflect.DeepEqual(log, logOf(t, s)) {
		t.Error("another log")
	}
	sound(t, s)
	version, err := s.value(codec.VersionKey)
	at, err2 := s.value(upgradeKey)
	if err := errors.Join(err, err2); err != nil || string(version) != "4" || at != nil {
		t.Errorf("version %q, upgrade at %q, %v", version, at, err)
	}
	it, err := s.log(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if it.Value()[0] != 2 {
			t.Errorf("change %d has the form %d", seqOf(it), it.Value()[0])
		}
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
}

// files returns the content of all files under a directory, but of the lock.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// A store of layout 2 is brought forward when it is opened, says so, and holds what it
// held; so is a backup of one. Read only, it is read as it is.
func TestUpgrade(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := openIn(t, dir)
	log := fillMixed(t, s, 500)
	toLayout2(t, s)

	before := files(t, dir)
	s = openWith(t, dir, Options{ReadOnly: true})
	if !reflect.DeepEqual(log, logOf(t, s)) {
		t.Error("read only, another log")
	}
	sound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, files(t, dir)) {
		t.Error("to read a store of layout 2 has changed it")
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	for _, dir := range []string{dir, copied} {
		var said bytes.Buffer
		o := Options{Logger: slog.New(slog.NewTextHandler(&said, nil))}
		s = openWith(t, dir, o)
		wantUpgraded(t, s, log)
		for _, word := range []string{"bringing the store to a newer layout", "from=2 to=4", "has the newer layout", "changes=" + strconv.Itoa(len(log))} {
			if !strings.Contains(said.String(), word) {
				t.Errorf("%q was not said:\n%s", word, said.String())
			}
		}
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(-1))); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		said.Reset()
		s = openWith(t, dir, o)
		if n := len(logOf(t, s)); said.Len() > 0 || n != len(log)+1 {
			t.Errorf("opened once more, with %d changes: %s", n, said.String())
		}
	}
}

// A store of layout 3, also one whose packing was under way, is brought forward too; read
// only it stays what it is.
func TestUpgradeOfLayout3(t *testing.T) {
	for _, packing := range []bool{false, true} {
		dir := t.TempDir()
		s := openIn(t, dir)
		log := fillMixed(t, s, 100)
		if packing {
			toLayout2(t, s)
			s = openWith(t, dir, Options{})
			if err := s.db.Set(upgradeKey, codec.ChangeKey(app, 50), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(s.db.Set(codec.VersionKey, []byte("3"), pebble.Sync), s.Close()); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		s = openWith(t, dir, Options{ReadOnly: true})
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, files(t, dir)) {
			t.Error("to read a store of layout 3 has changed it")
		}
		s = openIn(t, dir)
		wantUpgraded(t, s, log)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A power cut at any operation on the disk, and then again, loses nothing.
func TestUpgradeUnderPowerCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	fs := vfs.NewCrashableMem()
	s := openOn(t, fs)
	log := fillMixed(t, s, 100)
	toLayout2(t, s)
	defer func(n int) { upgradePiece = n }(upgradePiece)
	upgradePiece = 500
	for round := 0; round < 25 && !t.Failed(); round++ {
		disk := fs.CrashClone(vfs.CrashCloneCfg{})
		for range 1 + random.IntN(3) {
			var ops atomic.Int64
			var clone atomic.Pointer[vfs.MemFS]
			at, kept := random.Int64N(200), 100*random.IntN(2) // all that was not synced, or nothing: Pebble itself opens after no other
			rng := rand.New(rand.NewPCG(random.Uint64(), 0))
			s := openOn(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && ops.Add(1) == at {
					clone.Store(disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rng}))
				}
				return nil
			})))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if disk = clone.Load(); disk == nil {
				disk = fs.CrashClone(vfs.CrashCloneCfg{})
			}
		}
		s := openOn(t, disk)
		wantUpgraded(t, s, log)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A store of another layout is refused by its name, and no file of it changes.
func TestOtherLayoutsAreLeftAsTheyAre(t *testing.T) {
	for _, layout := range []string{"1", "5", "22", ""} {
		for _, readOnly := range []bool{false, true} {
			dir := t.TempDir()
			db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatMinSupported, Logger: guard.Logger{To: slog.New(slog.DiscardHandler)}})
			if err == nil {
				err = errors.Join(db.Set(codec.VersionKey, []byte(layout), pebble.Sync), db.Set([]byte("key"), nil, pebble.Sync), db.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			_, err = Open(dir, Options{ReadOnly: readOnly})
			if !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), `layout "`+layout+`", this program knows layouts 2 to 4`) {
				t.Errorf("layout %q: %v", layout, err)
			}
			if !reflect.DeepEqual(before, files(t, dir)) {
				t.Errorf("layout %q: files have changed", layout)
			}
		}
	}
}
