// Package quoted holds OpenIDs in the form in which a list of them goes over the
// wire. Of a page of 10,000 every copy on the way is felt, so internal/listcache
// makes this form once, where it copies what it keeps, and internal/wire sends it
// from where it lies. No store knows it.
package quoted

import (
	"bytes"
	"slices"
	"sort"
	"sync/atomic"

	"mpblock"
)

// Page is a mpblock.Page whose OpenIDs are quoted.
type Page struct {
	// Runs are the OpenIDs in byte order, in as many pieces as they lie in
	// memory, none of them empty. They may be shared: they must not be changed.
	Runs  []Run
	Total int
	Seq   uint64

	held []*Readers // of the memory that Runs lie in
}

// Readers counts who reads a piece of memory that is written again once nobody does.
type Readers struct{ n atomic.Int32 }

// None tells whether nobody reads it. Who is about to write sees to it that nobody begins.
func (r *Readers) None() bool { return r.n.Load() == 0 }

// Hold appends a run to a page, whose memory is not to be written until Release.
func (p *Page) Hold(run Run, r *Readers) {
	r.n.Add(1)
	p.Runs, p.held = append(p.Runs, run), append(p.held, r)
}

// Grow makes room for so many more runs.
func (p *Page) Grow(runs int) {
	p.Runs, p.held = slices.Grow(p.Runs, runs), slices.Grow(p.held, runs)
}

// Release says that the runs are not read any more, by nobody to whom they were given. A
// page that is never released costs a copy of what a change meets in it, and no more.
func (p *Page) Release() {
	for _, r := range p.held {
		r.n.Add(-1)
	}
	p.Runs, p.held = nil, nil
}

// Of returns a page with its OpenIDs quoted.
func Of(p mpblock.Page) Page {
	q := Page{Total: p.Total, Seq: p.Seq}
	if len(p.OpenIDs) > 0 {
		q.Runs = []Run{Quote(p.OpenIDs)}
	}
	return q
}

// Page returns the page with its OpenIDs as they are.
func (p Page) Page() mpblock.Page {
	plain := mpblock.Page{Total: p.Total, Seq: p.Seq}
	if n := p.Len(); n > 0 {
		plain.OpenIDs = make([]mpblock.OpenID, 0, n)
	}
	for _, r := range p.Runs {
		for i := range r.Len() {
			plain.OpenIDs = append(plain.OpenIDs, r.At(i))
		}
	}
	return plain
}

// Len returns how many OpenIDs are on the page.
func (p Page) Len() int {
	n := 0
	for _, r := range p.Runs {
		n += r.Len()
	}
	return n
}

// Head returns the page with its first n OpenIDs alone.
func (p Page) Head(n int) Page {
	head := Page{Total: p.Total, Seq: p.Seq}
	for _, r := range p.Runs {
		if n <= 0 {
			break
		}
		r = r[:Size(min(n, r.Len()))]
		n -= r.Len()
		head.Runs = append(head.Runs, r)
	}
	return head
}

// Run is a number of OpenIDs in byte order, one behind the other, each in double
// quotes and with a comma behind it.
type Run []byte

// element is a place for an OpenID in a Run.
const element = `"                            ",`

// elementLen is what one OpenID takes in a Run, in bytes.
const elementLen = len(element)

// Size returns the length in bytes of a Run of so many OpenIDs.
func Size(ids int) int { return ids * elementLen }

// Quote returns a run of OpenIDs.
func Quote(ids []mpblock.OpenID) Run {
	return slices.Grow(Run(nil), Size(len(ids))).Append(ids...)
}

// Append returns the run with more OpenIDs behind it.
func (r Run) Append(ids ...mpblock.OpenID) Run {
	for i := range ids { // one move of fixed size each
		r = append(r, element...)
		copy(r[len(r)-elementLen+1:], ids[i][:])
	}
	return r
}

// Insert puts an OpenID at a place, in the run's own memory if there is room.
func (r Run) Insert(i int, id mpblock.OpenID) Run {
	at := i * elementLen
	r = append(r, element...)
	copy(r[at+elementLen:], r[at:len(r)-elementLen])
	copy(r[at:], element)
	copy(r[at+1:], id[:])
	return r
}

// Delete takes the OpenID at a place out, in the run's own memory.
func (r Run) Delete(i int) Run {
	copy(r[i*elementLen:], r[(i+1)*elementLen:])
	return r[:len(r)-elementLen]
}

// Len returns how many OpenIDs are in the run.
func (r Run) Len() int { return len(r) / elementLen }

// At returns one of the OpenIDs.
func (r Run) At(i int) mpblock.OpenID { return mpblock.OpenID(r[i*elementLen+1:]) }

// Last returns the last of the OpenIDs.
func (r Run) Last() mpblock.OpenID { return r.At(r.Len() - 1) }

// Slice returns a part of the run, which shares its memory.
func (r Run) Slice(from, to int) Run {
	return r[from*elementLen : to*elementLen : to*elementLen]
}

// Behind returns how many OpenIDs of the run are not behind a given one: the place
// of the first that is.
func (r Run) Behind(id mpblock.OpenID) int {
	return sort.Search(r.Len(), func(i int) bool {
		return bytes.Compare(r[i*elementLen+1:][:mpblock.OpenIDLen], id[:]) > 0
	})
}
