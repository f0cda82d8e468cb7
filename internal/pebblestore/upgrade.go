package pebblestore

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock/internal/pebblestore/codec"
)

// The layouts that this program reads. A store of an older one is brought forward when
// it is opened to be written; one that is opened to be read is read as it is, since
// changes tell their form. Layout 3 is this one without ends: nothing of it is written
// anew, but no program that knows no ends is to write to it any more.
const (
	layoutVersion   = "4"
	layoutWithout   = "3"
	layoutNotPacked = "2"
)

// ErrLayout is wrapped by Open when the store's layout is one that this program does not
// know. Nothing of it was changed.
var ErrLayout = errors.New("it is left as it was")

// upgradeKey is there while a store is brought forward: the key of the change to go on
// with. The version is the new one from the beginning, so that no older program takes
// what is half done for its own.
var upgradeKey = []byte("\x00upgrade")

// upgradePiece is how many bytes are written at once.
var upgradePiece = 4 << 20

// upgradeTell is how often the log says how far an upgrade is.
var upgradeTell = 10 * time.Second

// layout returns the version of the layout, "" where the store is empty. It refuses what
// another program, or another version of this one, has laid out. It writes nothing.
func (s *Store) layout() (string, error) {
	v, err := s.value(codec.VersionKey)
	if err != nil {
		return "", fmt.Errorf("read the version of the store in %s: %w", s.dir, err)
	}
	switch {
	case v == nil:
		empty, err := s.empty()
		if err != nil {
			return "", fmt.Errorf("read the store in %s: %w", s.dir, err)
		}
		if !empty {
			return "", fmt.Errorf("%s: %w", s.dir, ErrNoStore)
		}
		return "", nil
	case string(v) != layoutVersion && string(v) != layoutWithout && string(v) != layoutNotPacked:
		return "", fmt.Errorf("the store in %s has layout %q, this program knows layouts %s to %s: %w; use the program that wrote it, or a newer one",
			s.dir, v, layoutNotPacked, layoutVersion, ErrLayout)
	}
	return string(v), nil
}

// settle gives an empty store its version, and brings one of the older layout forward.
func (s *Store) settle() error {
	version, err := s.layout()
	if err != nil {
		return err
	}
	at, err := s.value(upgradeKey)
	switch {
	case err != nil:
		return fmt.Errorf("read the store in %s: %w", s.dir, err)
	case version == "":
		if err := s.db.Set(codec.VersionKey, []byte(layoutVersion), pebble.Sync); err != nil {
			return fmt.Errorf("begin the store in %s: %w", s.dir, err)
		}
		return nil
	case version == layoutWithout:
		if err := s.db.Set(codec.VersionKey, []byte(layoutVersion), pebble.Sync); err != nil {
			return fmt.Errorf("bring the store in %s from layout %s to %s: %w", s.dir, version, layoutVersion, err)
		}
		s.tell.Info("the store has the newer layout", "dir", s.dir, "from", version, "layout", layoutVersion)
		fallthrough // where packing was under way, it is so still
	case version == layoutVersion:
		if at == nil {
			return nil
		}
	}
	if err := s.upgrade(at); err != nil {
		return fmt.Errorf("bring the store in %s from layout %s to %s (the next start goes on with it): %w", s.dir, layoutNotPacked, layoutVersion, err)
	}
	return nil
}

// upgrade packs the changes from a key on, nil: all of them. It may be killed at any
// point: what was written is written whole and in order, each piece with where to go on.
func (s *Store) upgrade(at []byte) error {
	s.tell.Info("bringing the store to a newer layout: it is served once that is done", "dir", s.dir, "from", layoutNotPacked, "to", layoutVersion, "goes_on", at != nil)
	if at == nil {
		b := s.db.NewBatch()
		at = []byte{codec.ChangeKeys}
		if err := errors.Join(b.Set(codec.VersionKey, []byte(layoutVersion), nil), b.Set(upgradeKey, at, nil), b.Commit(pebble.Sync)); err != nil {
			return err
		}
	}
	begin := time.Now()
	told, changes := begin, 0
	for {
		n, next, err := s.packSome(at)
		if err != nil {
			return err
		}
		changes += n
		if next == nil {
			break
		}
		at = next
		if now := time.Now(); now.Sub(told) >= upgradeTell {
			told = now
			s.tell.Info("bringing the store to a newer layout", "dir", s.dir, "changes", changes, "took", now.Sub(begin).Round(time.Second))
		}
	}
	if err := s.db.Delete(upgradeKey, pebble.Sync); err != nil { // behind which all before it is durable
		return err
	}
	s.tell.Info("the store has the newer layout", "dir", s.dir, "layout", layoutVersion, "changes", changes, "took", time.Since(begin).Round(time.Millisecond))
	return nil
}

// packSome packs some changes from a key on, and returns where to go on; nil: there
// are no more. What is damaged stays as it is: check names it.
func (s *Store) packSome(at []byte) (changes int, next []byte, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: at, UpperBound: codec.After([]byte{codec.ChangeKeys})})
	if err != nil {
		return 0, nil, err
	}
	defer s.end(it, &err)
	b := s.db.NewBatch()
	defer b.Close() //nolint:errcheck // of memory; a batch that was committed has told all
	for ok := it.First(); ok && b.Len() < upgradePiece; ok = it.Next() {
		if packed := codec.PackChange(seqOf(it), it.Value()); packed != nil {
			if err := b.Set(it.Key(), packed, nil); err != nil {
				return 0, nil, err
			}
			changes++
		}
		next = append(append(next[:0], it.Key()...), 0)
	}
	if err := it.Error(); err != nil || next == nil {
		return 0, nil, err
	}
	return changes, next, errors.Join(b.Set(upgradeKey, next, nil), b.Commit(pebble.NoSync))
}
