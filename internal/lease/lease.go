// Package lease has one holder at a time of whatever is to be worked on by one, over all
// nodes that share a store: the platform of an account, a queue.
//
// A lease is a record that its holder writes: at each step of the work, and at intervals
// while a step takes long. The work's own state lies in the same record. So each step is
// written only while the lease is held, and whoever takes over finds how far the work is.
//
// It promises that a holder whose lease has ended stops before another begins, whatever
// the clocks of the nodes say: a lease ends for its holder a while after the last write of
// it has begun, and for others no sooner than a longer while after they have first seen
// that write. A process that was stopped meanwhile finds out before its next step, by
// Lease.Context and Lease.Renew. What a holder has sent off by then, a call or a write of
// the store, it cannot call back: a call is settled by whoever takes over, who can see it in
// the state; a write may still happen after another has begun.
package lease

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// All of it is on the machine's own time, of which only how much passes counts.
const (
	Life  = 10 * time.Second // from a write of a lease to its end, for the holder
	beat  = Life / 4         // from a write to the next that nothing else is the reason of
	grace = Life / 5         // from its end to when another may take it
	look  = 100 * time.Millisecond
	turn  = time.Second // for which one that was given up is left to whoever has waited for it
)

// ErrLost is the error of whatever is done under a lease that has ended.
var ErrLost = errors.New("lease: another node may have taken over")

// Slot is what is stored of a lease: who holds it, and the state of the work.
type Slot[T any] struct {
	Holder string `json:"holder,omitempty"` // a node; "": nobody
	Wanted string `json:"wanted,omitempty"` // a node that waits for it
	Value  T      `json:"value"`
}

// Book has the leases of one kind of a node. Its methods are safe for concurrent use.
type Book[T any] struct {
	store mpblock.Records
	kind  record.Kind[Slot[T]]
	node  string
	alone bool

	mu   sync.Mutex
	held map[string]bool
	seen map[string]sighting
}

// sighting is the version in which a lease was seen, and when it was first.
type sighting struct {
	version uint64
	at      time.Time
}

// New returns the book of a node. Alone, there is no other one on the store: then nothing
// is written to take, to keep or to give up a lease.
func New[T any](store mpblock.Records, kind string, node string, alone bool) *Book[T] {
	return &Book[T]{store: store, kind: record.Kind[Slot[T]](kind), node: node, alone: alone, held: map[string]bool{}, seen: map[string]sighting{}}
}

// Node returns a name for this process among the nodes: its machine, its number there, and
// something that no other process has.
func Node() string {
	machine, _ := os.Hostname() // some have none
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%s-%d-%s", machine, os.Getpid(), hex.EncodeToString(b))
}

// Take returns the lease of a key once nobody else has it. It waits as long as ctx does.
func (b *Book[T]) Take(ctx context.Context, key string) (*Lease[T], error) {
	for want := false; ; want = true {
		l, err := b.Try(ctx, key, want)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another node has the lease of %s: %w", key, ctx.Err())
		case <-time.After(look):
		}
	}
}

// Try returns the lease of a key, or nil while another has it. With want the other learns
// that it is waited for.
func (b *Book[T]) Try(ctx context.Context, key string, want bool) (*Lease[T], error) {
	b.mu.Lock()
	if b.held[key] {
		b.mu.Unlock()
		return nil, nil
	}
	b.held[key] = true
	b.mu.Unlock()
	l, err := b.take(ctx, key, want)
	if l == nil {
		b.forget(key)
	}
	return l, err
}

func (b *Book[T]) forget(key string) {
	b.mu.Lock()
	delete(b.held, key)
	b.mu.Unlock()
}

func (b *Book[T]) take(ctx context.Context, key string, want bool) (*Lease[T], error) {
	e, err := b.kind.Get(ctx, b.store, key)
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return nil, err
	}
	l := &Lease[T]{book: b, key: key, token: make(chan struct{}, 1), e: e, done: make(chan struct{})}
	l.ctx, l.lose = context.WithCancelCause(context.Background())
	l.e.Value.Holder, l.e.Value.Wanted = b.node, ""
	if b.alone {
		close(l.done)
		return l, nil
	}
	if !b.free(e) {
		if want && e.Value.Wanted == "" {
			e.Value.Wanted = b.node
			if _, err := b.kind.Put(ctx, b.store, e); err != nil && !errors.Is(err, mpblock.ErrConflict) {
				return nil, err
			}
		}
		return nil, nil
	}
	l.until = time.Now().Add(Life)
	l.e, err = b.kind.Put(ctx, b.store, l.e)
	if errors.Is(err, mpblock.ErrConflict) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	go l.keep()
	return l, nil
}

// free tells whether a lease can be taken: it was given up, and not for another, or was
// seen for so long in one version that its holder has stopped.
func (b *Book[T]) free(e record.Entry[Slot[T]]) bool {
	v := e.Value
	if v.Holder == b.node || v.Holder == "" && (v.Wanted == "" || v.Wanted == b.node) {
		return true // its own it does not hold: taking or giving it up had failed, and happened
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	s := b.seen[e.Key]
	if s.version != e.Version {
		s = sighting{e.Version, now}
		b.seen[e.Key] = s
	}
	if v.Holder == "" {
		return now.Sub(s.at) > turn
	}
	return now.Sub(s.at) > Life+grace
}

// Peek returns what is stored of a lease, whoever has it.
func (b *Book[T]) Peek(ctx context.Context, key string) (Slot[T], error) {
	e, err := b.kind.Get(ctx, b.store, key)
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	return e.Value, err
}

// Abandoned returns the keys of those leases whose holders have stopped without a word, as
// far as this node can tell: it has to have looked before. With open set they are also
// those that nobody holds, and whose work is open; alone, that is all.
func (b *Book[T]) Abandoned(ctx context.Context, open func(T) bool) (keys []string, err error) {
	for e, err := range b.kind.Under(ctx, b.store, "", atOnce) {
		if err != nil {
			return nil, err
		}
		v := e.Value
		if v.Holder != "" && v.Holder != b.node && b.free(e) || (v.Holder == "" || b.alone) && open != nil && open(v.Value) {
			keys = append(keys, e.Key)
		}
	}
	return keys, nil
}

// atOnce is how many records are read at a time.
const atOnce = 100

// Erase removes the lease of a key. Whoever has it loses it.
func (b *Book[T]) Erase(ctx context.Context, key string) error {
	return b.kind.Erase(ctx, b.store, key)
}
