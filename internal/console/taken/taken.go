// Package taken has all entries of the blacklist that fit a filter be the source of a job, and
// says what was read for one.
package taken

import (
	"iter"
	"net/url"

	"mpblock/internal/console/actors"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// All are the entries of the blacklist that fit a filter, as the source of a job.
type All struct {
	Rows  iter.Seq2[lists.EntryRow, error]
	Query string // of the filter, as the address of the list has it
	Most  int    // how many a job takes
	N     int    // that were taken
	More  bool   // there were more than that
}

// Receive implements jobs.Source.
func (*All) Receive() error { return nil }

// Read implements jobs.Source.
func (t *All) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	for row, err := range t.Rows {
		if err != nil {
			return nil, err
		}
		if t.N == t.Most {
			t.More = true
			break
		}
		t.N++
		if err := each(lines.Line{Number: t.N, Text: row.OpenID.String(), OpenID: row.OpenID}); err != nil {
			return nil, err
		}
	}
	return []lines.Summary{{Query: t.Query, OpenIDs: t.N}}, nil
}

// WasRead says what was read for a job: of a file, or of the blacklist by a filter.
func WasRead(v *web.Visit, s lines.Summary) string {
	if !s.Taken() {
		return v.Lang.WasRead(s)
	}
	q, err := url.ParseQuery(s.Query)
	if err != nil || len(q) == 0 {
		return v.Say(msg("take.whole"), s.OpenIDs)
	}
	said := ""
	for _, part := range []struct {
		key   msg
		value string
	}{
		{msg("take.begin"), q.Get("q")},
		{msg("take.reason"), q.Get("reason")},
		{msg("take.actor"), actors.Of(v, web.ActorAsked(q.Get("actor"))).Name},
		{msg("take.day"), q.Get("day")},
		{msg("take.from"), q.Get("from")},
		{msg("take.to"), q.Get("to")},
		{msg("take.ends"), q.Get("ends")},
	} {
		switch {
		case part.value == "":
		case said == "":
			said = v.Say(part.key, part.value)
		default:
			said = v.Say(msg("take.and"), said, v.Say(part.key, part.value))
		}
	}
	return v.Say(msg("take.read"), s.OpenIDs, said)
}
