package upstream

import (
	"context"
	"slices"
	"sync"
)

// turns has one at a time work on a line, within a process. Who waits in person comes
// before jobs and readings.
type turns struct {
	mu    sync.Mutex
	taken bool
	queue [2][]chan struct{} // of who is urgent, and of who is not
}

func (t *turns) take(ctx context.Context, urgent bool) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	mine, class := make(chan struct{}), 1
	if urgent {
		class = 0
	}
	t.queue[class] = append(t.queue[class], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.queue[class], mine)
	if at < 0 {
		return nil // it was given the turn meanwhile, with all that comes with it
	}
	t.queue[class] = slices.Delete(t.queue[class], at, at+1)
	return ctx.Err()
}

// hand hands the turn to who waits, and tells whether anybody does.
func (t *turns) hand() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next()
}

func (t *turns) next() bool {
	for class := range t.queue {
		if q := t.queue[class]; len(q) > 0 {
			t.queue[class] = q[1:]
			close(q[0])
			return true
		}
	}
	return false
}

// give ends the turn, whoever waits or does not.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.next()
}

// urged tells whether somebody urgent waits.
func (t *turns) urged() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue[0]) > 0
}
