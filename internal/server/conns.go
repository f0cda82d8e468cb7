package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"mpblock/internal/direct"
)

// Connections and the store take from one number of open files, which the system
// limits. A store that gets no file for a table refuses all writes, so connections are
// capped below it.

// anyFiles stands for no limit of open files.
const anyFiles = 1 << 20

// opsConns is how many connections there may be to metrics and profiles.
const opsConns = 64

// tablesOf returns how many tables the embedded store may keep open, of a limit of open
// files.
func tablesOf(limit int) int { return min(1_000, limit/4) }

// connsOf returns how many connections may be open: what is left beside the tables, and
// a hundred files for logs, sockets, databases and uploads, but half of all at least.
func connsOf(limit int) int { return max(limit-tablesOf(limit)-100, limit/2) }

// warnEvery is how often the log says the same of connections.
const warnEvery = time.Minute

// capped is a listener with room for some connections at a time. Where there is none
// left, those that are idle are closed, and the next one waits until one of the others
// ends; those behind it wait in the system's queue.
type capped struct {
	net.Listener
	srv    *http.Server
	others *direct.Listener // those that are not srv's; may be nil
	places chan struct{}
	log    *slog.Logger
	warned atomic.Int64 // Unix nanoseconds
}

// capConns returns a listener for a server with room for so many connections.
func capConns(l net.Listener, srv *http.Server, conns int, log *slog.Logger) *capped {
	c := &capped{Listener: l, srv: srv, places: make(chan struct{}, conns), log: log}
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed || s == http.StateHijacked {
			c.ended()
		}
	}
	return c
}

// ended is told of each connection that has ended.
func (c *capped) ended() { <-c.places }

// keepAlive tells whether connections stay open behind an answer; those that are idle end
// where they do not.
func (c *capped) keepAlive(stay bool) {
	if c.others != nil {
		c.others.KeepAlive(stay)
	}
	c.srv.SetKeepAlivesEnabled(stay)
}

// Accept implements net.Listener.
func (c *capped) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		if !errors.Is(err, net.ErrClosed) {
			c.warn("a connection could not be accepted: are all open files in use?", "error", err)
		}
		return nil, err
	}
	select {
	case c.places <- struct{}{}:
	default:
		c.warn("all connections are in use: those that are idle are closed, new ones wait; raise the limit of open files (ulimit -n, LimitNOFILE=) or have a proxy share its connections",
			"connections", cap(c.places))
		c.keepAlive(false) // ends those that are idle, and others with their answer
		c.places <- struct{}{}
		c.keepAlive(true)
	}
	return conn, nil
}

func (c *capped) warn(what string, attrs ...any) {
	now := time.Now().UnixNano()
	if last := c.warned.Load(); (last == 0 || now-last >= int64(warnEvery)) && c.warned.CompareAndSwap(last, now) {
		c.log.Warn(what, attrs...)
	}
}
