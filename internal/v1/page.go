package v1

import (
	"context"
	"net/url"
	"strconv"

	"mpblock"
	"mpblock/internal/lists/past"
	"mpblock/internal/v1/pagetoken"
)

// Limits of pages.
const (
	maxPage     = 1_000
	defaultPage = 100
)

// errPageToken is the error of a token that is forged, or of another account or query.
var errPageToken = mpblock.NewError(mpblock.Invalid, "page.token", "this is no page_token of this account with these parameters: begin without one")

// pageQuery is a page that is asked for.
type pageQuery struct {
	limit    int
	revision uint64 // that the pages are of; 0 with first: of none yet
	after    string // the place behind which it begins
	first    bool
}

// paging reads which page is asked for. A page token is good for the parameters with which it
// was got; how many rows a page has may be another number each time.
func (x *exchange) paging() (pageQuery, error) {
	p := pageQuery{limit: defaultPage, first: true}
	n, err := x.number("limit")
	if err != nil {
		return p, err
	}
	if x.query("limit") != "" {
		if n < 1 || n > maxPage {
			return p, errQuery.With("limit", "want 1 to "+strconv.Itoa(maxPage))
		}
		p.limit = int(n)
	}
	text := x.query("page_token")
	if text == "" {
		return p, nil
	}
	var ok bool
	if p.revision, p.after, ok = pagetoken.Open(x.PageKey, x.bound(), text); !ok {
		return p, errPageToken
	}
	p.first = false
	return p, nil
}

// next returns the token of the page behind a place, "" for none.
func (x *exchange) next(revision uint64, after string) string {
	if after == "" {
		return ""
	}
	return pagetoken.Seal(x.PageKey, x.bound(), revision, after)
}

// bound is what a page token is bound to: the account, the path, and the parameters that say
// what is on the pages.
func (x *exchange) bound() []string {
	query := url.Values{}
	for name, values := range x.asked {
		if name != "page_token" && name != "limit" && name != "min_revision" {
			query[name] = values
		}
	}
	return []string{string(x.AppID), x.route.name, x.parts["openid"], query.Encode()}
}

// query returns a parameter of the query.
func (x *exchange) query(name string) string { return x.asked.Get(name) }

// knows refuses parameters that the call does not take.
func (x *exchange) knows(names ...string) error {
	for name, values := range x.asked {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			return errQuery.With(clip(name), "this call does not take it")
		}
		if len(values) > 1 {
			return errQuery.With(name, "it is there more than once")
		}
	}
	return nil
}

// reading is what a read asks for of revisions.
func (x *exchange) reading(ctx context.Context) (asOf uint64, given bool, err error) {
	if err := x.wait(ctx); err != nil {
		return 0, false, err
	}
	if x.query("as_of") == "" {
		return 0, false, nil
	}
	asOf, err = x.number("as_of")
	if err != nil {
		return 0, false, err
	}
	now, err := x.Past.Revision(ctx, x.AppID)
	if err == nil && asOf > now {
		err = past.ErrAhead.With(asOf, now)
	}
	return asOf, true, err
}
