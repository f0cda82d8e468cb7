// Package webhooks tells other programs of the changes of an account's blacklist: each is
// sent as a signed message to the URLs that the account has, by the Standard Webhooks
// specification.
//
// It promises that a webhook misses no change, and is told of them in their order: what it
// was told of is a place in the feed of the account, which is written down after the
// receiver has taken a message, and by which any node goes on. So a message may come twice,
// with the same id, and one that is not taken holds up those behind it. It is tried again for
// a day; then the webhook stops, its place is kept, and somebody has it go on. There is one
// sender for an account over all nodes. Secrets are sealed in the store.
//
// What there is to be told comes from the feed; how one attempt is made is the matter of post.
package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/lease"
	"mpblock/internal/record"
	"mpblock/internal/webhooks/post"
)

// test is the kind of a message that somebody tries a webhook with.
const test feed.Kind = "test"

// Kinds returns all that a webhook can ask for.
func Kinds() []feed.Kind {
	return []feed.Kind{feed.Blocked, feed.Amended, feed.Unblocked, feed.Expired, feed.Protected, feed.Unprotected}
}

// ParseKinds reads kinds, each once, in the order of Kinds. It takes one at least.
func ParseKinds(texts []string) (kinds []feed.Kind, err error) {
	for _, text := range texts {
		if !slices.Contains(Kinds(), feed.Kind(text)) {
			return nil, errEvent.With(text)
		}
	}
	for _, k := range Kinds() {
		if slices.Contains(texts, string(k)) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil, errNoEvent
	}
	return kinds, nil
}

// Texts returns kinds as texts.
func Texts(kinds []feed.Kind) []string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = string(k)
	}
	return texts
}

// Sealer keeps secrets from whoever has the store alone.
type Sealer interface {
	Wrap(name, text string) (string, error)
	Unwrap(name, sealed string) (string, error)
}

// Meter counts attempts.
type Meter interface {
	Posted(r post.Result)
}

// Options are what a Service works with.
type Options struct {
	Feed  *feed.Store // of what there is to be told
	Seal  Sealer
	Post  *post.Client
	Clock mpblock.Clock // nil: the system's. One that is moved by somebody says so by a method Moved
	Log   *slog.Logger  // nil: none
	Meter Meter         // nil: none
	Node  string        // "": lease.Node
	Alone bool          // no other node uses the store
}

// Service has the webhooks of a store. Its methods are safe for concurrent use.
type Service struct {
	store mpblock.Store
	Options
	leases *lease.Book[places]

	mu      sync.Mutex
	changed chan struct{} // closed at the next change of a webhook that is made here
}

// New returns the webhooks of a store.
func New(store mpblock.Store, o Options) *Service {
	o.Clock = mpblock.ClockOr(o.Clock)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Node == "" {
		o.Node = lease.Node()
	}
	return &Service{store: store, Options: o, leases: lease.New[places](store, kindPlaces, o.Node, o.Alone), changed: make(chan struct{})}
}

// Limits of webhooks.
const (
	MaxHooks = 16                 // of an account
	MaxName  = 32                 // bytes
	MaxKeep  = 7 * 24 * time.Hour // that an old secret is good beside the new one
	DayLong  = 24 * time.Hour     // that a message is tried for
)

// Stop is why a webhook sends nothing any more.
type Stop string

// The reasons.
const (
	StopGone   Stop = "gone"   // the receiver has answered 410
	StopFailed Stop = "failed" // a message was not taken for DayLong
	StopLost   Stop = "lost"   // the log has not what comes behind its place, as after a restore
)

// Hook is a webhook of an account.
type Hook struct {
	ID      string      `json:"id"` // of all time
	Name    string      `json:"name"`
	URL     string      `json:"url"`
	Events  []feed.Kind `json:"events"`
	Secrets []Secret    `json:"secrets"` // the newest first
	Made    time.Time   `json:"made"`
	By      string      `json:"by"`

	// From is the place behind which it begins; each time its revision is set anew Turn is
	// another.
	From feed.Place `json:"from"`
	Turn int        `json:"turn,omitempty"`

	Stopped time.Time `json:"stopped,omitzero"`
	Why     Stop      `json:"why,omitempty"`
}

// Secret is a sealed secret.
type Secret struct {
	Sealed string    `json:"sealed"`
	Made   time.Time `json:"made"`
	Until  time.Time `json:"until,omitzero"` // zero: until there is another
}

// NewHook is what a webhook is made with.
type NewHook struct {
	Name, URL string
	Events    []feed.Kind
	By        string
}

// hooks are those of one account.
type hooks struct {
	Hooks []Hook `json:"hooks"`
}

// Kinds of records. All webhooks of an account are one, by its AppID; so are their places.
// The deliveries of each have an AppID, a slash and its ID.
const (
	kindHooks  = record.Kind[hooks]("webhook")
	kindPlaces = "webhookplace"
	kindLog    = record.Kind[[]Delivery]("webhooklog")
)

func (h *hooks) find(name string) *Hook {
	for i := range h.Hooks {
		if h.Hooks[i].Name == name {
			return &h.Hooks[i]
		}
	}
	return nil
}

// of returns the webhooks of an account.
func (s *Service) of(ctx context.Context, app mpblock.AppID) ([]Hook, error) {
	e, err := kindHooks.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	return e.Value.Hooks, err
}

// edit changes one webhook, and tells those who send.
func (s *Service) edit(ctx context.Context, app mpblock.AppID, name string, change func(*Hook) error) (Hook, error) {
	var made Hook
	_, err := kindHooks.Edit(ctx, s.store, string(app), func(e *record.Entry[hooks]) error {
		e.Value.Hooks = slices.Clone(e.Value.Hooks)
		h := e.Value.find(name)
		if h == nil {
			return ErrNone.With(string(app), name)
		}
		err := change(h)
		made = *h
		return err
	})
	if err == nil {
		s.tell()
	}
	return made, err
}

// tell wakes up who waits for changes of webhooks.
func (s *Service) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) told() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Erase removes all that is kept of an account's webhooks.
func (s *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	err := kindHooks.Erase(ctx, s.store, string(app))
	s.tell()
	return errors.Join(err,
		record.Kind[[]byte](kindPlaces).Erase(ctx, s.store, string(app)),
		record.EraseUnder(ctx, s.store, string(app)+"/", string(kindLog)))
}
