package mpblock

import (
	"bytes"
	"sort"
)

// Page is a piece of a list and the size of the whole at the same instant.
type Page struct {
	// Runs are the OpenIDs in byte order, in as many pieces as they lie in
	// memory, none of them empty. They may be shared: they must not be changed.
	Runs  []Run
	Total int    // length of the whole list
	Seq   uint64 // of the account's last Change; 0 before the first
}

// NewPage returns a page with a copy of some OpenIDs.
func NewPage(ids []OpenID, total int, seq uint64) Page {
	return NewPageOf(Run{}.Append(ids...), total, seq)
}

// NewPageOf returns a page of one run, or of none if that is empty.
func NewPageOf(r Run, total int, seq uint64) Page {
	p := Page{Total: total, Seq: seq}
	if len(r) > 0 {
		p.Runs = []Run{r}
	}
	return p
}

// Len returns how many OpenIDs are on the page.
func (p Page) Len() int {
	n := 0
	for _, r := range p.Runs {
		n += r.Len()
	}
	return n
}

// Last returns the last OpenID of the page, after which the next one begins; the
// zero OpenID if there is none on it.
func (p Page) Last() OpenID {
	if len(p.Runs) == 0 {
		return OpenID{}
	}
	r := p.Runs[len(p.Runs)-1]
	return r.At(r.Len() - 1)
}

// OpenIDs returns a copy of the OpenIDs.
func (p Page) OpenIDs() []OpenID {
	var ids []OpenID
	if n := p.Len(); n > 0 {
		ids = make([]OpenID, 0, n)
	}
	for _, r := range p.Runs {
		for i := range r.Len() {
			ids = append(ids, r.At(i))
		}
	}
	return ids
}

// Run is a number of OpenIDs in byte order, one behind the other in the form in
// which a list of them goes over the wire: in double quotes, with a comma behind
// it. They stay in that form from where a store has read them to where they are
// sent, since for a page of 10,000 every copy on the way is felt.
type Run []byte

// element is a place for an OpenID in a Run.
const element = `"                            ",`

// elementLen is what one OpenID takes in a Run, in bytes.
const elementLen = len(element)

// RunLen returns the length in bytes of a Run of so many OpenIDs.
func RunLen(ids int) int { return ids * elementLen }

// Append returns the run with more OpenIDs behind it.
func (r Run) Append(ids ...OpenID) Run {
	for i := range ids { // one move of fixed size each
		r = append(r, element...)
		copy(r[len(r)-elementLen+1:], ids[i][:])
	}
	return r
}

// Len returns how many OpenIDs are in the run.
func (r Run) Len() int { return len(r) / elementLen }

// At returns one of the OpenIDs.
func (r Run) At(i int) OpenID { return OpenID(r[i*elementLen+1:]) }

// Slice returns a part of the run, which shares its memory.
func (r Run) Slice(from, to int) Run {
	return r[from*elementLen : to*elementLen : to*elementLen]
}

// Behind returns how many OpenIDs of the run are not behind a given one: the place
// of the first that is.
func (r Run) Behind(id OpenID) int {
	return sort.Search(r.Len(), func(i int) bool {
		return bytes.Compare(r[i*elementLen+1:][:OpenIDLen], id[:]) > 0
	})
}
