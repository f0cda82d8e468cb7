package listcache_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/listcache"
)

// logged is a store whose list is given, and whose last change is the one under way.
type logged struct {
	mpblock.Store
	ids  []mpblock.OpenID
	last mpblock.Change
}

func (l *logged) Blacklist(_ context.Context, _ mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	p := mpblock.Page{Total: len(l.ids), Seq: l.last.Seq}
	if limit > 0 {
		from, found := slices.BinarySearchFunc(l.ids, after, mpblock.OpenID.Compare)
		if found {
			from++
		}
		p.OpenIDs = l.ids[from:min(from+limit, len(l.ids))]
	}
	return p, nil
}

func (l *logged) Changes(context.Context, mpblock.AppID, uint64, int) ([]mpblock.Change, error) {
	return []mpblock.Change{l.last}, nil
}

// BenchmarkChanged measures what a change of a list of a million costs the cache, with the
// page that takes it in.
func BenchmarkChanged(b *testing.B) {
	const entries = 1_000_000
	ids := numbered(0, entries)
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	for _, size := range []int{1, 20} {
		for _, page := range []int{1, 10_000} {
			b.Run(fmt.Sprintf("by=%d/page=%d", size, page), func(b *testing.B) {
				inner := &logged{ids: ids}
				s := listcache.New(inner, 1<<30)
				var after mpblock.OpenID
				for from := 0; from < entries; from += 10_000 {
					p, err := s.Quoted(b.Context(), app, after, 10_000)
					if err != nil {
						b.Fatal(err)
					}
					p.Release()
					after = ids[from+9_999]
				}
				n := entries
				b.ReportAllocs()
				for b.Loop() {
					inner.last.Seq++
					if inner.last.Action == mpblock.Block {
						inner.last.Action = mpblock.Unblock
					} else {
						fresh := numbered(n, n+size)
						slices.SortFunc(fresh, mpblock.OpenID.Compare)
						n += size
						inner.last.Action, inner.last.OpenIDs = mpblock.Block, fresh
					}
					p, err := s.Quoted(b.Context(), app, ids[n*7919%(entries-page-1)], page)
					if err != nil || p.Len() != page || p.Seq != inner.last.Seq {
						b.Fatal(p.Len(), err)
					}
					p.Release()
				}
			})
		}
	}
}
