package lines

import (
	"errors"
	"io"
	"strings"
)

// maxRecord is how many lines a quoted field may go over.
const maxRecord = 100

// record returns a line with those in which a quoted field of it goes on. A quote
// that would swallow an OpenID, or is never closed, is a stray one: then it is the
// line alone, and whole is false.
func (t *table) record(s *source, p physical) (text string, whole bool, err error) {
	begins := opens(p.text, t.delimiter)
	if begins == closes {
		return p.text, true, nil
	}
	if begins == stray {
		return p.text, false, nil
	}
	lines := []physical{p}
	for size := len(p.text); len(lines) < maxRecord && size < MaxLine; {
		next, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", false, err
		}
		next.inside = next.follow(t.delimiter)
		lines = append(lines, next)
		if size += len(next.text); next.inside == stray || !next.ends {
			break
		}
		if next.inside == closes {
			return join(lines), true, nil
		}
	}
	s.unread(lines[1:]...)
	return p.text, false, nil
}

// assemble returns the first record of some lines and how many of them it takes: one,
// where a quote is a stray one or not closed in them.
func assemble(lines []physical, d rune) (text string, n int) {
	is := opens(cutMark(lines[0].text), d)
	for n = 1; is == goesOn && n < min(len(lines), maxRecord); n++ {
		is = lines[n].follow(d)
	}
	if is != closes {
		return cutMark(lines[0].text), 1
	}
	return join(lines[:n]), n
}

func join(lines []physical) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(cutMark(l.text))
	}
	return b.String()
}

// inside is what a line is to the quoted fields in it.
type inside byte

const (
	unknown inside = iota
	stray          // a field would swallow an OpenID, or ends in the middle of a cell
	closes         // no field goes on behind it
	goesOn
)

// opens tells what the first line of a record is.
func opens(line string, d rune) inside {
	switch still, at, _ := quotes(line, d, false); {
	case !still:
		return closes
	case suspect(line[at:]):
		return stray
	}
	return goesOn
}

// follow tells what a line is to a quoted field before it. It is kept with the line,
// since each of many lines may begin such a field.
func (p physical) follow(d rune) inside {
	if p.inside != unknown {
		return p.inside
	}
	line := cutMark(p.text)
	still, within, proper := quotes(line, d, true)
	switch {
	case !proper || suspect(line[:within]):
		return stray
	case still:
		return goesOn
	}
	return closes
}

// quotes tells of a line, which begins inside of a quoted field or not, whether such
// a field goes on behind its end, where the field that it began with ends, or else the
// last one begins, and whether each quote that closes is followed by the end of the
// cell.
func quotes(line string, d rune, quoted bool) (still bool, at int, proper bool) {
	if quoted {
		at = len(line)
	}
	begun, first, proper, start := quoted, quoted, true, !quoted
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			i++
		case quoted && c == '"':
			if quoted = false; first {
				at, first = i, false
			}
			proper = proper && cellEnds(line[i+1:], d)
		case quoted:
		case c == '"' && start:
			if quoted = true; !begun {
				at = i
			}
		case rune(c) == d:
			start = true
			continue
		case c == ' ':
			continue
		}
		start = false
	}
	return quoted, at, proper
}

// split returns the cells of a row, with quotes as quotes sees them. Where they are not
// to be trusted they count as any other character.
func split(row string, d rune, stray bool) []string {
	if stray || strings.IndexByte(row, '"') < 0 {
		return strings.Split(row, string(d))
	}
	var cells []string
	var cell []byte
	quoted, start := false, true
	for i := 0; i < len(row); i++ {
		c := row[i]
		switch {
		case quoted && c == '"' && i+1 < len(row) && row[i+1] == '"':
			cell = append(cell, c)
			i++
		case quoted && c == '"':
			if quoted = false; !cellEnds(row[i+1:], d) { // what was quoted is not joined with what follows
				cell = append(cell, c)
			}
		case !quoted && c == '"' && start:
			quoted = true
		case !quoted && rune(c) == d:
			cells, cell, start = append(cells, string(cell)), cell[:0], true
			continue
		default:
			if cell = append(cell, c); c == ' ' && !quoted {
				continue
			}
		}
		start = false
	}
	if quoted {
		return strings.Split(row, string(d))
	}
	return append(cells, string(cell))
}

// cellEnds tells whether a cell ends before a text, but for blanks.
func cellEnds(rest string, d rune) bool {
	rest = strings.TrimLeft(rest, " ")
	return rest == "" || strings.HasPrefix(rest, string(d))
}

// records returns the rows of a sample.
func records(sample []physical, d rune) (rows [][]string) {
	for len(sample) > 0 {
		text, n := assemble(sample, d)
		sample = sample[n:]
		if !blank(text) {
			rows = append(rows, split(text, d, false))
		}
	}
	return rows
}
