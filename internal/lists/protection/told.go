package protection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// The changes of who is protected are a log beside that of the list. The last of them is in
// the record of the people, so that it is written with its effect or not at all; before the
// next takes its place, it is written to a record of its own. So at any instant both
// together are the whole log, and who is killed in between leaves nothing to be done.

// Change is a change of who is protected.
type Change struct {
	// Number is above that of the change before: the milliseconds since 1970 where time
	// goes on. So what was not yet made when a backup was, is known as not there after it
	// was restored, however many changes are made from then on.
	Number   uint64    `json:"number"`
	Before   uint64    `json:"before,omitempty"`   // number of the change before, 0: there was none
	Behind   uint64    `json:"behind"`             // revision of the list when it was made
	Protects bool      `json:"protects,omitempty"` // else it ends the protection
	OpenIDs  []string  `json:"openids"`
	By       string    `json:"by"`
	Why      string    `json:"why,omitempty"`
	At       time.Time `json:"at"`
}

func (c *Change) name(id mpblock.OpenID) { c.OpenIDs = append(c.OpenIDs, id.String()) }

// kindTold are the records of changes but the last. A key is an AppID, a slash and the number.
const kindTold = record.Kind[Change]("protectedlog")

func head(app mpblock.AppID) string { return string(app) + "/" }

func key(app mpblock.AppID, number uint64) string { return fmt.Sprintf("%s%020d", head(app), number) }

// next begins the change behind the last, which it writes to the log.
func (s *Service) next(ctx context.Context, app mpblock.AppID, last Change) (Change, error) {
	if last.Number != 0 {
		_, err := kindTold.Put(ctx, s.store, record.Entry[Change]{Key: key(app, last.Number), Value: last})
		if err != nil && !errors.Is(err, mpblock.ErrConflict) { // it is there already
			return Change{}, err
		}
	}
	page, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	now := s.clock.Now().UTC().Truncate(time.Millisecond)
	number := max(last.Number+1, uint64(max(0, now.UnixMilli())))
	return Change{Number: number, Before: last.Number, Behind: page.Seq, At: now}, err
}

// Told returns up to limit changes of who is protected with a number above after, the oldest
// first, and the number of the last; 0: there was none. It is known within half a second on
// other nodes.
func (s *Service) Told(ctx context.Context, app mpblock.AppID, after uint64, limit int) (some []Change, number uint64, err error) {
	p, err := s.protected(ctx, app)
	if err != nil || limit == 0 || p.last.Number <= after {
		if p != nil {
			number = p.last.Number
		}
		return nil, number, err
	}
	last := p.last
	if after < last.Before {
		for e, err := range kindTold.UnderAfter(ctx, s.store, head(app), key(app, after), limit) {
			if err != nil {
				return nil, 0, err
			}
			if len(some) == limit || e.Value.Number >= last.Number {
				break
			}
			some = append(some, e.Value)
		}
	}
	if n := len(some); n < limit && (n == 0 && after >= last.Before || n > 0 && some[n-1].Number == last.Before) {
		some = append(some, last)
	}
	return some, last.Number, nil
}
