package remarks

import (
	"context"
	"strings"
	"time"

	"mpblock"
)

// Bounds of the work of one search.
const (
	maxLooked = 20_000                // remarks
	maxTime   = 30 * time.Millisecond // after which no further piece is read
	piece     = 2_000                 // remarks that are read at once
)

// Page is what a search has found, in the order of the OpenIDs.
type Page struct {
	Rows   []Row
	Looked int    // how many remarks it looked at
	Next   string // after which to go on; "": it has looked at all
}

// Search returns up to limit remarks of which a part, or a part of the name, is text,
// without regard to case. after is Page.Next of the page before. The work of one call
// is bounded: it may end before it has found limit of them, or any.
func (s *Service) Search(ctx context.Context, app mpblock.AppID, text, after string, limit int) (Page, error) {
	if text = strings.ToLower(strings.TrimSpace(text)); text == "" {
		return Page{}, errText
	}
	if after != "" {
		if _, err := mpblock.ParseOpenID(after); err != nil {
			return Page{}, errCursor
		}
	}
	var p Page
	for enough := time.After(maxTime); ; {
		records, err := s.store.List(ctx, string(kind), head(app)+after, piece)
		if err != nil {
			return p, err
		}
		for _, r := range records {
			if !strings.HasPrefix(r.Key, head(app)) {
				return p, nil
			}
			e, err := kind.Of(r)
			if err != nil {
				return p, err
			}
			if after = strings.TrimPrefix(r.Key, head(app)); e.Value.has(text) {
				if len(p.Rows) == limit {
					p.Next = p.Rows[limit-1].OpenID.String()
					return p, nil
				}
				row, err := rowOf(e, app)
				if err != nil {
					return p, err
				}
				p.Rows = append(p.Rows, row)
			}
			p.Looked++
		}
		if len(records) < piece {
			return p, nil
		}
		if p.Looked >= maxLooked || over(enough) {
			p.Next = after
			return p, nil
		}
	}
}

func over(enough <-chan time.Time) bool {
	select {
	case <-enough:
		return true
	default:
		return false
	}
}

// has tells whether a text in small letters is a part of the remark or the name.
func (r Remark) has(text string) bool {
	return strings.Contains(strings.ToLower(r.Remark), text) || strings.Contains(strings.ToLower(r.Name), text)
}
