package lines

import (
	"regexp"
	"strings"

	"mpblock"
)

// mark is what mpblock writes behind a line that it refused, with its number and what
// was wrong, or with the code of the refusal.
var mark = regexp.MustCompile(`\t# (line [0-9,]+: |-?[0-9]+ )[^\t]*$`)

// Refused returns a line for a file of refused lines: what was there, and why it was
// refused. Read leaves the reason away when it reads that file, so that nothing grows.
// The Head of the line belongs above those that have the same.
func Refused(l Line, why error) string {
	raw := strings.TrimRight(l.Raw, "\r\n")
	return raw + "\t# line " + itoa(l.Number) + ": " + oneLine(why.Error()) + "\n"
}

// RefusedCode returns such a line for an OpenID that a server refused with a code. Of the
// text nobody else is read.
func RefusedCode(openid string, code int, text string) string {
	return openid + "\t# " + itoa(code) + " " + oneLine(Mentioned(text)) + "\n"
}

// Mentioned returns the text of a bad line for a list of what was refused, where who
// reads that again is to find nobody whose OpenID only stands in it, and is to find it
// bad again: not a comment.
func Mentioned(text string) string {
	var b strings.Builder
	for {
		token, rest := nextToken(text)
		b.WriteString(text[:len(text)-len(rest)-len(token)])
		if token == "" {
			return strings.TrimLeft(b.String(), "# \t")
		}
		if _, err := mpblock.ParseOpenID(token); err == nil {
			token = "…"
		}
		b.WriteString(token)
		text = rest
	}
}

// cutMark takes the mark away that is behind a line.
func cutMark(line string) string {
	if !strings.Contains(line, "\t# ") {
		return line
	}
	at := mark.FindStringIndex(line)
	if at == nil {
		return line
	}
	if ids, _ := scan(line[at[0]:]); len(ids) > 0 { // somebody else wrote it
		return line
	}
	return line[:at[0]]
}

// text reads what is neither JSON nor a workbook.
func (r *reader) text(s *source) error {
	t, err := r.sniffTable(s)
	if err != nil {
		return err
	}
	r.sum.Form = t.form()
	for {
		p, err := s.next()
		if err != nil {
			return atEnd(err)
		}
		marked := false
		if p.begins && p.ends {
			line := cutMark(p.text)
			p.text, marked = line, len(line) < len(p.text)
		}
		before := r.sum.OpenIDs + r.sum.Bad
		if err := t.line(s, p); err != nil {
			return err
		}
		if marked && r.sum.OpenIDs+r.sum.Bad == before {
			if err := r.refusedBefore(p.number, p.text); err != nil {
				return err
			}
		}
	}
}

// refusedBefore hands over a line that was refused before, and has nothing in it now that
// would be missed: what it was is gone, but not that somebody was meant by it.
func (r *reader) refusedBefore(number int, line string) error {
	return r.bad(number, line, line, problem(BadNone))
}

// free reads the OpenIDs of a line, whatever separates them.
func (r *reader) free(number int, line, raw string) error {
	body, comment := cutComment(line)
	ids, others := scan(body)
	for _, id := range ids {
		if err := r.openid(number, id, ""); err != nil {
			return err
		}
	}
	if suspect(comment) {
		if len(ids) > 0 { // which were handed over
			raw = line[len(body):]
		}
		return r.bad(number, line, raw, problem(BadComment))
	}
	if len(ids) > 0 {
		if what, found := damaged(len(ids), others); found {
			return r.bad(number, what, what, problem(BadBesides))
		}
		return nil
	}
	if blank(body) || r.nothingYet() && isTitle(body) {
		return nil
	}
	return r.bad(number, body, raw, explain(body))
}

// cutComment separates a line from the comment behind it, which begins with # at the
// beginning of the line or behind a blank.
func cutComment(line string) (body, comment string) {
	for from := 0; ; {
		i := strings.IndexByte(line[from:], '#')
		if i < 0 {
			return line, ""
		}
		i += from
		if before := strings.TrimRight(line[:i], " \t\ufeff"); before == "" || len(before) < i {
			return line[:i], line[i+1:]
		}
		from = i + 1
	}
}

// long reads a line that is longer than MaxLine, piece by piece.
func (r *reader) long(s *source, p physical) error {
	for {
		if token, _ := nextToken(p.text); !p.ends && len(token) >= MaxLine/2 {
			if err := r.bad(p.number, token[:maxText], token[:maxText], problem(BadLong, MaxLine>>10)); err != nil {
				return err
			}
			return skipLine(s)
		}
		if err := r.free(p.number, p.text, clip(p.text)); err != nil || p.ends {
			return err
		}
		var err error
		if p, err = s.rest(); err != nil {
			return atEnd(err)
		}
	}
}

// skipLine reads what is left of a line.
func skipLine(s *source) error {
	for {
		p, err := s.rest()
		if err != nil || p.ends {
			return atEnd(err)
		}
	}
}
