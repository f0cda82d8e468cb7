// Package listing takes in the list of a job, line by line, and counts what is in it.
package listing

import (
	"errors"
	"fmt"
	"slices"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// Limits of a list.
const (
	Most    = 2_000_000 // OpenIDs
	MostBad = 100_000   // lines that are no OpenID of the account
)

var (
	errBad     = mpblock.NewError(mpblock.Invalid, "job.list.bad", "more than %d lines are no OpenID of this account, the first of them line %d, %q: is it the right list?")
	errLong    = mpblock.NewError(mpblock.Limited, "job.list.long", "the list has more than %d OpenIDs: split it")
	errForeign = mpblock.NewError(mpblock.Invalid, "job.list.foreign", "the list has no OpenID of this account; line %d is %q")
	errEmpty   = mpblock.NewError(mpblock.Invalid, "job.list.empty", "the list is empty: want OpenIDs")
)

// Preview is what the list of a job holds. New to Protected are as it was when the list
// was read, and add up to Total.
type Preview struct {
	Total      int // different OpenIDs of the account
	New        int // that would change
	Already    int // that are so already
	Unknown    int // neither followers nor blocked: will be refused
	Protected  int // whom nobody can block: will be refused
	Malformed  int // lines that are no OpenID
	Foreign    int // lines with an OpenID of another account
	Duplicates int // lines with an OpenID that an earlier line has
}

// List is the list of a job while it is read.
type List struct {
	Account *mpblock.Account
	Items   []item.Item
	Bad     []item.Refused // lines that are no OpenID of the account
	Preview Preview
}

// longList is how many OpenIDs a list has before it gets room for as many as it may
// have, at once: a slice that grows takes twice its memory meanwhile.
const longList = 1 << 16

// Add takes in a line.
func (l *List) Add(line lines.Line) error {
	_, err := lists.Own(l.Account, line.Text)
	refused := item.Refused{Line: line.Number, Source: line.Source, Text: line.Text, Why: item.Malformed}
	switch p := line.Problem; {
	case p != nil:
		l.Preview.Malformed++
		refused.Detail, refused.Key = p.Error(), p.Key
		for _, a := range p.Args {
			refused.Args = append(refused.Args, fmt.Sprint(a))
		}
		l.Bad = append(l.Bad, refused)
	case errors.Is(err, lists.ErrForeign):
		l.Preview.Foreign++
		refused.Why = item.Foreign
		l.Bad = append(l.Bad, refused)
	case err != nil:
		return err
	default:
		if len(l.Items) == cap(l.Items) && len(l.Items) >= longList {
			l.Items = slices.Grow(l.Items, Most+1-len(l.Items))
		}
		l.Items = append(l.Items, item.Item{ID: line.OpenID, Line: uint32(line.Number)}) //nolint:gosec // the two limits below keep it small
	}
	if len(l.Bad) > MostBad {
		return errBad.With(MostBad, l.Bad[0].Line, l.Bad[0].Text)
	}
	if len(l.Items) > Most {
		return errLong.With(Most)
	}
	return nil
}

// Finish sorts the OpenIDs and leaves each in once, with the first line it stands in.
func (l *List) Finish() error {
	if len(l.Items) == 0 && len(l.Bad) > 0 {
		return errForeign.With(l.Bad[0].Line, l.Bad[0].Text)
	}
	if len(l.Items) == 0 {
		return errEmpty
	}
	slices.SortFunc(l.Items, func(a, b item.Item) int {
		if c := a.ID.Compare(b.ID); c != 0 {
			return c
		}
		return int(a.Line) - int(b.Line)
	})
	read := len(l.Items)
	l.Items = slices.CompactFunc(l.Items, func(a, b item.Item) bool { return a.ID == b.ID })
	l.Preview.Total = len(l.Items)
	l.Preview.Duplicates = read - len(l.Items)
	return nil
}
