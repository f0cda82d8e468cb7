package sqlstore

import (
	"context"
	"sync"

	"mpblock"
)

// pending is a batch that waits for its account.
type pending struct {
	ctx   context.Context //nolint:containedctx // of the caller, who may stop waiting
	batch mpblock.Batch
	done  chan outcome // takes one without waiting
}

type outcome struct {
	change mpblock.Change
	err    error
}

// queues are the batches that wait, by account. An account whose queue is there has
// a goroutine that serves it.
type queues struct {
	mu sync.Mutex
	of map[mpblock.AppID]*queue
}

type queue struct{ waiting []*pending }

// join adds a batch to its account's queue, and tells whether nobody serves it.
func (q *queues) join(app mpblock.AppID, p *pending) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.of[app]
	if waiting == nil {
		waiting = &queue{}
		q.of[app] = waiting
		first = true
	}
	waiting.waiting = append(waiting.waiting, p)
	return first
}

// take returns the batches that are to share the next transaction, none when there
// is nothing left to serve.
func (q *queues) take(app mpblock.AppID) (group []*pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.of[app]
	size := 0
	for len(waiting.waiting) > 0 {
		p := waiting.waiting[0]
		if size += len(p.batch.OpenIDs); len(group) > 0 && size > mpblock.MaxWrite {
			break
		}
		waiting.waiting = waiting.waiting[1:]
		if err := p.ctx.Err(); err != nil { // nobody waits for it any more
			p.done <- outcome{err: err}
			size -= len(p.batch.OpenIDs)
			continue
		}
		group = append(group, p)
	}
	if len(group) == 0 {
		delete(q.of, app)
	}
	return group
}

// serve applies what waits for an account until nothing does.
func (s *Store) serve(app mpblock.AppID) {
	for {
		group := s.queues.take(app)
		if len(group) == 0 {
			return
		}
		s.applyGroup(app, group)
	}
}

// applyGroup makes one transaction of some batches. It does not end with any of
// their callers' contexts: the others wait for it too.
func (s *Store) applyGroup(app mpblock.AppID, group []*pending) {
	a := &applying{store: s, app: app}
	ids := 0
	for _, p := range group {
		a.batches = append(a.batches, p.batch)
		ids += len(p.batch.OpenIDs)
	}
	err := s.away()
	if err == nil {
		err = s.callFor(context.Background(), ids, a.try)
	}
	for i, p := range group {
		if err != nil {
			p.done <- outcome{err: err}
			continue
		}
		p.done <- a.outcomes[i]
	}
}
