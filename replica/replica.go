// Package replica keeps the blacklist of an account in the memory of a Go program, so that
// it can ask for every message whether somebody is blocked:
//
//	r, err := replica.Open(ctx, "https://mpblock.example", secret, "wx0123456789abcdef")
//	...
//	if r.Blocked(openID) {
//
// Open reads the list of an mpblock server, then follows its changes over /v1 of that
// server. A look-up takes a fraction of a microsecond, with 10,000,000 entries about one,
// allocates nothing, and waits for nothing: neither for the network nor for a change that
// is being taken in. The ends of blocks are kept to the millisecond by the program's own
// clock. An entry takes some 23 bytes, and 8 more where there are ends.
//
// While the server cannot be reached the list stays as it was: Staleness tells how old it
// may be, and WaitFresh waits until it is not. When the server is back the replica goes on
// after the last change that it knows of, and where that is not possible it reads the list
// anew. While it does so it needs memory for two lists.
package replica

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mpblock/native"
)

// Replica is the blacklist of one account. Its methods are safe for concurrent use.
type Replica struct {
	source *native.Client
	http   []native.Option
	clock  func() time.Time
	report func(error)
	path   string
	told   func(revision uint64) // of each change that was taken in; for tests

	began    time.Time
	table    atomic.Pointer[table]
	revision atomic.Uint64
	fresh    atomic.Int64 // when the list was known to be the server's, in nanoseconds since began

	mu   sync.Mutex
	news chan struct{} // closed when revision or fresh goes on
	last error         // that was met

	ready  chan struct{} // closed when there is a list
	failed chan error    // that no patience mends, before there is one
	cancel context.CancelFunc
	done   chan struct{}
	close  func() error

	// What the one goroutine that takes in changes knows.
	walking *walking
	copy    *copied
	place   string        // in the feed, behind what is looked up
	saved   time.Duration // since began, when the file was written
}

// Option is a setting of Open.
type Option func(*Replica)

// WithFile keeps the list in a file too, written now and then and by Close, so that the
// next Open with it has the list at once, as it was, and reads only what has changed since.
// Staleness then begins with the age of the file.
func WithFile(path string) Option { return func(r *Replica) { r.path = path } }

// WithHTTPClient has a client make the calls. Its Timeout must be 0: a stream has no end.
func WithHTTPClient(c *http.Client) Option {
	return func(r *Replica) { r.http = append(r.http, native.WithHTTPClient(c)) }
}

// WithClock has ends held against another clock than the machine's.
func WithClock(now func() time.Time) Option { return func(r *Replica) { r.clock = now } }

// WithReport has a function told of errors, all of which the replica goes on after. It must
// return soon.
func WithReport(report func(error)) Option { return func(r *Replica) { r.report = report } }

// Open reads the blacklist of an account and begins to follow its changes. The key is the
// secret of one of the account's programs, with the scopes read and feed, or of the account.
// It returns once there is a list, and tries until then for as long as ctx lasts; what no
// patience mends, as a wrong key, it returns at once. Afterwards ctx may end: Close ends the
// replica.
func Open(ctx context.Context, baseURL, key, appID string, opts ...Option) (*Replica, error) {
	r := &Replica{
		clock: time.Now, report: func(error) {}, began: time.Now(),
		news: make(chan struct{}), ready: make(chan struct{}), failed: make(chan error, 1), done: make(chan struct{}),
	}
	for _, o := range opts {
		o(r)
	}
	var err error
	if r.source, err = native.New(baseURL, appID, key, r.http...); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	if r.path != "" {
		if err := r.load(); err != nil {
			r.report(fmt.Errorf("replica: the file %s is not used, and the list is read from the server: %w", r.path, err))
		}
	}
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.close = sync.OnceValue(r.end)
	go r.run(working)
	select {
	case <-r.ready:
		return r, nil
	case err = <-r.failed:
	case <-ctx.Done():
		r.mu.Lock()
		err = errors.Join(ctx.Err(), r.last)
		r.mu.Unlock()
	}
	_ = r.Close()
	return nil, fmt.Errorf("replica: read the blacklist of %s: %w", appID, err)
}

// Close ends the replica, and writes its file. What was looked up before is looked up as
// before, but no changes are taken in any more.
func (r *Replica) Close() error { return r.close() }

func (r *Replica) end() error {
	r.cancel()
	<-r.done
	if r.path == "" || r.table.Load() == nil {
		return nil
	}
	return r.save()
}

// Blocked tells whether an OpenID is on the blacklist and its end, if it has one, is ahead.
func (r *Replica) Blocked(openID string) bool {
	k, ok := keyOf(openID)
	if !ok {
		return false
	}
	end, ok := r.table.Load().find(&k)
	return ok && (end == 0 || r.clock().UnixMilli() < end)
}

// Len returns how many entries the list has, with those whose end has come and that the
// server has not unblocked yet.
func (r *Replica) Len() int { return int(r.table.Load().count.Load()) }

// Revision returns which of the account's changes is the last that was taken in: the
// header Mpblock-Revision of the server's answers.
func (r *Replica) Revision() uint64 { return r.revision.Load() }

// Staleness tells how old the list may be: how long ago it was known to be the server's. It
// is some 15 seconds at most while the server can be reached, though a change is there
// within milliseconds.
func (r *Replica) Staleness() time.Duration {
	return max(0, r.since()-time.Duration(r.fresh.Load()))
}

func (r *Replica) since() time.Duration { return time.Since(r.began) }

// WaitFresh returns once the list is no older than a bound, or than the call: it asks the
// server for its revision where it is not known to be so, and waits until that is there. It
// fails when ctx ends before.
func (r *Replica) WaitFresh(ctx context.Context, bound time.Duration) error {
	pause := firstPause
	for {
		if r.Staleness() <= bound {
			return nil
		}
		start, known := r.since(), r.Revision()
		head, err := r.source.Revision(ctx)
		if err == nil && known <= head {
			if err = r.await(ctx, head); err == nil {
				r.confirm(start, 0)
				return nil
			}
		}
		if !native.Rest(ctx, pause) {
			return fmt.Errorf("replica: the list is as it was %v ago: %w", r.Staleness().Round(time.Millisecond), errors.Join(ctx.Err(), err))
		}
		pause = min(2*pause, lastPause)
	}
}

// await waits until a change was taken in.
func (r *Replica) await(ctx context.Context, revision uint64) error {
	for {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		if r.Revision() >= revision {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
			return errors.New("replica: closed")
		}
	}
}

// confirm notes that the list was the server's some time before a time.
func (r *Replica) confirm(at, age time.Duration) {
	for {
		old := r.fresh.Load()
		if int64(at-age) <= old || r.fresh.CompareAndSwap(old, int64(at-age)) {
			break
		}
	}
	r.tell()
}

// tell wakes who waits for news.
func (r *Replica) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.news)
	r.news = make(chan struct{})
}

// Pauses after an error.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)
