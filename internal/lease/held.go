package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// Lease is what a node holds.
type Lease[T any] struct {
	book *Book[T]
	key  string
	ctx  context.Context // ends with the lease
	lose context.CancelCauseFunc
	done chan struct{} // closed when it is not renewed any more

	token chan struct{} // taken while any of what follows is used
	e     record.Entry[Slot[T]]
	until time.Time // when it ends
}

// Context returns a context that ends with ctx, and when the lease is lost; its cause says
// which. It has ended already where nothing was written for the life of the lease, as when
// the process was stopped meanwhile. The caller calls the function when the work is done.
func (l *Lease[T]) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancelCause(ctx)
	if l.over() {
		cancel(ErrLost)
	}
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return work, func() { stop(); cancel(nil) }
}

// over tells whether the lease has ended, though nobody may have noticed. The wall clock
// counts too: it goes on while the machine sleeps.
func (l *Lease[T]) over() bool {
	now, until := time.Now(), l.ends()
	return !l.book.alone && (!now.Before(until) || !now.Round(0).Before(until.Round(0)))
}

// Value returns the state of the work as it was written last.
func (l *Lease[T]) Value() T {
	l.token <- struct{}{}
	defer func() { <-l.token }()
	return l.e.Value.Value
}

// Wanted tells whether another node waits for the lease.
func (l *Lease[T]) Wanted() bool {
	l.token <- struct{}{}
	defer func() { <-l.token }()
	return l.e.Value.Wanted != ""
}

// Lost tells whether the lease has ended, though nobody gave it up.
func (l *Lease[T]) Lost() bool { return l.ctx.Err() != nil }

// Write changes the state of the work, and renews the lease. It fails with ErrLost once
// the lease has ended. change may be called several times, and must not change what the
// state before refers to.
func (l *Lease[T]) Write(ctx context.Context, change func(*T)) error {
	return l.write(ctx, func(s *Slot[T]) { change(&s.Value) })
}

// Renew makes sure that the lease is held, by writing it. Alone, nothing is written.
func (l *Lease[T]) Renew(ctx context.Context) error {
	if l.book.alone {
		return nil
	}
	return l.write(ctx, func(*Slot[T]) {})
}

func (l *Lease[T]) write(ctx context.Context, change func(*Slot[T])) error {
	select {
	case l.token <- struct{}{}:
		defer func() { <-l.token }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		next, until := l.e, time.Now().Add(Life)
		change(&next.Value)
		next, err := l.book.kind.Put(ctx, l.book.store, next)
		if err == nil {
			l.e, l.until = next, until
			return nil
		}
		if !errors.Is(err, mpblock.ErrConflict) {
			return err
		}
		now, err := l.book.kind.Get(ctx, l.book.store, l.key)
		switch {
		case errors.Is(err, mpblock.ErrNotFound) || err == nil && now.Value.Holder != l.book.node && !l.book.alone:
			l.lose(ErrLost)
			return ErrLost
		case err != nil:
			return err
		}
		l.e.Version, l.e.Value.Wanted = now.Version, now.Value.Wanted // another has asked for it, or a write had happened that failed
	}
}

// keep renews the lease until it is given up or lost.
func (l *Lease[T]) keep() {
	defer close(l.done)
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(max(time.Until(l.ends())-Life+beat, look)):
		}
		if time.Until(l.ends()) > Life-beat { // it was written meanwhile
			continue
		}
		ctx, cancel := context.WithDeadline(l.ctx, l.ends())
		err := l.Renew(ctx)
		cancel()
		if err != nil && !time.Now().Before(l.ends()) {
			l.lose(fmt.Errorf("%w: it could not be renewed: %w", ErrLost, err))
		}
	}
}

func (l *Lease[T]) ends() time.Time {
	l.token <- struct{}{}
	defer func() { <-l.token }()
	return l.until
}

// Release gives the lease up. Should that not be written, it ends by itself.
func (l *Lease[T]) Release(ctx context.Context) error {
	defer l.book.forget(l.key)
	var err error
	if !l.book.alone && l.ctx.Err() == nil {
		err = l.write(ctx, func(s *Slot[T]) { s.Holder = "" })
	}
	l.lose(ErrLost)
	<-l.done
	return err
}
