package replica

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"mpblock/native"
)

// walking is a reading of the whole list. What changes meanwhile may be in it or not: the
// changes behind its first revision are taken in afterwards, and once the last revision
// that was met is reached, the list is that of this revision.
type walking struct {
	builder     *builder
	after       string
	first, last uint64
	place       string // in the feed, at the first revision
}

// copied is a list that changes are taken into.
type copied struct {
	table *table
	at    uint64 // revision of the last change that was taken in
	place string // behind it in the feed, by which the server knows its log again; "": of an older file
	whole uint64 // from which revision on the table is a list
}

// saveEvery is how often the file is written.
const saveEvery = 10 * time.Minute

// run keeps the list until ctx ends.
func (r *Replica) run(ctx context.Context) {
	defer close(r.done)
	for pause := firstPause; ; {
		before := r.progress()
		err := r.keep(ctx)
		if ctx.Err() != nil {
			return
		}
		if native.Gone(err) { // the list that there is serves until there is another
			r.copy = nil
		}
		if r.progress() != before {
			pause = firstPause
		}
		r.report(fmt.Errorf("replica: %w; trying again", err))
		r.fail(err)
		if !native.Rest(ctx, pause) {
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// fail has Open return an error if no patience mends it; else Open has it at hand.
func (r *Replica) fail(err error) {
	r.mu.Lock()
	r.last = err
	r.mu.Unlock()
	if native.Final(err) && !native.Gone(err) {
		select {
		case r.failed <- err:
		default:
		}
	}
}

// progress is another value whenever something came from the server.
func (r *Replica) progress() [3]any {
	var after string
	if r.walking != nil {
		after = r.walking.after
	}
	return [3]any{r.copy, after, r.fresh.Load()}
}

func (r *Replica) keep(ctx context.Context) error {
	if r.copy == nil {
		if err := r.walk(ctx); err != nil {
			return err
		}
	}
	return r.follow(ctx)
}

// walk reads the whole list, from where it was interrupted.
func (r *Replica) walk(ctx context.Context) error {
	for {
		at := ""
		if r.walking != nil {
			at = r.walking.after
		}
		p, err := r.source.Walk(ctx, at)
		if err != nil {
			return err
		}
		w := r.walking
		switch {
		case w == nil:
			w = &walking{builder: newBuilder(p.Total), first: p.Revision, place: p.Place}
			r.walking = w
		case p.Revision < w.last: // the log has gone back
			r.walking = nil
			return errors.New("the list went back while it was read")
		}
		w.last = p.Revision
		if len(p.OpenIDs) == 0 {
			r.walking = nil
			r.copy = &copied{table: w.builder.table(), at: w.first, place: w.place, whole: w.last}
			return nil
		}
		for _, id := range p.OpenIDs {
			k, ok := keyOf(id)
			if !ok {
				return fmt.Errorf("the list has %q, which is no OpenID", id)
			}
			w.builder.add(k, milli(p.ExpireTimes[id]))
		}
		w.after = p.OpenIDs[len(p.OpenIDs)-1]
	}
}

// publish makes the list the one that is looked up, if it is whole.
func (r *Replica) publish() {
	c := r.copy
	if c.at < c.whole {
		return
	}
	if r.table.Load() != c.table {
		r.table.Store(c.table)
	}
	r.revision.Store(c.at)
	r.place = c.place
	if r.told != nil {
		r.told(c.at)
	}
}

// follow takes in changes as they come. It returns when the stream ends.
func (r *Replica) follow(ctx context.Context) error {
	r.publish()
	after := r.copy.place
	if after == "" {
		after = strconv.FormatUint(r.copy.at, 10)
	}
	feed, err := r.source.FollowFrom(ctx, after)
	if err != nil {
		return err
	}
	defer func() { _ = feed.Close() }()
	for {
		e, err := feed.Next()
		if err != nil {
			return err
		}
		if err := r.take(e); err != nil {
			return err
		}
		if r.path != "" && r.table.Load() != nil && r.since()-r.saved > saveEvery {
			if err := r.save(); err != nil {
				r.report(err)
			}
		}
	}
}

// take takes in what an event tells.
func (r *Replica) take(e native.Event) error {
	if e.Change != nil {
		return r.apply(e.Change)
	}
	if e.Revision == r.copy.at && r.copy.at >= r.copy.whole {
		r.confirm(r.since(), e.Age)
		r.begin()
	}
	return nil
}

// begin lets Open return.
func (r *Replica) begin() {
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
}

// apply takes in a change.
func (r *Replica) apply(c *native.Change) error {
	switch {
	case c.Revision == 0: // of who is protected
		r.copy.place = c.Place
		return nil
	case c.Revision <= r.copy.at:
		return nil
	case c.Revision != r.copy.at+1:
		return fmt.Errorf("change %d came after change %d", c.Revision, r.copy.at)
	}
	for _, id := range c.OpenIDs {
		k, ok := keyOf(id)
		if !ok {
			return fmt.Errorf("change %d names %q, which is no OpenID", c.Revision, id)
		}
		switch c.Kind {
		case native.Blocked, native.Amended:
			r.copy.table.set(k, milli(c.End(id)))
		case native.Unblocked, native.Expired:
			r.copy.table.remove(k)
		}
	}
	r.copy.table = r.copy.table.grown()
	r.copy.at, r.copy.place = c.Revision, c.Place
	r.publish()
	r.tell()
	return nil
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
