package sqlstore

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"mpblock/internal/sqlstore/address"
)

// connector connects to the first host that answers, and prepares each connection.
// A host that did not answer is asked last for a while.
type connector struct {
	hosts  []*host
	engine atomic.Pointer[engine]
	dial   time.Duration // how long a host may take to be connected to
	locks  time.Duration // how long a statement waits for a lock
}

type host struct {
	name string
	driver.Connector
	failed atomic.Int64 // when it did not answer last, in Unix milliseconds
}

// engine is what a database is, as it says itself: this is asked once, by what
// each of them has and the others lack.
type engine struct {
	galera    bool   // reads wait for the writes of other nodes, where told to
	tidb      bool   // a plain read in a transaction sees what was when it began
	vitess    bool   // the settings of a session are the proxy's own
	isolation string // of transactions, "" where it is not told
}

// errNotReady is the error of a node that is alive and cut off from its cluster.
var errNotReady = errors.New("it is not part of its cluster now (wsrep_ready is not ON)")

func newConnector(c address.Database, timeout time.Duration) (*connector, error) {
	out := &connector{locks: timeout / 2, dial: min(dialTimeout, timeout/5)}
	for _, name := range c.Hosts {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.DBName = c.User, c.Password, c.Database
		cfg.Net, cfg.Addr = "tcp", name
		cfg.ClientFoundRows = true   // an UPDATE that finds the row has found it, whatever it changes
		cfg.InterpolateParams = true // one round trip a statement, and no limit of prepared ones
		cfg.Logger = &mysql.NopLogger{}
		if c.TLS != nil {
			cfg.TLS = c.TLS.Clone()
			if cfg.TLS.ServerName == "" {
				cfg.TLS.ServerName, _, _ = net.SplitHostPort(name)
			}
		}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, fmt.Errorf("sqlstore: %s: %w", c, err)
		}
		out.hosts = append(out.hosts, &host{name: name, Connector: connector})
	}
	return out, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.hosts[0].Driver() }

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	for _, h := range c.order() {
		conn, err := c.connect(ctx, h)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", h.name, err))
		if ctx.Err() != nil {
			break
		}
		h.failed.Store(time.Now().UnixMilli())
	}
	return nil, errors.Join(errs...)
}

// order returns the hosts in the order in which to ask them.
func (c *connector) order() []*host {
	now := time.Now().UnixMilli()
	lately := func(h *host) int64 {
		if at := h.failed.Load(); at <= now { // else of a clock that was ahead
			return max(at, now-avoidTime.Milliseconds())
		}
		return now - avoidTime.Milliseconds()
	}
	hosts := slices.Clone(c.hosts)
	slices.SortStableFunc(hosts, func(a, b *host) int { return cmp.Compare(lately(a), lately(b)) })
	return hosts
}

func (c *connector) connect(ctx context.Context, h *host) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dial)
	defer cancel()
	conn, err := h.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// prepare settles what a connection is to do.
func (c *connector) prepare(ctx context.Context, conn driver.Conn) error {
	e := c.engine.Load()
	if e == nil {
		asked, err := ask(ctx, conn)
		if err != nil {
			return err
		}
		c.engine.Store(asked)
		e = asked
	}
	if e.galera {
		switch ready, err := show(ctx, conn, "SHOW STATUS LIKE 'wsrep_ready'"); {
		case err != nil:
			return err
		case !strings.EqualFold(ready["wsrep_ready"], "ON"):
			return errNotReady
		}
		// 1 for reads and beginnings of transactions, 2 and 4 for writes outside of them.
		if err := exec(ctx, conn, "SET SESSION wsrep_sync_wait = 7"); err != nil {
			return err
		}
	}
	if e.vitess {
		return nil
	}
	// A statement that nobody waits for any more is not to wait for a lock.
	return exec(ctx, conn, fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d", max(1, int(c.locks/time.Second))))
}

func ask(ctx context.Context, conn driver.Conn) (*engine, error) {
	e := &engine{}
	galera, err := show(ctx, conn, "SHOW VARIABLES LIKE 'wsrep_on'")
	if err != nil {
		return nil, err
	}
	e.galera = strings.EqualFold(galera["wsrep_on"], "ON")
	tidb, err := show(ctx, conn, "SHOW VARIABLES LIKE 'tidb_txn_mode'")
	if err != nil {
		return nil, err
	}
	e.tidb = len(tidb) > 0
	for _, name := range []string{"tx_isolation", "transaction_isolation"} { // MariaDB's name, MySQL's name
		level, err := show(ctx, conn, "SHOW VARIABLES LIKE '"+name+"'")
		if err != nil {
			return nil, err
		}
		if level[name] != "" {
			e.isolation = strings.ToUpper(level[name])
		}
	}
	_, err = show(ctx, conn, "SHOW VITESS_SHARDS")
	var refused *mysql.MySQLError
	switch {
	case err == nil:
		e.vitess = true
	case !errors.As(err, &refused): // the others do not know the statement
		return nil, err
	}
	return e, nil
}

func exec(ctx context.Context, conn driver.Conn, statement string) error {
	_, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil) //nolint:forcetypeassert // the driver's connections are
	return err
}

// show returns the first two columns of what a statement shows.
func show(ctx context.Context, conn driver.Conn, statement string) (map[string]string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, statement, nil) //nolint:forcetypeassert // the driver's connections are
	if err != nil {
		return nil, err
	}
	values := make([]driver.Value, len(rows.Columns()))
	shown := make(map[string]string)
	for {
		if err = rows.Next(values); err != nil {
			break
		}
		name, _ := values[0].([]byte)
		var value []byte
		if len(values) > 1 {
			value, _ = values[1].([]byte)
		}
		shown[string(name)] = string(value)
	}
	if !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, rows.Close())
	}
	return shown, rows.Close()
}
