// Package sqlstore keeps the store in a database that speaks the MySQL protocol:
// a MariaDB Galera cluster, Vitess, TiDB, or one MariaDB or MySQL server. Any
// number of nodes may share it; none of them has state of its own.
//
// # Promises
//
// It keeps the contract of mpblock.Store over all nodes. Every write of an
// account's lists is one transaction, which locks the account's own row first: so
// its changes have one order, and totals, entries and history agree at every
// instant. Batches that wait for the same account on one node share a transaction.
//
// A transaction that the database is known not to have carried out is tried again,
// within Options.Timeout. Where the answer to a COMMIT was lost, nobody knows: the
// next try looks, under the same lock, for the mark that the lost one would have
// left, so that a change is never made twice. See decision 9 in docs/decisions.
//
// What the database keeps, it keeps as well as it is set up to: mpblock relies on
// transactions that are durable once committed.
//
// # Layout
//
// All text is bytes, ordered and compared as such; times are in milliseconds since
// 1970. Every table but record begins its primary key with the account, so that an
// account lives in one range or one shard, and no transaction touches two.
//
//	account     app                its totals, the seq and time of its last change
//	follower    app openid
//	follow_mark app mark           when a try wrote followers; removed after a day
//	entry       app openid         the seq of its last change
//	entry_end   app openid         when it ends, if it does; by time, of all and of each
//	change_log  app seq            a change, its OpenIDs in one piece, and the
//	                               mark of the try that wrote it
//	undone      app seq            what a change undoes, if anything
//	change_end  app seq            when the entries of a change end, if they do
//	history     app openid seq     which changes took effect on an OpenID
//	given_back  app openid seq     for some of those, the change that the entry
//	                               belongs to, or belonged to: see Batch.Undoes
//	record      kind name          version, end of life (0: none), value
//
// Migrations are in migrations/ and schema/, the sharding of Vitess is in vschema.json.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/address"
)

// Defaults of Options.
const (
	DefaultTimeout  = 10 * time.Second
	DefaultMaxConns = 32
)

// Limits of what may wait, and of connections.
const (
	maxWaiting   = 2_048            // methods under way; more fail at once
	maxConnLife  = 5 * time.Minute  // after which a host that was away is used again
	avoidTime    = 30 * time.Second // a host that did not answer is not asked first
	maxConnIdle  = time.Minute
	dialTimeout  = 2 * time.Second // of connecting to one host, to the first answers
	probeEvery   = 250 * time.Millisecond
	probeTime    = 5 * time.Second // enough for two hosts
	sweepEvery   = 10 * time.Minute
	markLife     = 24 * time.Hour // far beyond any Options.Timeout and the difference of clocks
	sweepAtOnce  = 1_000
	rollbackTime = 2 * time.Second
)

var (
	errClosed = errors.New("sqlstore: the store is closed")
	errBusy   = fmt.Errorf("sqlstore: %d operations wait for the database already", maxWaiting)
	errTime   = errors.New("sqlstore: the database did not answer in time")
)

// Options are the settings of a Store.
type Options struct {
	Timeout   time.Duration // of every method, tries included, and 5 ms more for each OpenID written; 0: DefaultTimeout
	MaxConns  int           // connections to the database; 0: DefaultMaxConns
	NoMigrate bool          // refuse a database whose schema is not the newest, instead of bringing it there
	Logger    *slog.Logger  // told when the database goes and comes back; nil: none
	Clock     mpblock.Clock // by which records end; nil: the system's

	machine func() time.Time // the machine's clock; nil: time.Now
}

// Store is a mpblock.Store.
type Store struct {
	where     string // for messages
	db        *sql.DB
	connector *connector
	conns     int // that may be open
	timeout   time.Duration
	log       *slog.Logger
	clock     mpblock.Clock
	health    health
	skew      skew

	slots  chan struct{}
	queues queues

	mu         sync.RWMutex // of closing; not held while anything waits
	closing    bool
	inflight   sync.WaitGroup
	background sync.WaitGroup
	stop       context.CancelFunc // ends what runs in the background
}

// Open connects to a database and brings its schema up to date, unless
// Options.NoMigrate is set. It fails with ErrSchema where the schema is not one
// that this program can work on, and says what to do.
func Open(ctx context.Context, c address.Database, o Options) (*Store, error) {
	s, err := connect(c, o)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, o); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.background.Go(func() { s.watch(background) })
	s.background.Go(func() { s.sweepNowAndThen(background) })
	return s, nil
}

// connect returns a store that has not spoken to the database yet.
func connect(c address.Database, o Options) (*Store, error) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxConns == 0 {
		o.MaxConns = DefaultMaxConns
	}
	if o.machine == nil {
		o.machine = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	connector, err := newConnector(c, o.Timeout)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxLifetime(maxConnLife)
	db.SetConnMaxIdleTime(maxConnIdle)
	s := &Store{
		where: c.String(), db: db, connector: connector, conns: o.MaxConns, timeout: o.Timeout, log: o.Logger,
		clock: mpblock.ClockOr(o.Clock),
		slots: make(chan struct{}, maxWaiting), stop: func() {},
	}
	s.skew.machine = o.machine
	s.health.suspect = make(chan struct{}, 1)
	s.queues.of = make(map[mpblock.AppID]*queue)
	return s, nil
}

// prepare holds the database to what the store needs of it.
func (s *Store) prepare(ctx context.Context, o Options) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	err := s.retry(ctx, func(ctx context.Context, c *sql.Conn) error { return s.compareNow(ctx, c) })
	if err != nil && !errors.Is(err, ErrSkew) {
		return err
	}
	if err := s.checkSchema(ctx, !o.NoMigrate && s.skewed() == nil); err != nil {
		return errors.Join(err, s.skewed())
	}
	return nil
}

// reach waits for the database to answer, within the store's time.
func (s *Store) reach(ctx context.Context) error {
	return s.retry(ctx, func(context.Context, *sql.Conn) error {
		switch level := s.connector.engine.Load().isolation; level {
		case "", "REPEATABLE-READ", "SERIALIZABLE":
			return nil
		default:
			return fmt.Errorf("%w: that of %s is %s; set transaction_isolation (tx_isolation in MariaDB) to REPEATABLE-READ, the engines' own default",
				errIsolation, s.where, level)
		}
	})
}

// enter begins a method; the caller calls leave at its end if the error is nil.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.away(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closing {
		return errClosed
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return errBusy
	}
	s.inflight.Add(1)
	return nil
}

// enterApp is enter for a method that takes an AppID.
func (s *Store) enterApp(ctx context.Context, app mpblock.AppID) error {
	if len(app) != mpblock.AppIDLen {
		return fmt.Errorf("sqlstore: the AppID %q has %d bytes, want %d", app, len(app), mpblock.AppIDLen)
	}
	return s.enter(ctx)
}

func (s *Store) leave() {
	<-s.slots
	s.inflight.Done()
}

// Close waits for what is under way, which Options.Timeout limits, and closes the
// connections.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closing
	s.closing = true
	s.mu.Unlock()
	if was {
		return errClosed
	}
	s.inflight.Wait()
	s.stop()
	s.background.Wait()
	return s.db.Close()
}
