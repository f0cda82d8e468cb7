package listcache

import (
	"context"
	"strings"
	"sync"

	"mpblock"
)

// A page that is not kept is read by several goroutines, each from a place of its own: a
// store goes over a list one entry after the other, and one core takes most of the time
// that a client waits for.

// inOrder are the characters of an OpenID in byte order.
const inOrder = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// Characters of an OpenID that tell one of an account from another: what is before them
// is of the account, but for its last two bits.
const (
	firstOwn = 6
	owns     = 10
	ownBits  = 6*owns - 2
)

// place tells where in its account's range an OpenID is.
func place(id mpblock.OpenID) (at uint64) {
	for _, c := range id[firstOwn : firstOwn+owns] {
		at = at<<6 | uint64(max(0, strings.IndexByte(inOrder, c)))
	}
	return at
}

// atPlace returns the lowest OpenID at a place of the same account.
func atPlace(id mpblock.OpenID, at uint64) mpblock.OpenID {
	own := id[firstOwn:]
	for i := range own {
		own[i] = inOrder[0]
	}
	for i := owns - 1; i >= 0; i-- {
		own[i] = inOrder[at&63]
		at >>= 6
	}
	return id
}

// split returns where to read so many entries behind an OpenID from, of a list of a
// length: there, and from where its parts are likely to begin. OpenIDs are spread evenly;
// where they are not, a part is of another length than it might be, and no more.
func (s *sizes) split(after mpblock.OpenID, want, total int) []mpblock.OpenID {
	from := []mpblock.OpenID{after}
	parts := min(s.parts, want/s.part)
	if after == (mpblock.OpenID{}) || parts < 2 || total < want {
		return from
	}
	at, step := place(after), uint64(want/parts)*(1<<ownBits/uint64(total)) //nolint:gosec // not negative
	for range parts - 1 {
		if at+step >= 1<<(6*owns) {
			break
		}
		at += step
		next := atPlace(after, at)
		if next.Compare(from[len(from)-1]) <= 0 { // what is read behind is no OpenID
			break
		}
		from = append(from, next)
	}
	return from
}

// part is what was read of a range.
type part struct {
	after mpblock.OpenID // it begins behind this one
	high  mpblock.OpenID // and ends with this
	page  mpblock.Page
	err   error
}

// readPart reads so many entries behind an OpenID.
func (s *Store) readPart(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, want int) part {
	p := part{after: after, high: end}
	if p.page, p.err = s.Store.Blacklist(ctx, app, after, want); len(p.page.OpenIDs) == want {
		p.high = p.page.OpenIDs[want-1]
	}
	return p
}

// endAt leaves out what is behind an OpenID.
func (p *part) endAt(id mpblock.OpenID) {
	if id.Compare(p.high) < 0 {
		p.high, p.page.OpenIDs = id, p.page.OpenIDs[:behind(p.page.OpenIDs, id)]
	}
}

// readParts reads about so many entries behind an OpenID.
func (s *Store) readParts(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, want, total int) []part {
	from := s.split(after, want, total)
	if len(from) > 1 {
		want = want/len(from) + want/32 // so that most places meet
	}
	parts := make([]part, len(from))
	var wg sync.WaitGroup
	for i := 1; i < len(from); i++ {
		wg.Go(func() { parts[i] = s.readPart(ctx, app, from[i], want) })
	}
	parts[0] = s.readPart(ctx, app, after, want)
	wg.Wait()
	for i := range parts[1:] {
		parts[i].endAt(parts[i+1].after)
	}
	return parts
}
