package lines

import (
	"encoding/csv"
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
	if still, _, _ := quotes(p.text, t.delimiter, false); !still {
		return p.text, true, nil
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
		lines = append(lines, next)
		if size += len(next.text); !next.ends {
			break
		}
		text, n, more := assemble(lines, t.delimiter)
		if n == len(lines) {
			return text, true, nil
		}
		if !more {
			break
		}
	}
	s.unread(lines[1:]...)
	return p.text, false, nil
}

// assemble returns the first record of some lines and how many of them it takes: one,
// where a quote is a stray one or not closed in them; more tells that further lines
// may close it.
func assemble(lines []physical, d rune) (text string, n int, more bool) {
	first := cutMark(lines[0].text)
	text = first
	still, _, _ := quotes(text, d, false)
	for n = 1; still; n++ {
		if n == len(lines) {
			return first, 1, n < maxRecord
		}
		next := cutMark(lines[n].text)
		var inside int
		var proper bool
		still, inside, proper = quotes(next, d, true)
		if !proper || suspect(next[:inside]) {
			return first, 1, false
		}
		text += "\n" + next
	}
	return text, n, false
}

// quotes tells of a line, which begins inside of a quoted field or not, whether such
// a field goes on behind its end, how much of it is inside the one it began with, and
// whether each quote that closes is followed by the end of the cell.
func quotes(line string, d rune, quoted bool) (still bool, inside int, proper bool) {
	if quoted {
		inside = len(line)
	}
	begun, proper, start := quoted, true, !quoted
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			i++
		case quoted && c == '"':
			if quoted = false; begun {
				inside, begun = i, false
			}
			rest := strings.TrimLeft(line[i+1:], " ")
			proper = proper && (rest == "" || strings.HasPrefix(rest, string(d)))
		case quoted:
		case c == '"' && start:
			quoted = true
		case rune(c) == d:
			start = true
			continue
		case c == ' ':
			continue
		}
		start = false
	}
	return quoted, inside, proper
}

// split returns the cells of a row. Where its quotes are not to be trusted they
// count as any other character.
func split(row string, d rune, stray bool) []string {
	if !stray && strings.IndexByte(row, '"') >= 0 {
		c := csv.NewReader(strings.NewReader(row))
		c.Comma, c.LazyQuotes, c.TrimLeadingSpace, c.FieldsPerRecord = d, true, d != '\t', -1
		if cells, err := c.Read(); err == nil {
			return cells
		}
	}
	return strings.Split(row, string(d))
}

// records returns the rows of a sample.
func records(sample []physical, d rune) (rows [][]string) {
	for len(sample) > 0 {
		text, n, _ := assemble(sample, d)
		sample = sample[n:]
		if !blank(text) {
			rows = append(rows, split(text, d, false))
		}
	}
	return rows
}
