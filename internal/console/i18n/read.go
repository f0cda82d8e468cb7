package i18n

import (
	"strings"

	"mpblock"
	"mpblock/internal/lines"
)

// How what internal/lines reads and refuses is said in a language.

type msg = Msg

// unreadWords are the messages of lines.Error, by its key.
var unreadWords = map[string]msg{
	lines.ErrWorkbookOld:   msg("unread.workbook_old"),
	lines.ErrWorkbookBad:   msg("unread.workbook_bad"),
	lines.ErrWorkbookLarge: msg("unread.workbook_large"),
	lines.ErrBinary:        msg("unread.binary"),
	lines.ErrJSON:          msg("unread.json"),
	lines.ErrShifted:       msg("unread.shifted"),
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

// Unread says why an input cannot be read.
func (l Lang) Unread(e *lines.Error) string {
	if e.Key == lines.ErrBinary { // what it seems to be has a name in English alone
		return l.Say(unreadWords[e.Key])
	}
	return l.Say(unreadWords[e.Key], e.Args...)
}

// BadLine says what is wrong with a line, by the key and the arguments of its Problem;
// false if there is no such key.
func (l Lang) BadLine(key string, args []string) (string, bool) {
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = a
	}
	if words, ok := badWords[key]; ok {
		return l.Say(words, all...), true
	}
	if _, ok := errorWords[Msg(key)]; ok {
		return l.Refused(&mpblock.Error{Key: key, Args: all}), true
	}
	return "", false
}

// WasRead says what was read of an input, and what was left aside.
func (l Lang) WasRead(s lines.Summary) string {
	var b strings.Builder
	if s.Name != "" {
		b.WriteString(l.Say(msg("read.name"), s.Name))
	}
	b.WriteString(l.Say(msg("read.openids"), s.OpenIDs))
	switch {
	case s.Columns > 1:
		b.WriteString(l.Say(msg("read.columns"), s.Columns))
	case s.Column > 0 && s.Heading != "":
		b.WriteString(l.Say(msg("read.named"), s.Column, s.Heading))
	case s.Column > 0:
		b.WriteString(l.Say(msg("read.column"), s.Column))
	}
	if s.Sheets > 0 {
		b.WriteString(l.Say(msg("read.sheet"), s.Sheet))
	}
	if s.Sheets > 1 {
		b.WriteString(l.Say(msg("read.sheets"), s.Sheets-1))
	}
	if s.Encoding != lines.UTF8 {
		b.WriteString(l.Say(msg("read.encoding"), string(s.Encoding)))
	}
	if s.Ignored > 0 {
		b.WriteString(l.Say(msg("read.ignored"), s.Ignored))
	}
	if s.Elsewhere > 0 {
		b.WriteString(l.Say(msg("read.elsewhere"), s.Elsewhere))
	}
	return b.String() + l.Say(msg("read.end"))
}
