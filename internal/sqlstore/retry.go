package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-sql-driver/mysql"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Times between two tries.
const (
	firstPause   = 2 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// unsettled is the error of a write whose answer was lost: it may have happened.
type unsettled struct{ err error }

func (u *unsettled) Error() string { return "it is not known whether it happened: " + u.err.Error() }
func (u *unsettled) Unwrap() error { return u.err }

func isUnsettled(err error) bool {
	var u *unsettled
	return errors.As(err, &u)
}

// again tells that what an operation needed is there now.
var errAgain = errors.New("sqlstore: again")

// transient tells whether to try again. What is no error of the server's, nor one
// of the domain's, is one of the connection.
func transient(err error) bool {
	switch {
	case isUnsettled(err), errors.Is(err, errAgain), errors.Is(err, errNotReady):
		return true
	case own(err), errors.Is(err, mysql.ErrPktTooLarge), errors.Is(err, ErrSchema), errors.Is(err, errIsolation),
		errors.Is(err, errOverwritten), errors.Is(err, query.ErrDamaged), errors.Is(err, ErrSkew):
		return false
	}
	if n := query.Number(err); n != 0 {
		return query.Transient(n)
	}
	return true
}

// own tells whether an error is one of the domain's.
func own(err error) bool {
	return errors.As(err, new(*mpblock.UnknownError)) || errors.Is(err, mpblock.ErrNotFound) || errors.Is(err, mpblock.ErrConflict)
}

// operation is what is done over a connection.
type operation func(ctx context.Context, c *sql.Conn) error

// perOpenID is how much longer an operation may take for each OpenID that it writes.
const perOpenID = 5 * time.Millisecond

// call is retry for a method.
func (s *Store) call(ctx context.Context, op operation) error { return s.callFor(ctx, 0, op) }

// limit is how long a method may take that writes so many OpenIDs.
func (s *Store) limit(ids int) time.Duration { return s.timeout + time.Duration(ids)*perOpenID }

// callFor is call for a method that writes so many OpenIDs. An operation that waited in
// vain until its time was up, or the caller's, casts doubt on the database; one whose
// caller left does not.
func (s *Store) callFor(ctx context.Context, ids int, op operation) error {
	err := s.retryWithin(ctx, s.limit(ids), op)
	if errors.Is(err, errTime) || errors.Is(err, context.DeadlineExceeded) {
		s.health.doubt()
	}
	return err
}

func (s *Store) retry(ctx context.Context, op operation) error {
	return s.retryWithin(ctx, s.timeout, op)
}

// retryWithin does an operation until it succeeds, fails for good, or time is up. It
// returns the context's own error where the caller has ended it.
func (s *Store) retryWithin(caller context.Context, limit time.Duration, op operation) error {
	ctx, cancel := context.WithTimeoutCause(caller, limit, errTime)
	defer cancel()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = firstPause, longestPause
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := s.try(ctx, limit/2, op)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		if err != nil && !transient(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return nil
	case caller.Err() != nil:
		return caller.Err()
	case ctx.Err() != nil && last != nil:
		return fmt.Errorf("%w, %v: %w", errTime, limit, last)
	case ctx.Err() != nil:
		return fmt.Errorf("%w, %v: %w", errTime, limit, err)
	case own(err):
		return err
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// try does an operation once, within half of its time: a host that has stopped
// without closing its connections leaves time for another. A connection of
// which it is not known whether it is in a transaction is given up, which rolls back
// what was begun.
func (s *Store) try(whole context.Context, limit time.Duration, op operation) error {
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	err = op(ctx, c)
	if err != nil && ctx.Err() != nil && whole.Err() == nil {
		s.db.SetMaxIdleConns(-1) // other connections to the same host would be waited for as well
		s.db.SetMaxIdleConns(s.conns)
	}
	if err != nil && !own(err) && !errors.Is(err, errAgain) && !errors.Is(err, ErrSkew) && (query.Number(err) == 0 || query.Number(err) == 1047 || isUnsettled(err)) {
		discard(c)
	}
	_ = c.Close() // to the pool, if it was not given up
	return err
}

func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
}

// Beginnings of transactions. Those that write make their snapshot, where the
// engine has one, with their first plain read, which comes after the lock.
const (
	toWrite = "START TRANSACTION"
	toRead  = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
)

// within does something in a transaction. Where that fails it is rolled back.
// Where the answer to COMMIT was lost, the error is *unsettled.
func within(ctx context.Context, c *sql.Conn, begin string, do func() error) error {
	if _, err := c.ExecContext(ctx, begin); err != nil {
		return err
	}
	if err := do(); err != nil {
		rollback(ctx, c)
		return err
	}
	_, err := c.ExecContext(ctx, "COMMIT")
	if err == nil {
		return nil
	}
	if query.NotCommitted(err) {
		rollback(ctx, c)
		return err
	}
	return &unsettled{err}
}

func rollback(ctx context.Context, c *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if _, err := c.ExecContext(ctx, "ROLLBACK"); err != nil {
		discard(c)
	}
}

// lockRead is put behind a plain read in a transaction that writes, which must see
// what there is once the account is locked. Where the engine has its snapshot from
// the beginning of the transaction on, that takes a locking read; elsewhere a
// locking read would lock gaps, and with them other accounts.
func (s *Store) lockRead() string {
	if s.connector.engine.Load().tidb {
		return " FOR UPDATE"
	}
	return ""
}
