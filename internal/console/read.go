package console

import (
	"strings"

	"mpblock/internal/jobs"
	"mpblock/internal/lines"
)

// How what internal/lines reads and refuses is said in the language of the visitor.

// unreadWords are the messages of lines.Error, by its key.
var unreadWords = map[string]msg{
	lines.ErrWorkbookOld:   msg("unread.workbook_old"),
	lines.ErrWorkbookBad:   msg("unread.workbook_bad"),
	lines.ErrWorkbookLarge: msg("unread.workbook_large"),
	lines.ErrBinary:        msg("unread.binary"),
	lines.ErrJSON:          msg("unread.json"),
	lines.ErrTooManyBad:    msg("unread.too_many"),
}

// badWords are the messages of lines.Problem, by its key.
var badWords = map[string]msg{
	lines.BadLength:    msg("line.length"),
	lines.BadStart:     msg("line.start"),
	lines.BadCharacter: msg("line.character"),
	lines.BadEnd:       msg("line.end"),
	lines.BadInvisible: msg("line.invisible"),
	lines.BadNone:      msg("line.none"),
	lines.BadBesides:   msg("line.besides"),
	lines.BadOther:     msg("line.other"),
	lines.BadComment:   msg("line.comment"),
	lines.BadLong:      msg("line.long"),
	lines.BadEmpty:     msg("line.empty"),
	lines.BadColumns:   msg("line.columns"),
	lines.BadJSON:      msg("line.json"),
	lines.BadField:     msg("line.field"),
	lines.BadType:      msg("line.type"),
}

// unread says why an input cannot be read.
func (v *visit) unread(e *lines.Error) string {
	if e.Key == lines.ErrBinary { // what it seems to be has a name in English alone
		return v.say(unreadWords[e.Key])
	}
	return v.say(unreadWords[e.Key], e.Args...)
}

// whyRefused says why a line was refused.
func (v *visit) whyRefused(r jobs.RefusedLine) string {
	words, ok := badWords[r.Key]
	if !ok {
		return v.why(r.Why)
	}
	args := make([]any, len(r.Args))
	for i, a := range r.Args {
		args[i] = a
	}
	return v.say(words, args...)
}

// wasRead says what was read of an input, and what was left aside.
func (v *visit) wasRead(s lines.Summary) string {
	var b strings.Builder
	if s.Name != "" {
		b.WriteString(v.say(msg("read.name"), s.Name))
	}
	b.WriteString(v.say(msg("read.openids"), s.OpenIDs))
	switch {
	case s.Columns > 1:
		b.WriteString(v.say(msg("read.columns"), s.Columns))
	case s.Column > 0 && s.Heading != "":
		b.WriteString(v.say(msg("read.named"), s.Column, s.Heading))
	case s.Column > 0:
		b.WriteString(v.say(msg("read.column"), s.Column))
	}
	if s.Sheets > 0 {
		b.WriteString(v.say(msg("read.sheet"), s.Sheet))
	}
	if s.Sheets > 1 {
		b.WriteString(v.say(msg("read.sheets"), s.Sheets-1))
	}
	if s.Encoding != lines.UTF8 {
		b.WriteString(v.say(msg("read.encoding"), string(s.Encoding)))
	}
	if s.Ignored > 0 {
		b.WriteString(v.say(msg("read.ignored"), s.Ignored))
	}
	if s.Elsewhere > 0 {
		b.WriteString(v.say(msg("read.elsewhere"), s.Elsewhere))
	}
	return b.String() + v.say(msg("read.end"))
}
