package programs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// grain is how exactly the store knows when a program was last used: it is written so
// often at most.
const grain = time.Minute

// uses are when this node last had calls of programs.
type uses struct{ m sync.Map } // of *use, by key

// key is a program of an account.
type key struct {
	app  mpblock.AppID
	name string
}

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

func (u *uses) at(k key) *use {
	if v, ok := u.m.Load(k); ok {
		return v.(*use) //nolint:forcetypeassert // the map holds nothing else
	}
	v, _ := u.m.LoadOrStore(k, new(use))
	return v.(*use) //nolint:forcetypeassert // the map holds nothing else
}

func (u *uses) of(k key) time.Time {
	v, ok := u.m.Load(k)
	if !ok || v.(*use).last.Load() == 0 { //nolint:forcetypeassert // the map holds nothing else
		return time.Time{}
	}
	return time.UnixMilli(v.(*use).last.Load()).UTC() //nolint:forcetypeassert // the map holds nothing else
}

func (u *uses) forget(app mpblock.AppID) {
	u.m.Range(func(k, _ any) bool {
		if k.(key).app == app { //nolint:forcetypeassert // the map holds nothing else
			u.m.Delete(k)
		}
		return true
	})
}

// WriteUsed writes down when programs were last used, each at most once a minute unless
// this is the end. It is to be called now and then.
func (s *Store) WriteUsed(ctx context.Context, end bool) error {
	due := map[mpblock.AppID]map[string]int64{}
	s.used.m.Range(func(k, v any) bool {
		at, u := k.(key), v.(*use) //nolint:forcetypeassert // the map holds nothing else
		last := u.last.Load()
		if since := last - u.written.Load(); since <= 0 || since < grain.Milliseconds() && !end {
			return true
		}
		if due[at.app] == nil {
			due[at.app] = map[string]int64{}
		}
		due[at.app][at.name] = last
		return true
	})
	var errs []error
	for app, used := range due {
		err := s.writeUsed(ctx, app, used)
		for name, last := range used {
			if err == nil {
				s.used.at(key{app, name}).written.Store(last)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Store) writeUsed(ctx context.Context, app mpblock.AppID, used map[string]int64) error {
	_, err := Kind.Edit(ctx, s.Records, string(app), func(e *record.Entry[Book]) error {
		err := record.ErrKeep
		for name, last := range used {
			at, v := time.UnixMilli(last).UTC(), e.Value.Programs[name]
			if v != nil && at.After(v.Used) && !at.Before(v.Made) {
				v.Used, err = at, nil
			}
		}
		return err
	})
	return err
}
