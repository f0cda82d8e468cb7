package schema

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3/database"
)

// holderLen is the length of the random name of a node that migrates.
const holderLen = 16

// Times of the lock of migrations.
const (
	holdFor    = 30 * time.Second // after which the lock of a node that was killed is taken from it
	holdAgain  = 5 * time.Second
	lookAgain  = 50 * time.Millisecond
	unlockTime = 5 * time.Second
)

// lock lets one node migrate at a time. It is a row with a holder and an
// end, taken by a statement that finds it free: locks of the server's own hold for
// one node of a Galera cluster, or one shard of Vitess, alone.
type lock struct {
	skew   time.Duration
	holder [holderLen]byte
	stop   context.CancelFunc
	done   chan struct{}
}

// taken tells errors of a statement that met another one's.
func taken(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1205 || e.Number == 1213)
}

// Lock implements lock.Locker.
func (l *lock) Lock(ctx context.Context, db *sql.DB) error {
	_, _ = rand.Read(l.holder[:]) // never fails
	if err := (versions{}).CreateVersionTable(ctx, db); err != nil {
		return err
	}
	if err := (versions{}).Insert(ctx, db, database.InsertRequest{}); err != nil {
		return err
	}
	ticks := time.NewTicker(lookAgain)
	defer ticks.Stop()
	for {
		switch held, err := l.hold(ctx, db); {
		case err != nil && !taken(err):
			return err
		case held:
			l.keep(db)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another node migrates the schema: %w", ctx.Err())
		case <-ticks.C:
		}
	}
}

// hold takes the lock, or holds it for longer. One that is held for longer than any right
// clock could have said is free.
func (l *lock) hold(ctx context.Context, db *sql.DB) (bool, error) {
	now := time.Now()
	r, err := db.ExecContext(ctx, "UPDATE schema_version SET holder = ?, held = ? WHERE version = 0 AND (holder = ? OR held < ? OR held > ?)",
		l.holder[:], now.Add(holdFor).UnixMilli(), l.holder[:], now.UnixMilli(), now.Add(holdFor+2*l.skew).UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// keep holds the lock until it is given back.
func (l *lock) keep(db *sql.DB) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	go func() {
		defer close(l.done)
		ticks := time.NewTicker(holdAgain)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				_, _ = l.hold(ctx, db) // the next one may succeed
			}
		}
	}()
}

// Unlock implements lock.Locker.
func (l *lock) Unlock(ctx context.Context, db *sql.DB) error {
	l.stop()
	<-l.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
	defer cancel()
	_, err := db.ExecContext(ctx, "UPDATE schema_version SET held = 0 WHERE version = 0 AND holder = ?", l.holder[:])
	return err
}
