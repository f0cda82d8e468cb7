package api

import (
	"context"
	"io"
	"net"
	"net/http"
)

// A page has 310 KB in some thirty pieces of memory. net/http hands them to the
// connection as they are, but sends the header by itself first, and a second
// system call that wakes the client up once more costs as much as all that this
// package does for a page. So the connection holds the header back until the page
// is there, and both leave in one writev.

// connKey is the key of a connection in the context of its requests.
type connKey struct{}

// Listener returns a listener for a server without TLS that hands its connections
// to ConnContext.
func Listener(l net.Listener) net.Listener { return listener{l} }

// ConnContext goes into the http.Server of a Listener.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp}, nil
	}
	return c, err
}

// conn is a connection that can hold back what is written to it. One goroutine
// writes to it, that of the request at hand.
type conn struct {
	*net.TCPConn
	holds bool
	held  []byte
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.holds {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.TCPConn.Write(b)
}

// ReadFrom implements io.ReaderFrom, which net/http calls once the header is
// written. Of pieces it returns their own length, without what was held back.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	pieces, ok := r.(*net.Buffers)
	if !ok || !c.holds {
		return c.TCPConn.ReadFrom(r)
	}
	all := append(net.Buffers{c.held}, *pieces...)
	*pieces = nil
	n, err := all.WriteTo(c.TCPConn)
	n -= int64(len(c.held))
	c.held, c.holds = c.held[:0], false
	return max(n, 0), err
}

// sendPieces writes the body of an answer whose header says how long it is. What
// it returns of errors is of a client that is gone.
func sendPieces(w http.ResponseWriter, r *http.Request, pieces *net.Buffers) error {
	from, ok := w.(io.ReaderFrom)
	if !ok { // HTTP/2, or a test
		_, err := pieces.WriteTo(w)
		return err
	}
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		_, err := from.ReadFrom(pieces)
		return err
	}
	c.holds = true
	_, err := from.ReadFrom(pieces)
	c.holds = false
	if len(c.held) > 0 { // net/http had no use for ReadFrom
		_, err = c.TCPConn.Write(c.held)
		c.held = c.held[:0]
	}
	return err
}
