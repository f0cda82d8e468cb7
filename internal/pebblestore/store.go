// Package pebblestore is the embedded store: one directory on a local disk, kept
// by Pebble, for one process at a time.
//
// # Promises
//
// It keeps the contract of mpblock.Store. A write is in Pebble's log, and the log
// is synced, before the write's method returns; writers of one account or of many
// that wait at the same time share an fsync. Reads take no lock that a writer
// holds while it waits for the disk. What a reader sees may be some milliseconds
// ahead of what is durable, but never half of a change.
//
// When the disk refuses a write (it is full, say), the store holds that write back
// and tries it again until it succeeds; meanwhile new writes fail at once, reads
// go on, and Health says why. When an fsync fails, nobody can tell any more what
// is on the disk: writes stay refused until the store is opened anew.
//
// # Layout of the keys, version 4
//
// An app is the 18 bytes of an AppID, an openid its 28 bytes, seq 8 bytes
// big-endian. Numbers in values are unsigned varints; times are in milliseconds
// since 1970.
//
//	\x00version            "4"
//	\x00upgrade            while a store of version 2 is brought forward: see upgrade
//	b app \x00             head of the blacklist: total, seq of the last change, its time, number of changes that unblocked,
//	                       and of entries that end, if there are any
//	b app openid           an entry: the seq of its last change, of that which it belongs to, if another, and its end,
//	                       if it has one
//	c app seq              a change, and for each of its OpenIDs the seq of the change before it: see codec.EncodeChange
//	e time app openid      the end of an entry, its time in 8 bytes big-endian: empty
//	f app \x00             the number of followers
//	f app openid           a follower: empty
//	i app key              a request that was applied: the digest of its content, its time, the seq of its change,
//	                       0 if it changed nothing
//	r kind \x00 key        a record: version, end of life (0: none), value
//	u app openid           a former entry: the seq of the change that unblocked it, and of that which it belonged to,
//	                       if another than the one before
//	x app seq              a change that was undone: the seq of the last one that undoes it
//
// Each head sorts just before its list, and followers behind blacklists, so one
// iterator sees heads and pages of the same instant. The history of an OpenID is
// the chain of its changes, from that which its entry or former entry names.
package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/datadir"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/damage"
	"mpblock/internal/pebblestore/filter"
	"mpblock/internal/pebblestore/guard"
	"mpblock/internal/pebblestore/merges"
	"mpblock/internal/pebblestore/whole"
)

// ErrNoStore is wrapped by Open when there is no store to read in the directory, or
// another program's.
var ErrNoStore = errors.New("not a store of mpblock")

var errClosed = errors.New("pebblestore: the store is closed")

// DefaultCacheSize is the memory for blocks read from disk, in bytes.
const DefaultCacheSize = 64 << 20

// memTableSize is the memory for what is written and not yet in a table, in
// bytes. A larger one is flushed less often, and takes
// longer to replay after a crash.
const memTableSize = 16 << 20

// tableSize is the size of a table, in bytes. Pebble's own sizes grow up to 128 MiB
// in the last level, whose filters have megabytes each: few fit the cache, and a
// look-up that has to read one takes ten times as long.
const tableSize = 8 << 20

// memTables is how many of them there may be, one that is written to and one on its
// way to a table.
const memTables = 2

// mergeBehind is how many tables may lie over each other before they are merged. Each
// merge goes over most of the list, since new OpenIDs fall anywhere in it.
const mergeBehind = 8

// Unwritten is the memory that a store may use for what is not in tables yet, in
// bytes, beside its cache.
const Unwritten = memTables * memTableSize

// Options are the settings of a Store.
type Options struct {
	CacheSize int64         // memory for blocks read from disk, in bytes; 0: DefaultCacheSize
	Logger    *slog.Logger  // told when the disk refuses writes, and Pebble's own messages; nil: none
	FS        vfs.FS        // the file system; nil: the real one
	ReadOnly  bool          // nothing is written, nothing on the disk changes
	Clock     mpblock.Clock // by which records end; nil: the system's

	MaxOpenFiles int // how many tables are kept open, 0: 1,000
}

// Store is a mpblock.Store and a mpblock.Backuper.
type Store struct {
	dir    string
	clock  mpblock.Clock
	tell   *slog.Logger
	fs     *guard.FS
	damage damage.Files
	db     *pebble.DB

	accounts   sync.Map   // mpblock.AppID → *account
	forgetting sync.Mutex // held by the one that has accounts forget what is in tables
	records    [64]lock   // of the keys that fall to each

	filters  *filter.Memory
	learning atomic.Bool // a filter is being made

	backingUp sync.Mutex

	mu       sync.RWMutex // of closing; not held while anything waits
	closing  bool
	inflight sync.WaitGroup
	stop     chan struct{} // closed when the sweep is to end
}

// Open opens the store in a directory, which is made if it is not there, and closed
// to other users if it is open to them: see datadir.Private. It fails with
// datadir.ErrInUse if another process has it open, with ErrNoStore if what is there is
// something else, and with a *DamagedError if it is a backup that is not what was written.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	s := newStore(dir, o)
	if s.onDisk() && !o.ReadOnly {
		if err := datadir.Private(dir, o.Logger); err != nil {
			return nil, err
		}
	}
	exists, err := s.examine(o.ReadOnly)
	if err != nil {
		return nil, err
	}
	if err := s.openOrGiveUp(o, exists); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		s.inflight.Add(1)
		go s.sweepNowAndThen()
		if s.onDisk() {
			watch, err := datadir.Watch(dir, s.stop, s.fs.Lose)
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			s.inflight.Go(watch)
		}
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = datadir.FS
	}
	if o.CacheSize == 0 {
		o.CacheSize = DefaultCacheSize
	}
	return o
}

// newStore returns a Store that has not touched the disk yet.
func newStore(dir string, o Options) *Store {
	s := &Store{
		dir: dir, clock: mpblock.ClockOr(o.Clock), tell: o.Logger, damage: damage.Files{Dir: dir, Log: o.Logger}, stop: make(chan struct{}),
		filters: filter.NewMemory(o.CacheSize / FilterShare),
	}
	s.fs = guard.New(o.FS, dir, o.Logger, o.ReadOnly)
	for i := range s.records {
		s.records[i] = newLock()
	}
	return s
}

// onDisk tells the real file system from one in memory.
func (s *Store) onDisk() bool { return vfs.Root(s.fs) == vfs.Default }

// openOrGiveUp opens the database unless the disk refuses what that writes: Pebble,
// which would wait for it or end the process, is then left behind.
func (s *Store) openOrGiveUp(o Options, exists bool) error {
	opened := make(chan error, 1)
	go func() { opened <- s.openDB(o, exists) }()
	select {
	case err := <-opened:
		return err
	case <-s.fs.Trouble():
		cause := errors.Unwrap(s.fs.Health())
		s.fs.Abandon()
		return errors.Join(fmt.Errorf("open the store in %s: the disk refuses to be written; free space or repair it, and start again: %w", s.dir, cause), s.fs.Unlock())
	}
}

func (s *Store) openDB(o Options, exists bool) (err error) {
	// Pebble takes what is not in tables yet out of the cache's size, to the point
	// that every filter is read from the disk each time.
	cache := pebble.NewCache(o.CacheSize + Unwritten)
	defer cache.Unref() // the database holds its own
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("open the store in %s: it is damaged: %s", s.dir, damage.FirstLine(p))
			if s.db != nil {
				err = errors.Join(err, s.closeDB())
			}
			err = errors.Join(err, s.fs.Unlock())
		}
	}()
	merging := new(merges.Scheduler)
	if exists {
		if err := s.openToRead(o, cache); err != nil || o.ReadOnly {
			return err
		}
		if end, err := s.UnreadEnd(); err == nil && end.Unread > 0 { // what hinders it is left to Pebble
			end.Tell(s.tell, s.dir)
		}
		if s.db.FormatMajorVersion() < pebble.FormatNewest {
			merging.Begin() // bringing it forward may take merges
		}
		db := s.db
		s.db = nil
		if err := db.Close(); err != nil {
			return fmt.Errorf("look into the store in %s: %w", s.dir, err)
		}
		if err := whole.Begin(s.fs, s.dir); err != nil {
			return err
		}
	}
	opts := s.options(o, cache)
	opts.Experimental.CompactionScheduler = merging
	if s.db, err = pebble.Open(s.dir, opts); err != nil {
		return fmt.Errorf("open the store in %s: %w", s.dir, s.explainOpen(err))
	}
	merging.Begin()
	return s.orClose(s.settle())
}

// orClose closes the database after an error.
func (s *Store) orClose(err error) error {
	if err == nil {
		return nil
	}
	err = errors.Join(err, s.db.Close())
	s.db = nil
	return err
}

// openToRead opens the database so that nothing of it changes, and refuses what this
// program does not know.
func (s *Store) openToRead(o Options, cache *pebble.Cache) (err error) {
	o.ReadOnly = true
	if s.db, err = pebble.Open(s.dir, s.options(o, cache)); err != nil {
		return fmt.Errorf("open the store in %s: %w", s.dir, s.explainOpen(err))
	}
	version, err := s.layout()
	if err == nil && version == "" && s.fs.ReadOnly {
		err = fmt.Errorf("%s: %w", s.dir, ErrNoStore)
	}
	return s.orClose(err)
}

// examine refuses, without changing it, a directory in which there is nothing to
// read, and tells whether there is a database.
func (s *Store) examine(readOnly bool) (exists bool, err error) {
	if err := whole.Verify(s.fs, s.dir); err != nil {
		return false, err
	}
	found, err := pebble.Peek(s.dir, s.fs)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !readOnly:
		return false, nil // Pebble makes it
	case err != nil && readOnly:
		return false, fmt.Errorf("%s: %w: %w", s.dir, ErrNoStore, err)
	case err != nil:
		return false, fmt.Errorf("read the data directory: %w", err)
	case readOnly && !found.Exists:
		return false, fmt.Errorf("%s: %w", s.dir, ErrNoStore)
	}
	return found.Exists, nil
}

func (s *Store) options(o Options, cache *pebble.Cache) *pebble.Options {
	opts := &pebble.Options{
		FS:           s.fs,
		Cache:        cache,
		MemTableSize: memTableSize,

		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       mergeBehind,
		ReadOnly:                    o.ReadOnly,
		FormatMajorVersion:          pebble.FormatNewest,
		MaxOpenFiles:                o.MaxOpenFiles,
		Logger:                      guard.Logger{To: o.Logger},
		EventListener:               s.listener(),
	}
	for i := range opts.TargetFileSizes {
		opts.TargetFileSizes[i] = tableSize
	}
	for i := range opts.Levels {
		// Most look-ups of an Apply are of keys that are not there.
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

func (s *Store) empty() (none bool, err error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	defer s.end(it, &err)
	return !it.First(), it.Error()
}

// enter begins a method; the caller calls inflight.Done at its end.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closing {
		return errClosed
	}
	s.inflight.Add(1)
	return nil
}

// enterApp is enter for a method that takes an AppID.
func (s *Store) enterApp(ctx context.Context, app mpblock.AppID) error {
	if err := codec.CheckApp(app); err != nil {
		return err
	}
	return s.enter(ctx)
}

// Health returns nil while the store takes writes, else why it does not.
func (s *Store) Health() error { return s.fs.Health() }

// Close waits for what is under way and releases the directory. While the disk
// refuses writes it does not wait: it gives up those that are held back, none of
// which was acknowledged, and returns an error.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closing
	s.closing = true
	s.mu.Unlock()
	if was {
		return errClosed
	}
	close(s.stop)
	closed := make(chan error, 1)
	go func() {
		s.inflight.Wait()
		closed <- s.closeDB()
	}()
	for {
		select {
		case err := <-closed:
			return err
		case <-s.fs.Trouble():
			if err := s.fs.Health(); err != nil {
				s.fs.Abandon()
				return errors.Join(err, s.fs.Unlock())
			}
		}
	}
}

// closeDB closes the database. Pebble panics there after it has panicked elsewhere, which
// has left something open.
func (s *Store) closeDB() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("close the store in %s: %s", s.dir, damage.FirstLine(p))
		}
	}()
	return s.db.Close()
}

// Exists tells whether a directory holds a store, of this layout or another.
func Exists(dir string) bool {
	desc, err := pebble.Peek(dir, vfs.Default)
	return err == nil && desc.Exists
}
