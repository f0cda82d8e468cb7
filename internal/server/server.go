// Package server puts mpblock together: a store with a cache in front of it, the
// rules, the doors, what runs in the background, and an orderly end.
//
//	s, err := server.Open(ctx, server.Config{Data: "mpblock-data", Listen: "127.0.0.1:8080"})
//	err = s.Start()
//	...
//	err = s.Close()
//
// Open opens the store and what stands on it; from then on Handler answers. Start
// opens the doors that Config names, and begins the work in the background: a server
// without Listen, OpsListen and Data has no door and no file. So a test opens one over
// a store in memory and uses its Handler, any number of them at a time: nothing here
// touches what the whole process shares, like Go's limit of memory.
//
// It is the one package beside the commands that knows all others. What it takes is
// plain values; flags, and what people read, are left to the commands. Errors that
// somebody can do something about are ErrInUse, ErrUnfinishedCopy, *ListenError and
// *DatabaseError.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/admin"
	"mpblock/internal/copystore"
	"mpblock/internal/datadir"
	"mpblock/internal/direct"
	"mpblock/internal/emulator"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/ops"
	"mpblock/internal/pebblestore"
	"mpblock/internal/sqlstore"
)

// Server is a store that is served. Its methods are safe for concurrent use, but for
// Start.
type Server struct {
	cfg     Config
	machine mpblock.Clock
	stack   atomic.Pointer[stack]
	owned   []io.Closer // what Open has opened, closed in the reverse order
	metrics *ops.Metrics
	tls     *tls.Config
	trust   string
	conns   int // how many there may be to the API and the console
	listen  func(network, address string) (net.Listener, error)

	console           atomic.Pointer[string] // where it is found, from Start on
	api, ops, control net.Listener           // nil: not opened
	http              []*http.Server
	direct            *direct.Listener // nil: not in front of the API
	admin             *admin.Server
	failed            chan error
	working           bool      // in the background
	emulated          *emulated // nil: this is no emulator

	stopping atomic.Bool
	requests sync.RWMutex // held for reading by each request; Close takes it for good
	close    func() error
}

// Errors of Open.
var (
	// ErrInUse says that another process has the data directory.
	ErrInUse = errors.New("is in use by another process")

	// ErrUnfinishedCopy says that the store is the target of a copy that has not
	// been finished.
	ErrUnfinishedCopy = copystore.ErrUnfinished
)

// DatabaseError is an error of Open that the database is the cause of.
type DatabaseError struct{ Err error }

func (e *DatabaseError) Error() string { return e.Err.Error() }

// Unwrap returns what sqlstore says.
func (e *DatabaseError) Unwrap() error { return e.Err }

// Open opens the store, brings it up to date, and builds what stands on it. It
// neither listens nor works in the background: see Start. Close releases it.
func Open(ctx context.Context, c Config) (*Server, error) {
	c = c.withDefaults()
	s := &Server{cfg: c, machine: c.Clock, metrics: ops.New(c.Version), conns: connsOf(openFiles()), listen: net.Listen, failed: make(chan error, 2)}
	s.cfg.meter, s.cfg.posted = s.metrics, s.metrics
	if e := c.Emulate; e != nil {
		bent := emulator.New(c.Clock, cmp.Or(e.Journal, emulator.DefaultJournal))
		s.emulated = &emulated{Emulator: bent, people: memstore.WithClock(bent.Clock), saved: map[string]snapshot{}}
		s.cfg.Clock = bent.Clock
	}
	s.close = sync.OnceValue(s.end)
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	if err := copystore.Complete(ctx, store); err != nil {
		return err
	}
	if err := s.loadTLS(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	w, err := s.build(ctx, store)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, w); err != nil {
		return err
	}
	s.stack.Store(w)
	if s.emulated != nil {
		return s.MarkStart(ctx)
	}
	return nil
}

// openStore opens the store without its cache, and takes the data directory.
func (s *Server) openStore(ctx context.Context) (mpblock.Store, error) {
	c := s.cfg
	if c.embedded() {
		if c.Data == "" {
			return nil, errors.New("neither a data directory nor a store is given")
		}
		store, err := pebblestore.Open(c.Data, pebblestore.Options{
			CacheSize: c.blocks(), MaxOpenFiles: tablesOf(openFiles()), Logger: c.Log, Clock: c.Clock,
		})
		if errors.Is(err, datadir.ErrInUse) {
			return nil, inUse(c.Data)
		}
		if err != nil {
			return nil, err
		}
		s.owned = append(s.owned, store)
		return store, nil
	}
	if c.Data != "" {
		if err := s.claim(); err != nil {
			return nil, err
		}
	}
	if c.Emulate != nil {
		return memstore.WithClock(c.Clock), nil
	}
	if c.Store != nil {
		return c.Store, nil
	}
	d := c.Database
	store, err := sqlstore.Open(ctx, d.At, sqlstore.Options{
		Timeout: c.StoreTimeout, MaxConns: d.Conns, NoMigrate: d.NoMigrate, Logger: c.Log, Clock: c.Clock,
	})
	if err != nil {
		return nil, &DatabaseError{err}
	}
	s.owned = append(s.owned, store)
	return store, nil
}

// claim holds a data directory that keeps no store but the socket of the
// administration, by the file by which a store in it would be held.
func (s *Server) claim() error {
	dir := s.cfg.Data
	held, err := datadir.Hold(dir, s.cfg.Log)
	if errors.Is(err, datadir.ErrInUse) {
		return inUse(dir)
	}
	if err != nil {
		return err
	}
	s.owned = append(s.owned, held)
	return nil
}

func inUse(dir string) error { return fmt.Errorf("the data directory %s %w", dir, ErrInUse) }

// Access returns the accounts, for who adds some from inside the process.
func (s *Server) Access() *access.Service { return s.now().rules.access }

// Lists returns the lists, for who fills them from inside the process.
func (s *Server) Lists() *lists.Service { return s.now().rules.lists }

// Operators returns the operators, for who adds some from inside the process.
func (s *Server) Operators() *operators.Service { return s.now().rules.operators }

// Trust returns the file of the CA that clients are to trust; "" if they need not be
// told.
func (s *Server) Trust() string { return s.trust }

// Invite makes a link into the console and returns its path: of the demo, one that is
// logged in already; of a store without operators, one that creates the first. It is
// good once, for 15 minutes. Where operators log in by themselves it is "".
func (s *Server) Invite(ctx context.Context) (path string, err error) {
	issue, path := s.now().rules.operators.Setup, "/welcome"
	if s.cfg.Demo {
		issue, path = s.now().rules.operators.Demo, "/demo"
	}
	token, err := issue(ctx)
	if token == "" || err != nil {
		return "", err
	}
	return path + "?token=" + url.QueryEscape(token), nil
}
