// Package direct answers calls over connections that stay open without the costs of
// net/http, and hands every connection on to it that brings anything else.
//
// It knows one form of request: HTTP/1.1, one of some paths, a short body of a length that
// is told, all of it there within a second. What is not of that form goes to net/http with
// all that has come of it, and so does the connection from then on. Headers are read by
// net/http's own parser, once for all requests of a connection that have the same one: so
// there is no second opinion of what a request is. Where it differs from net/http, it is
// that nobody watches whether the caller is still there until somebody has waited for that
// for a while.
package direct

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a Listener.
type Options struct {
	Handler http.Handler           // leaves requests as they are, and says of what type its answers are
	Takes   func(path string) bool // which paths are answered here
	First   time.Duration          // in which the first bytes of a connection have come, or it ends; 0: 10 s
	Idle    time.Duration          // how long a connection is kept between two requests, at least
	Write   time.Duration          // how long an answer may take to leave, at least
	Part    time.Duration          // in which all of a request has come, once it has begun, or it is net/http's; 0: a second
	Ended   func()                 // told of each connection that has ended and was not handed on
	Log     *slog.Logger           // told of handlers that panic
}

// Listener is a net.Listener of those connections that are net/http's.
type Listener struct {
	net.Listener
	Options
	handed chan accepted
	closed chan struct{}
	begun  sync.Once
	shut   func() error

	ctx    context.Context // of all calls
	cancel context.CancelFunc
	oneOff atomic.Bool // connections end with their next answer
	looks  atomic.Bool // somebody looks which calls take long

	mu    sync.Mutex
	ends  bool // for good
	conns map[*conn]struct{}
	gone  chan struct{} // told when one has ended
}

type accepted struct {
	conn net.Conn
	err  error
}

// Listen answers what comes to a listener, once Accept is called.
func Listen(l net.Listener, o Options) *Listener {
	d := &Listener{
		Listener: l, Options: o, handed: make(chan accepted), closed: make(chan struct{}),
		conns: map[*conn]struct{}{}, gone: make(chan struct{}, 1),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.shut = sync.OnceValue(func() error {
		close(d.closed)
		return l.Close()
	})
	d.First = cmp.Or(d.First, 10*time.Second)
	d.Part = cmp.Or(d.Part, time.Second)
	return d
}

// acceptAll gives each connection a goroutine. Errors are for net/http, which waits a
// little before it asks for the next one.
func (d *Listener) acceptAll() {
	for {
		c, err := d.Listener.Accept()
		if tcp, ok := c.(*net.TCPConn); ok && err == nil {
			d.begin(tcp)
			continue
		}
		if !d.hand(accepted{c, err}) {
			return
		}
	}
}

func (d *Listener) begin(tcp *net.TCPConn) {
	c := &conn{tcp: tcp, door: d, remote: tcp.RemoteAddr().String()}
	c.answer.conn = c
	c.watcher.heard = make(chan struct{}, 1)
	c.answer.head = http.Header{}
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.closed: // while it was accepted
		_ = tcp.Close()
		d.Ended()
	default:
		d.conns[c] = struct{}{}
		go c.serve()
	}
}

// hand gives net/http a connection, and closes it where it takes no more.
func (d *Listener) hand(a accepted) bool {
	select {
	case d.handed <- a:
		return true
	case <-d.closed:
		if a.conn != nil {
			_ = a.conn.Close()
			d.Ended()
		}
		return false
	}
}

// Accept implements net.Listener.
func (d *Listener) Accept() (net.Conn, error) {
	d.begun.Do(func() { go d.acceptAll() })
	select {
	case a := <-d.handed:
		return a.conn, a.err
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections go on: see Shutdown.
func (d *Listener) Close() error { return d.shut() }

// KeepAlive tells whether connections stay open behind an answer. Where they do not, those
// that are idle end at once; of new ones the first request may be on its way.
func (d *Listener) KeepAlive(stay bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.oneOff.Store(!stay || d.ends)
	if !stay {
		d.end(idle)
	}
}

// end closes the connections in a state.
func (d *Listener) end(state int32) {
	for c := range d.conns {
		if c.state.CompareAndSwap(state, over) {
			_ = c.tcp.Close()
		}
	}
}

// Shutdown closes the listener and all connections, each behind the answer that is under
// way. What is not answered when ctx ends is cut.
func (d *Listener) Shutdown(ctx context.Context) error {
	err := d.Close()
	d.mu.Lock()
	d.ends = true
	d.oneOff.Store(true)
	d.end(fresh)
	d.end(idle)
	d.mu.Unlock()
	for d.open() > 0 {
		select {
		case <-d.gone:
		case <-ctx.Done():
			d.cut()
			return err
		}
	}
	return err
}

func (d *Listener) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}

func (d *Listener) cut() {
	d.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.tcp.Close()
	}
}

// leave takes a connection off the list: it has ended, or is net/http's now.
func (d *Listener) leave(c *conn) {
	d.mu.Lock()
	delete(d.conns, c)
	d.mu.Unlock()
	select {
	case d.gone <- struct{}{}:
	default:
	}
}
