package console

import (
	"net/url"
	"strconv"
)

// pageRows is how many rows a page of a list has. The official console has 20.
const pageRows = 50

// maxTrail is how many pages one can go back from a page.
const maxTrail = 60

// pager leads from page to page of a list. The lists are read from a cursor on, so
// the way back is the trail of the cursors of the pages before.
type pager struct {
	Shown                 string
	First, Previous, Next string // addresses, "" where there is nothing
}

// pagerOf returns the pager of the present page; next is the cursor of the page
// after it, "" if there is none.
func (v *visit) pagerOf(shown int, next string) pager {
	q := v.r.URL.Query()
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
			return v.r.URL.Path
		}
		return v.r.URL.Path + "?" + n.Encode()
	}
	p := pager{Shown: v.say(msg("pager.shown"), shown)}
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

// number reads a cursor that is a number; 0 for what is none.
func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
