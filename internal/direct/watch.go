package direct

import (
	"errors"
	"os"
	"sync"
	"time"
)

// Most calls that wait for something, such as a batch for the disk, wait for less than a
// millisecond. To watch each of their callers takes a goroutine, four deadlines and two
// hand-overs. So a watch only begins when a call has waited for a while, and what
// looks for those that have is one timer for all connections, while there are any.

// patience is how long a call waits before its caller is watched, and up to twice that.
const patience = 25 * time.Millisecond

// watcher is the watch over the caller of a connection.
type watcher struct {
	mu    sync.Mutex
	state int8
	gone  func()        // told when the caller has gone away
	heard chan struct{} // told when the watch has ended
	next  [1]byte       // what came meanwhile
	n     int           // whether something did
}

// States of a watcher.
const (
	unasked int8 = iota
	asked
	seen // to be asked for
	begun
)

// watch waits for the caller to go away. Whoever calls what it returns has what came
// meanwhile among the rest.
func (c *conn) watch(gone func()) (stop func()) {
	w := &c.watcher
	w.mu.Lock()
	w.state, w.gone = asked, gone
	w.mu.Unlock()
	c.door.lookLater()
	return c.unwatch
}

// unwatch ends a watch.
func (c *conn) unwatch() {
	w := &c.watcher
	w.mu.Lock()
	was := w.state
	w.state, w.gone = unasked, nil
	w.mu.Unlock()
	if was != begun {
		return
	}
	_ = c.tcp.SetReadDeadline(time.Unix(1, 0))
	<-w.heard
	_ = c.tcp.SetReadDeadline(time.Time{})
	c.readUntil = time.Time{}
	c.in = append(c.in, w.next[:w.n]...)
}

// beginWatch begins a watch that has been seen before, and tells whether one is asked for.
func (c *conn) beginWatch() bool {
	w := &c.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.state {
	case asked:
		w.state = seen
	case seen:
		w.state = begun
		_ = c.tcp.SetReadDeadline(time.Time{}) // under the lock: whoever stops the watch sets another
		go c.hear(w.gone)
	default:
		return false
	}
	return w.state != begun
}

// hear reads what should not come before an answer.
func (c *conn) hear(gone func()) {
	w := &c.watcher
	var err error
	if w.n, err = c.tcp.Read(w.next[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		gone()
	}
	w.heard <- struct{}{}
}

// lookLater has somebody look for watches that are asked for.
func (d *Listener) lookLater() {
	if !d.looks.Load() && d.looks.CompareAndSwap(false, true) {
		time.AfterFunc(patience, d.lookNow)
	}
}

// lookNow looks for watches, and again later while there are any.
func (d *Listener) lookNow() {
	d.looks.Store(false) // before it looks: who asks from now on may not be seen
	d.mu.Lock()
	more := false
	for c := range d.conns {
		more = c.beginWatch() || more
	}
	d.mu.Unlock()
	if more {
		d.lookLater()
	}
}
