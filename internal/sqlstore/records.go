package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// A record's version is a random number, made before it is written: so it is also
// the mark by which a write whose answer was lost is known. Each write is one
// statement that finds the record only as it is to be found, so that to send it
// again does nothing where it has happened.

const recordColumns = "kind, name, version, expires, value"

// live is the condition on a record that has not reached its end; its value is the
// present time.
const live = "(expires = 0 OR expires > ?)"

func newVersion() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) | 1
}

// millis is the end of life as the table has it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if ms := t.UnixMilli(); ms > 0 {
		return ms
	}
	return 1 // long past, and not "never"
}

func (s *Store) readRecords(ctx context.Context, c *sql.Conn, where string, args ...any) (out []mpblock.Record, err error) {
	sent := s.skew.machine()
	var seconds int64
	n, err := query.Rows(ctx, c, "SELECT "+recordColumns+", "+askTime+" FROM record WHERE "+where, args, func(r *sql.Rows) error {
		var rec mpblock.Record
		var expires int64
		if err := r.Scan(&rec.Kind, &rec.Key, &rec.Version, &expires, &rec.Value, &seconds); err != nil {
			return err
		}
		if expires != 0 {
			rec.Expires = time.UnixMilli(expires).UTC()
		}
		out = append(out, rec)
		return nil
	})
	if err == nil && n > 0 {
		_ = s.compare(sent, seconds) // what is read is right, whatever the clock
	}
	return out, err
}

// readRecord returns a record that is live, or ErrNotFound.
func (s *Store) readRecord(ctx context.Context, c *sql.Conn, kind, key string) (mpblock.Record, error) {
	found, err := s.readRecords(ctx, c, "kind = ? AND name = ? AND "+live, []byte(kind), []byte(key), s.clock.Now().UnixMilli())
	if err == nil && len(found) == 0 {
		err = mpblock.ErrNotFound
	}
	if err != nil {
		return mpblock.Record{}, err
	}
	return found[0], nil
}

// Get implements mpblock.Store.
func (s *Store) Get(ctx context.Context, kind, key string) (r mpblock.Record, err error) {
	if err := s.enter(ctx); err != nil {
		return r, err
	}
	defer s.leave()
	err = s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
		r, err = s.readRecord(ctx, c, kind, key)
		return err
	})
	return r, err
}

// Put implements mpblock.Store.
func (s *Store) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if err := r.Validate(); err != nil {
		return mpblock.Record{}, err
	}
	if err := s.enter(ctx); err != nil {
		return mpblock.Record{}, err
	}
	defer s.leave()
	p := &putting{store: s, was: r.Version, next: r}
	p.next.Version = newVersion()
	if err := s.call(ctx, p.try); err != nil {
		return mpblock.Record{}, err
	}
	if p.next.Value = append([]byte(nil), r.Value...); !r.Expires.IsZero() {
		p.next.Expires = r.Expires.UTC().Truncate(time.Millisecond)
	}
	return p.next, nil
}

// putting is a record on its way into the database.
type putting struct {
	store *Store
	was   uint64 // the version that it takes the place of; 0: none
	next  mpblock.Record
	lost  bool // it is not known whether an earlier try happened
}

func (p *putting) try(ctx context.Context, c *sql.Conn) error {
	if err := p.store.inStep(ctx, c); err != nil {
		return err
	}
	n, err := p.write(ctx, c)
	if err != nil {
		if !refused(err) {
			p.lost = true
			return &unsettled{err}
		}
		return err
	}
	if n > 0 {
		return nil
	}
	now, err := p.store.readRecord(ctx, c, p.next.Kind, p.next.Key)
	switch {
	case errors.Is(err, mpblock.ErrNotFound) && !p.lost, err == nil && now.Version != p.next.Version && !p.lost:
		return mpblock.ErrConflict
	case err == nil && now.Version == p.next.Version:
		return nil
	case err == nil, errors.Is(err, mpblock.ErrNotFound):
		return errOverwritten
	}
	return err
}

// errOverwritten is the error of a write whose answer was lost, where another has
// written since.
var errOverwritten = errors.New("sqlstore: the answer to a write of a record was lost, and the record was written again since: it is not known whether the write happened")

// refused tells that a statement outside of transactions has done nothing: it was
// not sent, or the server has answered that it failed.
func refused(err error) bool {
	n := query.Number(err)
	return errors.Is(err, driver.ErrBadConn) || n != 0 && n != 1047 && n != 1053 && n != 1105 && n != 1180 && n != 1317 && n != 1927 && n != 3168
}

func (p *putting) write(ctx context.Context, c *sql.Conn) (int64, error) {
	r := p.next
	kind, name, value := []byte(r.Kind), []byte(r.Key), r.Value
	if value == nil {
		value = []byte{}
	}
	now := p.store.clock.Now().UnixMilli()
	if p.was != 0 {
		return query.Change(ctx, c, "UPDATE record SET version = ?, expires = ?, value = ? WHERE kind = ? AND name = ? AND version = ? AND "+live,
			r.Version, millis(r.Expires), value, kind, name, p.was, now)
	}
	n, err := query.Change(ctx, c, "INSERT IGNORE INTO record ("+recordColumns+") VALUES (?, ?, ?, ?, ?)", kind, name, r.Version, millis(r.Expires), value)
	if err != nil || n > 0 {
		return n, err
	}
	return query.Change(ctx, c, "UPDATE record SET version = ?, expires = ?, value = ? WHERE kind = ? AND name = ? AND NOT "+live,
		r.Version, millis(r.Expires), value, kind, name, now)
}

// Delete implements mpblock.Store.
func (s *Store) Delete(ctx context.Context, kind, key string, version uint64) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	lost := false
	return s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		if err := s.inStep(ctx, c); err != nil {
			return err
		}
		n, err := query.Change(ctx, c, "DELETE FROM record WHERE kind = ? AND name = ? AND version = ? AND "+live,
			[]byte(kind), []byte(key), version, s.clock.Now().UnixMilli())
		switch {
		case err != nil && !refused(err):
			lost = true
			return &unsettled{err}
		case err != nil:
			return err
		case n > 0:
			return nil
		}
		_, err = s.readRecord(ctx, c, kind, key)
		switch {
		case err == nil:
			return mpblock.ErrConflict
		case errors.Is(err, mpblock.ErrNotFound) && lost: // by the try whose answer was lost
			return nil
		}
		return err
	})
}

// List implements mpblock.Store.
func (s *Store) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var out []mpblock.Record
	for len(out) < limit {
		want := min(limit-len(out), query.LargeAtOnce)
		var piece []mpblock.Record
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
			piece, err = s.readRecords(ctx, c, "kind = ? AND name > ? AND "+live+" ORDER BY name LIMIT ?",
				[]byte(kind), []byte(after), s.clock.Now().UnixMilli(), want)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
		if len(piece) < want {
			break
		}
		after = piece[len(piece)-1].Key
	}
	return out, nil
}

// Kinds implements mpblock.Store. It seeks from kind to kind.
func (s *Store) Kinds(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var kinds []string
	for last := ""; ; {
		n := 0
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
			n, err = query.Rows(ctx, c, "SELECT kind FROM record WHERE kind > ? ORDER BY kind LIMIT 1", []any{[]byte(last)}, func(r *sql.Rows) error { return r.Scan(&last) })
			return err
		})
		if err != nil || n == 0 {
			return kinds, err
		}
		kinds = append(kinds, last)
	}
}
