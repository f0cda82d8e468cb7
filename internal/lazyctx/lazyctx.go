// Package lazyctx has contexts that cost nothing until somebody waits for their end.
//
// A call that is answered from memory waits for nothing: a timer, or a goroutine that
// watches its caller, would be set up only to be taken down again.
package lazyctx

import (
	"context"
	"sync"
	"time"
)

// Context is a context that is set up when Done is first called. It keeps the contract of
// context.Context, also for those derived from it.
type Context struct {
	parent   context.Context
	deadline time.Time                // zero: none of its own
	watch    func(gone func()) func() // may be nil
	mu       sync.Mutex
	inner    context.Context // nil until somebody waits
	cancel   context.CancelFunc
	unwatch  func()
	ended    bool
	err      error // as it was told
}

// WithDeadline is context.WithDeadline. The caller is to call End.
func WithDeadline(parent context.Context, at time.Time) *Context {
	return &Context{parent: parent, deadline: at}
}

// Watched returns a context that also ends when a watch says so. The watch begins when
// somebody waits, and what it returns ends it. The caller is to call End.
func Watched(parent context.Context, watch func(gone func()) (stop func())) *Context {
	return &Context{parent: parent, watch: watch}
}

// End ends the context, as the cancel function of another does, and its watch.
func (c *Context) End() {
	c.mu.Lock()
	c.ended = true
	cancel, unwatch := c.cancel, c.unwatch
	c.unwatch = nil
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if unwatch != nil {
		unwatch()
	}
}

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) {
	at, ok := c.parent.Deadline()
	if !c.deadline.IsZero() && (!ok || c.deadline.Before(at)) {
		return c.deadline, true
	}
	return at, ok
}

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.setUp()
	}
	return c.inner.Done()
}

func (c *Context) setUp() {
	if c.deadline.IsZero() {
		c.inner, c.cancel = context.WithCancel(c.parent)
	} else {
		c.inner, c.cancel = context.WithDeadline(c.parent, c.deadline)
	}
	switch {
	case c.ended:
		c.cancel()
	case c.watch != nil:
		c.unwatch = c.watch(c.cancel)
	}
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil { // what has been said once stays so
		c.err = c.now()
	}
	return c.err
}

func (c *Context) now() error {
	switch {
	case c.inner != nil:
		return c.inner.Err()
	case c.parent.Err() != nil:
		return c.parent.Err()
	case c.ended: // whether its time was over before is not known
		return context.Canceled
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. One that is derived from this one finds in it what it
// is to end with.
func (c *Context) Value(key any) any {
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return c.parent.Value(key)
}
