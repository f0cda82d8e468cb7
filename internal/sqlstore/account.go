package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// mark is a random name of one try to write something, by which it is known
// afterwards whether it happened.
type mark [16]byte

func newMark() (m mark) {
	_, _ = rand.Read(m[:]) // never fails
	return m
}

// head is the row of an account.
type head struct {
	total     int
	seq       uint64
	changed   int64 // time of the last change
	followers int
	seconds   int64 // the database's time
}

// last returns the time of the last change, zero where there is none.
func (h head) last() time.Time {
	if h.seq == 0 {
		return time.Time{}
	}
	return time.UnixMilli(h.changed).UTC()
}

const selectHead = "SELECT total, seq, changed, followers, " + askTime + " FROM account WHERE app = ?"

// readHead returns the row of an account; one that is not there is all zero.
func readHead(ctx context.Context, c *sql.Conn, app mpblock.AppID, suffix string) (h head, ok bool, err error) {
	n, err := query.Rows(ctx, c, selectHead+suffix, []any{query.App(app)}, func(r *sql.Rows) error {
		return r.Scan(&h.total, &h.seq, &h.changed, &h.followers, &h.seconds)
	})
	return h, n == 1, err
}

// errNoAccount tells that an account has no row yet.
var errNoAccount = errors.New("sqlstore: the account has no row")

// locked does something in a transaction that holds the account's row, which is
// made where there is none. It is refused where the machine's clock is wrong.
func (s *Store) locked(ctx context.Context, c *sql.Conn, app mpblock.AppID, do func(head) error) error {
	sent := s.skew.machine()
	err := within(ctx, c, toWrite, func() error {
		h, ok, err := readHead(ctx, c, app, " FOR UPDATE")
		if err != nil {
			return err
		}
		if !ok {
			return errNoAccount
		}
		if err := s.compare(sent, h.seconds); err != nil {
			return err
		}
		return do(h)
	})
	if !errors.Is(err, errNoAccount) {
		return err
	}
	// By itself: in the transaction, two nodes that both found no row would wait
	// for each other.
	if _, err := query.Change(ctx, c, "INSERT IGNORE INTO account (app, total, seq, changed, followers, followed) VALUES (?, 0, 0, ?, 0, ?)",
		query.App(app), firstTime, make([]byte, len(mark{}))); err != nil {
		return err
	}
	return errAgain
}

// firstTime is before the time of any change.
const firstTime = -1 << 63
