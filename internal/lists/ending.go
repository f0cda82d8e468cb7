package lists

import (
	"context"
	"strings"

	"mpblock"
	"mpblock/internal/lists/walk"
)

// maxEnds is how many ends one page looks at.
const maxEnds = 20_000

// ending returns a page of the entries that end soonest. It may be short where a filter
// passes over many, or where the store keeps many of other accounts between them.
func (r *entryReader) ending(ctx context.Context, q EntryQuery) (EntryPage, error) {
	after, ok := walk.ParseEnd(q.After, r.app)
	if !ok {
		return EntryPage{}, badCursor()
	}
	head, err := r.svc.store.Blacklist(ctx, r.app, mpblock.OpenID{}, 0)
	if err != nil {
		return EntryPage{}, err
	}
	out := EntryPage{Total: head.Total}
	for looked := 0; ; {
		due, err := r.svc.store.Due(ctx, r.app, after, q.EndBy, exportPage)
		if err != nil {
			return EntryPage{}, err
		}
		var ids []mpblock.OpenID
		for _, d := range due {
			if after = d; d.AppID == r.app && strings.HasPrefix(d.OpenID.String(), strings.TrimSpace(q.Prefix)) {
				ids = append(ids, d.OpenID)
			}
		}
		if err := r.keep(ctx, ids, q.filter(), &out); err != nil {
			return EntryPage{}, err
		}
		looked += len(due)
		switch {
		case out.cut(q.Limit):
			last := out.Rows[q.Limit-1]
			out.Next = walk.EndPlace(r.app, mpblock.DueEnd{Until: last.Until, AppID: r.app, OpenID: last.OpenID})
			return out, nil
		case len(due) < exportPage:
			return out, nil
		case looked >= maxEnds && !r.endless:
			out.Next = walk.EndPlace(r.app, after)
			return out, nil
		}
	}
}
