package web

import (
	"cmp"
	"net/url"
)

// pageRows is how many rows a page of a list has for who has not chosen another number.
// The official console has 20.
const pageRows = 50

// Rows returns how many rows a page of a list has.
func (v *Visit) Rows() int { return cmp.Or(v.Desk.Operator().Rows, pageRows) }

// maxTrail is how many pages one can go back from a page.
const maxTrail = 60

// Pager leads from page to page of a list. The lists are read from a cursor on, so
// the way back is the trail of the cursors of the pages before.
type Pager struct {
	Shown                 string // how many are; "" where none is
	First, Previous, Next string // addresses, "" where there is nothing
}

// PagerOf returns the pager of the present page; next is the cursor of the page
// after it, "" if there is none.
func (v *Visit) PagerOf(shown int, next string) Pager {
	q := v.R.URL.Query()
	here, trail := q.Get("after"), q["t"]
	address := func(after string, trail []string) string {
		n := url.Values{}
		for key, values := range q {
			if key != "after" && key != "t" {
				n[key] = values
			}
		}
		if after != "" {
			n.Set("after", after)
		}
		if len(trail) > 0 {
			n["t"] = trail[max(0, len(trail)-maxTrail):]
		}
		if len(n) == 0 {
			return v.R.URL.Path
		}
		return v.R.URL.Path + "?" + n.Encode()
	}
	var p Pager
	if shown > 0 {
		p.Shown = v.Say(msg("pager.shown"), shown)
	}
	if next != "" {
		onward := trail
		if here != "" {
			onward = append(append([]string{}, trail...), here)
		}
		p.Next = address(next, onward)
	}
	switch {
	case here == "":
	case len(trail) == 0:
		p.Previous = address("", nil)
	default:
		p.First = address("", nil)
		p.Previous = address(trail[len(trail)-1], trail[:len(trail)-1])
	}
	return p
}
