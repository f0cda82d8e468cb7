package pebblestore

import (
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
)

// Batches for one account that wait at the same time are applied together: one
// after the other in memory, and in one write. If each took the account's lock by
// itself, every one would wait until the scheduler has woken up the one before, and
// a busy server would spend more time on that than on the batches.

// maxGroup is how many OpenIDs are applied together, if there is more than one
// batch.
const maxGroup = mpblock.MaxWrite

// request is a batch on its way to an account.
type request struct {
	ctx   context.Context //nolint:containedctx // of the call that waits for it
	batch mpblock.Batch
	ids   []mpblock.OpenID // of the batch, in byte order, each once
	found found

	made mpblock.Change
	err  error
	done chan struct{} // closed once made is durable, or err says why nothing was
}

// submit has a request applied, by a goroutine that goes on if the caller does not
// wait.
func (s *Store) submit(app mpblock.AppID, a *account, r *request) {
	a.queueing.Lock()
	defer a.queueing.Unlock()
	a.queue = append(a.queue, r)
	if !a.led {
		a.led = true
		go s.lead(app, a)
	}
}

// lead applies what waits, group by group, until nothing does.
func (s *Store) lead(app mpblock.AppID, a *account) {
	for {
		group := a.next()
		finish := s.applyGroup(app, a, group)
		if a.rest() {
			finish()
			return
		}
		go finish()
	}
}

// next takes the requests that are to be applied together.
func (a *account) next() []*request {
	a.queueing.Lock()
	defer a.queueing.Unlock()
	n, ids := 0, 0
	for ; n < len(a.queue); n++ {
		if ids += len(a.queue[n].ids); n > 0 && ids > maxGroup {
			break
		}
	}
	group := slices.Clone(a.queue[:n])
	a.queue = slices.Delete(a.queue, 0, n) // which leaves nothing of them behind
	return group
}

// rest ends the lead if nothing waits.
func (a *account) rest() bool {
	a.queueing.Lock()
	defer a.queueing.Unlock()
	a.led = len(a.queue) > 0
	return !a.led
}

// applyGroup writes what a group of requests comes to. It returns when readers see
// it; finish waits until it is durable, and ends the requests.
func (s *Store) applyGroup(app mpblock.AppID, a *account, group []*request) (finish func()) {
	a.token <- struct{}{}
	b := s.db.NewBatch()
	err := s.build(app, a, b, group)
	wrote := err == nil && !b.Empty()
	c := a.last // a group that changes nothing waits until what it found is durable
	if wrote {
		c = &commit{done: make(chan struct{})}
		c.err = s.db.ApplyNoSyncWait(b, pebble.Sync)
		a.last = c
		a.seen()
	}
	<-a.token
	return func() {
		switch {
		case wrote:
			if c.err == nil {
				c.err = b.SyncWait()
			}
			close(c.done)
		case c != nil:
			<-c.done
		}
		_ = b.Close() // of memory; a batch that was committed has told all
		if err == nil && c != nil {
			err = c.err
		}
		for _, r := range group {
			if err != nil {
				r.err = err
			}
			close(r.done)
			s.inflight.Done()
		}
	}
}
