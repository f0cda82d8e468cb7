package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// readSize is how much of a body is read at a time. It stays in the processor's
// cache, where a page of 310 KB would not.
const readSize = 64 << 10

// Conn is a connection of the load: requests go out as bytes that were made
// before, and of an answer only what is checked is kept. Everything that a client
// library does beside that would be paid by the server on the same cores.
type Conn struct {
	net.Conn
	Request []byte // reused by those who make requests
	buf     []byte
	whole   []byte // the body of an answer that is looked at as a whole
}

// Dial connects to a server.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, buf: make([]byte, readSize)}, nil
}

// AppendPost appends a whole request.
func AppendPost(b []byte, path, body string) []byte {
	b = AppendHead(b, path, len(body))
	return append(b, body...)
}

// AppendHead appends a request as far as its body, the length of which is known.
func AppendHead(b []byte, path string, length int) []byte {
	b = append(b, "POST "...)
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(length), 10)
	return append(b, "\r\n\r\n"...)
}

// Exchange sends a request and reads its answer. It returns the whole body, or
// what came of it with the head if it is not kept. Any answer but a 200 of a known
// length is an error.
func (c *Conn) Exchange(request []byte, keep bool) (body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	n, head := 0, -1
	for head < 0 {
		if n == len(c.buf) {
			return nil, fmt.Errorf("a head of more than %d bytes", n)
		}
		more, err := c.Read(c.buf[n:])
		if err != nil {
			return nil, err
		}
		n += more
		head = bytes.Index(c.buf[:n], []byte("\r\n\r\n"))
	}
	length, err := bodyLength(c.buf[:head+2])
	if err != nil {
		return nil, err
	}
	first := c.buf[head+4 : n]
	left := length - len(first)
	if left < 0 {
		return nil, fmt.Errorf("%d bytes more than the Content-Length of %d", -left, length)
	}
	if keep {
		return c.keep(first, length)
	}
	for left > 0 { // what came with the head stays where it is
		more, err := c.Read(c.spare()[:min(left, readSize)])
		if err != nil {
			return nil, err
		}
		left -= more
	}
	return first, nil
}

// spare returns room for what is read and not looked at.
func (c *Conn) spare() []byte {
	if len(c.whole) < readSize {
		c.whole = make([]byte, readSize)
	}
	return c.whole[:readSize]
}

func (c *Conn) keep(first []byte, length int) ([]byte, error) {
	if cap(c.whole) < length {
		c.whole = make([]byte, length)
	}
	c.whole = c.whole[:cap(c.whole)]
	body := c.whole[:length]
	for n := copy(body, first); n < length; {
		more, err := c.Read(body[n:])
		if err != nil {
			return nil, err
		}
		n += more
	}
	return body, nil
}

// bodyLength reads a head, which ends with the line feed of its last line.
func bodyLength(head []byte) (int, error) {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("answered with %q", head[:min(len(head), 60)])
	}
	const name = "\r\nContent-Length: "
	_, rest, found := bytes.Cut(head, []byte(name))
	digits, _, ended := bytes.Cut(rest, []byte("\r\n"))
	if !found || !ended {
		return 0, errors.New("answered without a Content-Length")
	}
	return strconv.Atoi(string(digits))
}
