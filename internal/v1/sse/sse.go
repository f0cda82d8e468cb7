// Package sse writes server-sent events to one connection.
package sse

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// Writer collects events and sends them together. One goroutine uses it.
type Writer struct {
	Sent int // bytes of the body

	w       http.ResponseWriter
	control *http.ResponseController
	out     bytes.Buffer
}

// New returns the events of an answer.
func New(w http.ResponseWriter) *Writer {
	return &Writer{w: w, control: http.NewResponseController(w)}
}

// Begin writes the head, how soon a client is to come back, and the id behind which it then
// goes on, if it is cut before the first event.
func (s *Writer) Begin(id string) {
	head := s.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // of proxies that would hold events back
	head.Set("X-Content-Type-Options", "nosniff")
	s.out.WriteString("retry: 1000\nid: " + id + "\n\n")
}

// Event writes an event, of the usual kind where the name is "".
func (s *Writer) Event(name, id string, value any) {
	data, err := json.Marshal(value)
	if err != nil { // of our own types
		panic(err)
	}
	if name != "" {
		s.out.WriteString("event: " + name + "\n")
	}
	s.out.WriteString("id: " + id + "\ndata: ")
	s.out.Write(data)
	s.out.WriteString("\n\n")
}

// Nothing writes a line that says nothing, for who watches whether something comes.
func (s *Writer) Nothing() { s.out.WriteString(":\n\n") }

// Send sends what is written, which is to have left by a time: who does not read is cut.
func (s *Writer) Send(by time.Time) error {
	if s.out.Len() == 0 {
		return nil
	}
	_ = s.control.SetWriteDeadline(by) // fails in tests without a connection
	n, err := s.w.Write(s.out.Bytes())
	s.Sent += n
	if s.out.Reset(); s.out.Cap() > maxKept {
		s.out = bytes.Buffer{}
	}
	if err != nil {
		return err
	}
	return s.control.Flush()
}

// maxKept is how much memory a stream keeps for the next event.
const maxKept = 16 << 10
