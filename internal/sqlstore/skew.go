package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// MaxSkew is how far the clock of this machine may be from the database's. Further
// apart, this node writes nothing: its changes would bear wrong dates, its records end
// too soon or too late, and leases that it holds mean something else to other nodes.
const MaxSkew = time.Minute

// ErrSkew is wrapped by errors of writes on a machine whose clock is wrong.
var ErrSkew = errors.New("sqlstore: the clocks of this machine and of the database are too far apart")

// askTime is the database's time in whole seconds. It depends on no time zone.
const askTime = "UNIX_TIMESTAMP()"

// skew compares the machine's clock with the database's. It is the machine's own: the
// Clock of facts may say anything.
type skew struct {
	machine func() time.Time
	is      atomic.Pointer[skewError] // nil: not too far apart, when last seen
}

// skewError says how far the machine's clock is off.
type skewError struct {
	where string
	at    time.Time     // by this machine's clock
	off   time.Duration // what that is ahead of the database's, negative: behind
}

func (e *skewError) Error() string {
	direction := "ahead of"
	if e.off < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("%v: here it is %s, which is %v %s the clock of %s. Nothing is written until they agree to %v: set this machine's clock (NTP), or the database's",
		ErrSkew, e.at.UTC().Format(time.RFC3339), e.off.Abs().Round(time.Second), direction, e.where, MaxSkew)
}

func (e *skewError) Unwrap() error { return ErrSkew }

// compare takes in what the database has answered to askTime, in a statement that was
// sent at a time of this machine; it returns a *skewError if that is too far off.
func (s *Store) compare(sent time.Time, seconds int64) error {
	got, from := s.skew.machine(), time.Unix(seconds, 0)
	var off time.Duration
	switch until := from.Add(time.Second); {
	case sent.After(until):
		off = sent.Sub(until)
	case got.Before(from): // it was asked before it waited for anything, a lock say
		off = got.Sub(from)
	}
	if off.Abs() <= MaxSkew {
		if s.skew.is.Swap(nil) != nil {
			s.log.Info("this machine's clock agrees with the database's again: it is written to", "database", s.where)
		}
		return nil
	}
	e := &skewError{where: s.where, at: got, off: off}
	if s.skew.is.Swap(e) == nil {
		s.log.Error("nothing is written: set the clock", "error", e)
	}
	return e
}

// skewed returns how far the machine's clock was off when it was last compared, nil if
// not too far.
func (s *Store) skewed() error {
	if e := s.skew.is.Load(); e != nil {
		return e
	}
	return nil
}

// inStep is skewed, after asking the database once more if it was.
func (s *Store) inStep(ctx context.Context, c *sql.Conn) error {
	if s.skewed() == nil {
		return nil
	}
	return s.compareNow(ctx, c)
}

// querier is a connection, or any of them.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// compareNow asks for the database's time.
func (s *Store) compareNow(ctx context.Context, c querier) error {
	sent := s.skew.machine()
	var seconds int64
	if err := c.QueryRowContext(ctx, "SELECT "+askTime).Scan(&seconds); err != nil {
		return err
	}
	return s.compare(sent, seconds)
}
