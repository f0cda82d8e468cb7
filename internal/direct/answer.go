package direct

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is what a handler writes to. All that it writes leaves at once: with the pieces
// of a page, or when the handler has ended.
type answer struct {
	conn   *conn
	head   http.Header
	status int
	held   []byte // of the body
	sent   bool
	broken bool // there is no next one
	last   bool // and that is what the header says

	out    []byte      // header, and body where it is short
	pieces net.Buffers // what leaves, in one system call
	names  []string    // of the header
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.head }

// WriteHeader implements http.ResponseWriter. What tells of an answer to come is left out.
func (a *answer) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999: // as in net/http
		panic(fmt.Sprintf("a handler answers with a status of %d", status))
	case a.status == 0 && status >= http.StatusOK:
		a.status = status
	}
}

// bodiless tells whether the answer is one that has no body.
func (a *answer) bodiless() bool {
	return a.status == http.StatusNoContent || a.status == http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	switch {
	case a.sent:
		a.broken = true
		return 0, http.ErrContentLength
	case a.bodiless():
		return 0, http.ErrBodyNotAllowed
	}
	a.status = cmp.Or(a.status, http.StatusOK)
	a.held = append(a.held, b...)
	return len(b), nil
}

// ReadFrom implements io.ReaderFrom. Pieces leave from where they lie.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	pieces, ok := r.(*net.Buffers)
	if !ok || a.sent || a.bodiless() {
		return io.Copy(struct{ io.Writer }{a}, r)
	}
	size := 0
	for _, p := range *pieces {
		size += len(p)
	}
	err := a.send(size, *pieces)
	*pieces = nil
	return int64(size), err
}

// begin makes it the answer of the next request.
func (a *answer) begin() {
	clear(a.head)
	a.status, a.held, a.sent, a.broken, a.last = 0, a.held[:0], false, false, false
}

// finish sends what is not sent, and tells whether there may be another answer.
func (a *answer) finish() bool {
	if !a.sent {
		_ = a.send(0, nil) // where it fails, it is broken
	}
	if cap(a.held) > 64<<10 {
		a.held, a.out = nil, nil
	}
	return !a.broken && !a.last && !a.conn.door.oneOff.Load()
}

// send sends header, what is held, and pieces of a size behind it.
func (a *answer) send(size int, pieces [][]byte) error {
	a.sent = true
	c, now := a.conn, time.Now()
	a.out = append(a.appendHead(a.out[:0], now, len(a.held)+size), a.held...)
	if left := c.writeUntil.Sub(now); left < c.door.Write {
		c.writeUntil = now.Add(2 * c.door.Write)
		_ = c.tcp.SetWriteDeadline(c.writeUntil) // a connection that is closed fails below
	}
	var err error
	if len(pieces) == 0 {
		_, err = c.tcp.Write(a.out)
	} else {
		all := append(append(a.pieces[:0], a.out), pieces...)
		a.pieces = all
		_, err = a.pieces.WriteTo(c.tcp)
		clear(all) // they may be of a list that goes
		a.pieces = all
	}
	a.broken = a.broken || err != nil
	return err
}

// appendHead appends the header of a body of a size, as net/http writes it.
func (a *answer) appendHead(b []byte, now time.Time, size int) []byte {
	status := cmp.Or(a.status, http.StatusOK)
	_, told := a.head["Content-Length"]
	switch {
	case status == http.StatusNotModified:
		delete(a.head, "Content-Type")
		fallthrough
	case status == http.StatusNoContent:
		delete(a.head, "Content-Length")
		told = true
	case told:
		a.head["Content-Length"] = append(a.head["Content-Length"][:0], strconv.Itoa(size))
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	if text := http.StatusText(status); text != "" {
		b = append(append(b, ' '), text...)
	} else {
		b = fmt.Appendf(b, " status code %d", status)
	}
	b = append(b, "\r\n"...)
	a.names = a.names[:0]
	for name := range a.head {
		a.names = append(a.names, name)
	}
	slices.Sort(a.names)
	for _, name := range a.names {
		for _, value := range a.head[name] {
			if strings.ContainsAny(value, "\r\n") {
				value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
			}
			b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
		}
	}
	b = append(append(b, "Date: "...), date(now)...)
	if !told {
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(size), 10)
	}
	if a.last = a.conn.door.oneOff.Load(); a.last {
		b = append(b, "\r\nConnection: close"...)
	}
	return append(b, "\r\n\r\n"...)
}

// dated is a second, as headers have it.
type dated struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[dated]

// date returns a time as headers have it.
func date(now time.Time) string {
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return d.text
}
