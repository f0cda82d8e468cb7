package programs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mpblock/internal/record"
)

// grain is how exactly the store knows when a program was last used: it is written so
// often at most.
const grain = time.Minute

// uses are when this node last had calls of programs.
type uses struct{ m sync.Map } // of *use, by keys of records

// use is when one program was last used, in Unix milliseconds.
type use struct {
	last    atomic.Int64
	written atomic.Int64
}

// Touch notes that the program is used. It writes nothing, and costs nothing that shows.
func (c *Credential) Touch(now time.Time) {
	if ms := now.UnixMilli(); ms >= c.use.last.Load()+1000 { // so that cores do not fight for it
		c.use.last.Store(ms)
	}
}

func (u *uses) at(key string) *use {
	if v, ok := u.m.Load(key); ok {
		return v.(*use) //nolint:forcetypeassert // the map holds nothing else
	}
	v, _ := u.m.LoadOrStore(key, new(use))
	return v.(*use) //nolint:forcetypeassert // the map holds nothing else
}

func (u *uses) of(key string) time.Time {
	v, ok := u.m.Load(key)
	if !ok || v.(*use).last.Load() == 0 { //nolint:forcetypeassert // the map holds nothing else
		return time.Time{}
	}
	return time.UnixMilli(v.(*use).last.Load()).UTC() //nolint:forcetypeassert // the map holds nothing else
}

func (u *uses) forget(head string) {
	u.m.Range(func(key, _ any) bool {
		if k := key.(string); strings.HasPrefix(k, head) { //nolint:forcetypeassert // the map holds nothing else
			u.m.Delete(key)
		}
		return true
	})
}

// WriteUsed writes down when programs were last used, each at most once a minute unless
// this is the end. It is to be called now and then.
func (s *Store) WriteUsed(ctx context.Context, end bool) error {
	var errs []error
	s.used.m.Range(func(k, v any) bool {
		key, u := k.(string), v.(*use) //nolint:forcetypeassert // the map holds nothing else
		last := u.last.Load()
		if since := last - u.written.Load(); since <= 0 || since < grain.Milliseconds() && !end {
			return true
		}
		_, err := kindProgram.Edit(ctx, s.Records, key, func(e *record.Entry[stored]) error {
			if at := time.UnixMilli(last).UTC(); e.Version != 0 && at.After(e.Value.Used) && !at.Before(e.Value.Made) {
				e.Value.Used = at
				return nil
			}
			return record.ErrKeep
		})
		if err == nil {
			u.written.Store(last)
		}
		errs = append(errs, err)
		return true
	})
	return errors.Join(errs...)
}
