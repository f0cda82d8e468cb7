package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

func trimHead(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
}

// isJSON tells whether an input is JSON as far as it is seen. One that breaks off is
// JSON still: what is behind the break is not there, and nobody may take it for read.
func isJSON(head []byte) bool {
	head = trimHead(head)
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(head))
	for n := 0; ; n++ {
		if _, err := d.Token(); err != nil {
			return n > 1 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
		}
	}
}

// jsonLines reads a JSON value a line.
func (r *reader) jsonLines(s *source) error {
	r.sum.Form = NDJSON
	for {
		p, err := s.next()
		if err != nil {
			return atEnd(err)
		}
		if !p.ends {
			if err := r.bad(p.number, p.text, clip(p.text), problem(BadLong, MaxLine>>10)); err != nil {
				return err
			}
			if err := skipLine(s); err != nil {
				return err
			}
			continue
		}
		line := strings.TrimPrefix(cutMark(p.text), "\ufeff")
		if blank(line) {
			if len(line) < len(strings.TrimPrefix(p.text, "\ufeff")) {
				if err := r.refusedBefore(p.number, line); err != nil {
					return err
				}
			}
			continue
		}
		if err := r.jsonLine(p.number, line); err != nil {
			return err
		}
	}
}

// jsonLine reads a line, of which nothing counts if it is not JSON to its end.
func (r *reader) jsonLine(number int, line string) error {
	if !json.Valid([]byte(line)) {
		var v any
		err := json.Unmarshal([]byte(line), &v)
		return r.bad(number, line, line, problem(BadJSON, reason(err)))
	}
	w := &walker{r: r, in: json.NewDecoder(strings.NewReader(line)), line: func() int { return number }, raw: line}
	return w.values()
}

// reason leaves the name of the package away from an error of encoding/json.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// jsonDocument reads JSON that goes over any number of lines.
func (r *reader) jsonDocument(in *bufio.Reader) error {
	r.sum.Form = JSON
	if head, _ := in.Peek(3); string(head) == "\ufeff" {
		_, _ = in.Discard(len(head))
	}
	m := &meter{in: in, line: 1}
	w := &walker{r: r, in: json.NewDecoder(m)}
	w.line = func() int { return m.lineAt(w.in.InputOffset()) }
	w.after = func() {
		m.since = 0
		m.lineAt(w.in.InputOffset()) // so that no line ends gather
	}
	err := w.values()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errLong) || errors.Is(err, errDeep) {
		return &Error{Key: ErrJSON, Args: []any{m.lineAt(w.in.InputOffset()), reason(err)}, Hint: "mend it there: a part of a file is not taken for the whole"}
	}
	return err
}

var (
	errLong = fmt.Errorf("a value longer than %d KiB", MaxLine>>10)
	errDeep = fmt.Errorf("more than %d values inside of each other", maxDepth)
)

// meter counts lines, and ends the reading of a value that does not end.
type meter struct {
	in    io.Reader
	since int     // bytes that were read since the last token
	read  int64   // in all
	line  int     // at the last offset that was asked for
	ends  []int64 // offsets of line ends
	at    int     // of the first of them behind that offset
}

func (m *meter) Read(b []byte) (int, error) {
	if m.since > 2*MaxLine {
		return 0, errLong
	}
	n, err := m.in.Read(b)
	m.ends, m.at = append(m.ends[:0], m.ends[m.at:]...), 0
	for i, c := range b[:n] {
		if c == '\n' {
			m.ends = append(m.ends, m.read+int64(i))
		}
	}
	m.since += n
	m.read += int64(n)
	return n, err
}

func (m *meter) lineAt(offset int64) int {
	for m.at < len(m.ends) && m.ends[m.at] < offset {
		m.at++
		m.line++
	}
	return m.line
}

// maxDepth is how many values may stand inside of each other.
const maxDepth = 64

// walker finds the OpenIDs in JSON: the strings under a name of OpenIDs, and those of
// a list in which there is an OpenID.
type walker struct {
	r     *reader
	in    *json.Decoder
	line  func() int
	after func() // told of each token; may be nil
	raw   string // the line, where the value has one of its own
}

func (w *walker) token() (json.Token, error) {
	t, err := w.in.Token()
	if w.after != nil {
		w.after()
	}
	return t, err
}

// values reads all values there are.
func (w *walker) values() error {
	for {
		t, err := w.token()
		if err != nil {
			return atEnd(err)
		}
		at := w.line()
		found, err := w.value(t, place{wanted: true}, 0)
		if err != nil {
			return err
		}
		if _, isText := t.(string); !found && !isText {
			if err := w.bad(at, "", problem(BadField)); err != nil {
				return err
			}
		}
	}
}

// place is where a value stands.
type place struct {
	wanted bool  // an OpenID is to be there
	list   *list // the list that it is an element of
}

// list is a list while it is read. What is no OpenID in it is bad as soon as there is
// an OpenID; until then it waits.
type list struct {
	found   bool
	waiting []waiting
}

type waiting struct {
	line int
	text string
	why  *Problem
}

// maxWaiting is how many values may wait in a list; a list that begins with more
// that are no OpenIDs is none of OpenIDs.
const maxWaiting = 1_000

// value reads the value that begins with a token, and tells whether there was an
// OpenID in it, or what is in place of one.
func (w *walker) value(t json.Token, p place, depth int) (found bool, err error) {
	if depth > maxDepth {
		return false, errDeep
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			at := w.line()
			if found, err = w.object(depth); err == nil && !found && p.wanted && depth > 0 {
				return true, w.bad(at, "", problem(BadType, "object"))
			}
			return found, err
		}
		return w.array(p, depth)
	case string:
		return w.text(v, p)
	case nil:
		return w.other("null", p)
	case bool:
		return w.other("boolean", p)
	}
	return w.other("number", p)
}

// text reads a string.
func (w *walker) text(s string, p place) (bool, error) {
	ids, others := scan(s)
	if !p.wanted && p.list == nil {
		w.r.sum.Elsewhere += len(ids)
		return false, nil
	}
	for _, id := range ids {
		if err := w.r.openid(w.line(), id, w.raw); err != nil {
			return true, err
		}
	}
	if what, found := damaged(len(ids), others); len(ids) > 0 && found {
		return true, w.bad(w.line(), what, problem(BadBesides))
	}
	if len(ids) > 0 {
		return true, w.settle(p.list)
	}
	return w.none(s, func() *Problem { return explain(s) }, p)
}

// other reads what is neither a string nor has anything inside.
func (w *walker) other(kind string, p place) (bool, error) {
	return w.none("", func() *Problem { return problem(BadType, kind) }, p)
}

// none deals with what is no OpenID where one may be wanted.
func (w *walker) none(text string, why func() *Problem, p place) (bool, error) {
	switch {
	case p.wanted, p.list != nil && p.list.found:
		return true, w.bad(w.line(), text, why())
	case p.list != nil && len(p.list.waiting) < maxWaiting:
		p.list.waiting = append(p.list.waiting, waiting{w.line(), short(text), why()})
	}
	return false, nil
}

// short returns a text as far as it may wait.
func short(text string) string {
	if len(text) > 1<<10 {
		return strings.Clone(clip(text))
	}
	return text
}

// settle hands over what waits in a list, now that there is an OpenID in it.
func (w *walker) settle(l *list) error {
	if l == nil {
		return nil
	}
	l.found = true
	for _, old := range l.waiting {
		if err := w.bad(old.line, old.text, old.why); err != nil {
			return err
		}
	}
	l.waiting = nil
	return nil
}

func (w *walker) array(p place, depth int) (found bool, err error) {
	l := &list{found: p.wanted && depth > 0} // under a name of OpenIDs all are wanted
	for {
		t, err := w.token()
		if err != nil {
			return found, unexpected(err)
		}
		if t == json.Delim(']') {
			return found || l.found, nil
		}
		one, err := w.element(t, l, depth)
		if err != nil {
			return found, err
		}
		found = found || one
	}
}

// element reads an element of a list. An object without an OpenID is bad beside
// others that have one.
func (w *walker) element(t json.Token, l *list, depth int) (bool, error) {
	d, _ := t.(json.Delim)
	if d == 0 {
		return w.value(t, place{list: l}, depth+1)
	}
	at := w.line()
	found, err := w.value(t, place{}, depth+1)
	switch {
	case err != nil:
	case found:
		err = w.settle(l)
	case l.found:
		err = w.bad(at, "", problem(BadField))
	case len(l.waiting) < maxWaiting:
		l.waiting = append(l.waiting, waiting{at, "", problem(BadField)})
	}
	return found, err
}

func (w *walker) object(depth int) (found bool, err error) {
	for {
		t, err := w.token()
		if err != nil {
			return found, unexpected(err)
		}
		name, ok := t.(string)
		if !ok { // the end
			return found, nil
		}
		if t, err = w.token(); err != nil {
			return found, unexpected(err)
		}
		if isCursor(name) { // the last OpenID of a page, again
			continue
		}
		keys, _ := scan(name)
		w.r.sum.Elsewhere += len(keys)
		one, err := w.value(t, place{wanted: isName(name)}, depth+1)
		if err != nil {
			return found, err
		}
		found = found || one
	}
}

// isCursor tells the field of a page that names its last OpenID.
func isCursor(name string) bool { return name == "next_openid" }

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bad hands over a bad value, with its line where it has one of its own.
func (w *walker) bad(line int, text string, why *Problem) error {
	raw := w.raw
	if raw == "" {
		b, err := json.Marshal(text)
		if err != nil { // a string is never refused
			b = []byte(`""`)
		}
		raw = string(b)
	}
	if text == "" {
		text = w.raw
	}
	return w.r.bad(line, text, raw, why)
}
