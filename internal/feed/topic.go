package feed

import (
	"context"
	"sync"
	"time"

	"mpblock"
)

// topic is what the followers of one account share.
type topic struct {
	store     *Store
	app       mpblock.AppID
	followers int // guarded by the store's mu
	kicked    chan struct{}
	cancel    context.CancelFunc

	mu    sync.Mutex
	state moment
	news  chan struct{} // closed when state goes on
}

// moment is what is known of an account.
type moment struct {
	known   bool
	seq     uint64    // of the last change
	checked time.Time // the machine's, before which no later change had been made
	tail    []Event   // the last changes of the list, as far as they are kept in memory

	protection uint64 // number of the last change of who is protected
	news       <-chan struct{}
}

// Bounds of what is kept and read at once.
const (
	maxTail    = 1_000 // OpenIDs that are kept in memory for each account that is followed, beside those of one change
	tailEvents = 256
	readAgain  = time.Second // after an error, where nobody polls
)

func (t *topic) now() moment {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.state
	at.news = t.news
	return at
}

// page returns the changes behind a place from memory, if they are there, and are of the
// list alone.
func (at moment) page(behind Place, limit int) (Page, bool) {
	after := behind.Revision
	if len(at.tail) == 0 || after+1 < at.tail[0].Seq || after >= at.seq || behind.Protection < at.protection {
		return Page{}, false
	}
	events := at.tail[after+1-at.tail[0].Seq:]
	events = events[:min(limit, len(events))]
	return Page{Events: events, Head: at.seq, Protection: at.protection}, true
}

// kick has the account looked at now.
func (t *topic) kick() {
	select {
	case t.kicked <- struct{}{}:
	default:
	}
}

// run looks at the account, now and then and when it is kicked, until ctx ends.
func (t *topic) run(ctx context.Context) {
	var tick <-chan time.Time
	if t.store.poll > 0 {
		ticker := time.NewTicker(t.store.poll)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		var again <-chan time.Time
		if err := t.look(ctx); err != nil {
			again = time.After(readAgain)
		}
		select {
		case <-t.kicked:
		case <-tick:
		case <-again:
		case <-ctx.Done():
			return
		case <-t.store.stopped:
			return
		}
	}
}

// look finds out about changes and tells the followers.
func (t *topic) look(ctx context.Context) error {
	at := t.now()
	for {
		start := time.Now()
		head, err := t.store.Blacklist(ctx, t.app, mpblock.OpenID{}, 0)
		if err != nil {
			return err
		}
		protection, err := t.store.protectedAt(ctx, t.app)
		if err != nil {
			return err
		}
		if !at.known || head.Seq <= at.seq {
			t.advance(head.Seq, protection, start, nil)
			return nil
		}
		page, err := t.store.patient(ctx, func() (Page, error) { return t.store.list(ctx, t.app, at.seq, tailEvents) })
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			return nil
		}
		at.seq = page.Events[len(page.Events)-1].Seq
		t.advance(at.seq, protection, start, page.Events)
		if at.seq >= page.Head {
			return nil
		}
	}
}

// advance takes in what was read since a time: all changes up to a seq, and to a number of
// those of who is protected.
func (t *topic) advance(seq, protection uint64, since time.Time, events []Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.checked = since
	if t.state.known && seq <= t.state.seq && protection <= t.state.protection {
		return
	}
	t.state.known, t.state.seq, t.state.protection = true, max(seq, t.state.seq), max(protection, t.state.protection)
	t.state.tail = trim(append(t.state.tail[:len(t.state.tail):len(t.state.tail)], events...))
	close(t.news)
	t.news = make(chan struct{})
}

// trim returns the last of some changes, as many as are kept, and always the very last: it
// is what all who follow ask for. Followers may hold the others still.
func trim(events []Event) []Event {
	n, ids := len(events), 0
	for n > 0 && len(events)-n < tailEvents {
		if ids += len(events[n-1].OpenIDs); ids > maxTail && n < len(events) {
			break
		}
		n--
	}
	return append([]Event(nil), events[n:]...)
}
