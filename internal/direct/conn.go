package direct

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"mpblock/internal/lazyctx"
)

// What a request may be like.
const (
	room    = 4 << 10  // of a connection for what comes
	maxHead = 8 << 10  // beyond which a header is net/http's
	maxBody = 16 << 10 // and a body
)

// conn is a connection whose requests are answered here.
type conn struct {
	tcp    *net.TCPConn
	door   *Listener
	remote string
	state  atomic.Int32
	handed bool // to net/http

	in         []byte    // what has come and is not answered
	readUntil  time.Time // deadlines as they are set: to set one costs as much as to parse a call
	writeUntil time.Time

	head    []byte        // header of the request before
	request *http.Request // what that says
	body    body
	answer  answer
	breaks  int // line ends that may still stand before the next request
	watcher watcher
}

// States of a connection.
const (
	fresh int32 = iota // nothing has come at all
	idle               // nothing has come of the next request
	busy
	over
)

// body is that of a request, all of which is there.
type body struct{ bytes.Reader }

// Close implements io.Closer.
func (*body) Close() error { return nil }

// what came of looking for the next request.
type found int

const (
	whole   found = iota // it is there
	part                 // more must come
	foreign              // it is for net/http
	ended                // the connection is
)

// serve answers requests until the connection ends or is handed on.
func (c *conn) serve() {
	defer c.end()
	for {
		size, what := c.next()
		switch what {
		case whole:
		case foreign:
			c.handOn()
			return
		default:
			return
		}
		if !c.call(size) {
			return
		}
		c.in = append(c.in[:0], c.in[size:]...)
	}
}

// rest has a connection wait for the next request; not ok: there is to be none.
func (c *conn) rest() bool {
	c.body.Reset(nil)
	if cap(c.in) > 2*room {
		c.in = nil
	}
	c.state.CompareAndSwap(busy, idle)
	return !c.door.oneOff.Load() || !c.state.CompareAndSwap(idle, over)
}

// end is where a connection that was not handed on ends, whatever ended it.
func (c *conn) end() {
	if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // a panic's value
		c.door.Log.Error("a call panicked", "error", fmt.Sprintf("%v\n%s", v, debug.Stack()))
	}
	if c.handed {
		return
	}
	_ = c.tcp.Close()
	c.door.Ended()
	c.door.leave(c)
}

// handOn leaves the connection, and what has come, to net/http.
func (c *conn) handOn() {
	c.handed = true
	c.door.leave(c)
	_ = c.tcp.SetDeadline(time.Time{})
	c.door.hand(accepted{&resumed{TCPConn: c.tcp, first: c.in}, nil})
}

// resumed is a connection of which something has been read.
type resumed struct {
	*net.TCPConn
	first []byte
}

// Read implements net.Conn.
func (r *resumed) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.TCPConn.Read(b)
	}
	n := copy(b, r.first)
	if r.first = r.first[n:]; len(r.first) == 0 {
		r.first = nil
	}
	return n, nil
}

// WriteTo implements io.WriterTo, as that of the connection would leave out what has been read.
func (r *resumed) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{r}) }

// call answers the request that the first bytes are, and tells whether another may come.
func (c *conn) call(size int) bool {
	ctx := lazyctx.Watched(c.door.ctx, c.watch)
	defer ctx.End()
	r := c.request.WithContext(ctx)
	r.Body = http.NoBody
	if r.ContentLength > 0 {
		c.body.Reset(c.in[len(c.head):size])
		r.Body = &c.body
	}
	c.answer.begin()
	c.door.Handler.ServeHTTP(&c.answer, r)
	return c.answer.finish()
}

// next waits for the next request and returns how many bytes it has.
func (c *conn) next() (size int, what found) {
	c.breaks = 0
	if c.request != nil && c.request.Method == http.MethodPost {
		c.breaks = 4 // which net/http forgives old programs behind the body
	}
	for begun := false; ; {
		if size, what = c.look(); what != part {
			return size, what
		}
		if len(c.in) == 0 && !c.rest() {
			return 0, ended
		}
		err := c.limit(begun)
		begun = len(c.in) > 0
		if err == nil {
			err = c.read()
		}
		switch {
		case err == nil:
		case len(c.in) == 0, c.state.Load() == over:
			return 0, ended
		default:
			return 0, foreign // net/http knows what to say to it
		}
	}
}

// limit sets until when more may come. The time of a request that has begun runs already.
func (c *conn) limit(begun bool) error {
	var until time.Time
	switch now := time.Now(); {
	case begun:
		return nil
	case len(c.in) > 0:
		until = now.Add(c.door.Part)
	case c.state.Load() == fresh:
		until = now.Add(c.door.First)
	case c.readUntil.Before(now.Add(c.door.Idle)):
		until = now.Add(c.door.Idle + c.door.Idle/4) // so that it is not set for each request
	default:
		return nil
	}
	c.readUntil = until
	return c.tcp.SetReadDeadline(until)
}

// read reads more of a request. What comes over a connection that was closed as idle
// meanwhile is not answered: nobody would hear of what it has changed.
func (c *conn) read() error {
	if cap(c.in)-len(c.in) < room/2 {
		c.in = append(make([]byte, 0, 2*cap(c.in)+room), c.in...)
	}
	n, err := c.tcp.Read(c.in[len(c.in):cap(c.in)])
	if n == 0 {
		return err
	}
	c.in = c.in[:len(c.in)+n]
	if was := c.state.Load(); was == over || was != busy && !c.state.CompareAndSwap(was, busy) {
		return net.ErrClosed
	}
	return nil
}

// look tells what of a request has come.
func (c *conn) look() (size int, what found) {
	for ; c.breaks > 0 && len(c.in) > 0; c.breaks-- {
		if c.in[0] != '\r' && c.in[0] != '\n' {
			c.breaks = 0
			break
		}
		c.in = append(c.in[:0], c.in[1:]...)
	}
	switch {
	case len(c.in) == 0:
		return 0, part
	case !begins(c.in, "POST /cgi-bin/") && !begins(c.in, "GET /cgi-bin/"):
		return 0, foreign
	}
	at := bytes.Index(c.in, []byte("\r\n\r\n"))
	switch {
	case at > maxHead, at < 0 && len(c.in) > maxHead:
		return 0, foreign
	case at < 0:
		return 0, part
	}
	head := c.in[:at+4]
	if !bytes.Equal(head, c.head) {
		if c.request = c.parse(head); c.request == nil {
			return 0, foreign
		}
		c.head = append(c.head[:0], head...)
	}
	if size = len(head) + int(c.request.ContentLength); size > len(c.in) {
		return 0, part
	}
	return size, whole
}

// begins tells whether bytes begin with a text, as far as they go.
func begins(b []byte, text string) bool {
	n := min(len(b), len(text))
	return string(b[:n]) == text[:n]
}

// parse reads a header; nil: it is net/http's.
func (c *conn) parse(head []byte) *http.Request {
	if !strict(head) {
		return nil
	}
	in := bufio.NewReader(bytes.NewReader(head))
	r, err := http.ReadRequest(in)
	if err != nil || in.Buffered() > 0 || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.Close || len(r.TransferEncoding) > 0 ||
		r.ContentLength < 0 || r.ContentLength > maxBody || r.URL.RawPath != "" || !c.door.Takes(r.URL.Path) {
		return nil
	}
	for name, values := range r.Header {
		if strings.ContainsFunc(name, notInName) {
			return nil
		}
		switch name {
		case "Expect", "Upgrade", "Trailer", "Transfer-Encoding", "Te", "Http2-Settings":
			return nil
		case "Connection":
			if len(values) != 1 || !strings.EqualFold(values[0], "keep-alive") {
				return nil
			}
		}
	}
	if len(r.Host) == 0 || strings.ContainsFunc(r.Host, notInHost) {
		return nil
	}
	r.RemoteAddr = c.remote
	return r
}

// notInName tells what net/http refuses, or what nobody calls a header, of names.
func notInName(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// notInHost tells what net/http refuses, or what is in few hosts, of theirs.
func notInHost(r rune) bool { return notInName(r) && !strings.ContainsRune(".:[]", r) }

// strict tells whether a header is written as the standard wants it: lines end with both
// characters, none goes on in the next, and all is visible ASCII.
func strict(head []byte) bool {
	for i, b := range head {
		switch {
		case b == '\n':
			if i == 0 || head[i-1] != '\r' || i+1 < len(head) && (head[i+1] == ' ' || head[i+1] == '\t') {
				return false
			}
		case b == '\r':
			if i+1 == len(head) || head[i+1] != '\n' {
				return false
			}
		case b != '\t' && (b < ' ' || b > '~'):
			return false
		}
	}
	return true
}
