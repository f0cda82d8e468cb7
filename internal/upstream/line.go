package upstream

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/internal/lease"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
)

// line is what one process has of an account on the platform.
type line struct {
	turns turns
	tally tally
	lease *lease.Lease[work] // of who has the turn

	// These are under the lock of the Service.
	client *client.Client // nil until it is needed
	sealed []byte         // where its tokens come from: another node may have changed that
	limits budget.Limits
	told   budget.Told
	page   int // OpenIDs in a page of the list
}

// work is the state of an account's line, over all nodes: what is under way, and what was
// used of the budget. It lies in the lease that who works on the line has.
type work struct {
	Intent *intent     `json:"intent,omitempty"`
	Used   budget.Used `json:"used"`

	// Idle are the last OpenIDs of which the platform was told what was so here already,
	// and Idled is how many there ever were: a reading under way may show them otherwise.
	Idle  []string `json:"idle,omitempty"`
	Idled uint64   `json:"idled,omitempty"`
}

// mostIdle is how many of them are kept between two readings.
const mostIdle = 1_000

// idle notes those of what was asked for that changed nothing here.
func (w *work) idle(ids []mpblock.OpenID) {
	all := slices.Clone(w.Idle)
	for _, id := range ids {
		all = append(all, id.String())
	}
	w.Idle, w.Idled = all[max(0, len(all)-mostIdle):], w.Idled+uint64(len(ids))
}

// idleSince returns those that came after there were so many, if they are all known.
func (w *work) idleSince(idled uint64) ([]string, bool) {
	since := w.Idled - idled // very many where the account was made anew
	if since > uint64(len(w.Idle)) {
		return nil, false
	}
	return w.Idle[uint64(len(w.Idle))-since:], true
}

// kindLine is the kind of the leases of lines; their keys are AppIDs.
const kindLine = "upstreamline"

// line returns what this process has of an account, with a client that is up to date.
func (s *Service) line(ctx context.Context, app mpblock.AppID) (*line, *client.Client, error) {
	e, err := kindUpstream.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, nil, errNone.With(app)
	}
	if err != nil {
		return nil, nil, err
	}
	by, err := s.sealing(false)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[app]
	if l == nil {
		l = &line{}
		s.lines[app] = l
	}
	l.limits, l.told, l.page = e.Value.Limits, e.Value.Told, e.Value.pageSize()
	if l.client == nil || !bytes.Equal(l.sealed, e.Value.Secret) {
		tokens, err := openSpec(by, app, e.Value)
		if err != nil {
			return nil, nil, err
		}
		observe := client.WithObserver(func(m client.Made) { s.meter.Called(app, m); l.tally.made(m) })
		if l.client, err = s.dial(app, e.Value.BaseURL, tokens, observe); err != nil {
			return nil, nil, err
		}
		l.sealed = e.Value.Secret
	}
	return l, l.client, nil
}

// hold is the right to change an account's list on the platform, and here: nobody else has
// it, in this process or in another.
type hold struct {
	*line
	s     *Service
	app   mpblock.AppID
	to    *client.Client
	here  int // blocked at the beginning
	calls int // that were made under it

	unread error // why the list could not be read under it
	asker
}

// asker is who wants a hold.
type asker struct {
	urgent bool // before who is not
	reads  bool // the list itself: what is to be settled does not wait for its time
	moves  bool // the list elsewhere: what cannot be settled here is settled there
	sure   bool // of the list, however short it is: somebody has looked at it
}

// releaseTime is how long giving up a lease may take.
const releaseTime = 5 * time.Second

// hold waits for its turn, and settles what was left behind.
func (s *Service) hold(ctx context.Context, app mpblock.AppID, who asker) (*hold, error) {
	l, _, err := s.line(ctx, app)
	if err != nil {
		return nil, err
	}
	if err := l.turns.take(ctx, who.urgent); err != nil {
		return nil, err
	}
	h := &hold{line: l, s: s, app: app, asker: who}
	if l.lease != nil && l.lease.Lost() {
		_ = l.lease.Release(ctx) // says that it is lost
		l.lease = nil
	}
	if l.lease == nil {
		l.lease, err = s.leases.Take(ctx, string(app))
	}
	if err == nil {
		_, h.to, err = s.line(ctx, app) // it may lie elsewhere since
	}
	if err == nil {
		var head mpblock.Page
		head, err = s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		h.here = head.Total
	}
	if err == nil {
		if err = h.settle(ctx); who.moves {
			err = nil
		}
	}
	if err != nil {
		h.release(ctx)
		return nil, err
	}
	return h, nil
}

// release lets others in: whoever waits in this process has the lease too, unless another
// node wants it.
func (h *hold) release(ctx context.Context) {
	if h.lease != nil && !h.lease.Lost() && !h.lease.Wanted() && h.turns.hand() {
		return
	}
	defer h.turns.give()
	if h.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := h.lease.Release(ctx); err != nil && !errors.Is(err, lease.ErrLost) {
		h.s.log.Warn("the lease of an account on the platform was not given up: it ends by itself", "appid", h.app, "error", err)
	}
	h.lease = nil
}

// write changes the state of the line, and adds to it what was spent since it was written
// last.
func (h *hold) write(ctx context.Context, more budget.Calls, change func(*work)) error {
	spent := h.tally.unnoted()
	now := h.s.clock.Now()
	err := h.lease.Write(ctx, func(w *work) {
		w.Used = w.Used.At(now)
		w.Used.Spend(spent)
		w.Used.Spend(more)
		change(w)
	})
	if err == nil {
		h.tally.note(spent, more)
	}
	return err
}

// All implements bulk.Server: it hands over the platform's list, to settle what is under way.
func (h *hold) All(ctx context.Context) iter.Seq2[client.OpenID, error] {
	return func(yield func(client.OpenID, error) bool) {
		l, err := h.ascertain(ctx)
		if err != nil {
			yield("", err)
			return
		}
		for id := range l.ids {
			if !yield(client.OpenID(id), nil) {
				return
			}
		}
	}
}

// asked returns how many OpenIDs may be gone from the platform's list by the change under
// way.
func (h *hold) asked() int {
	if in := h.lease.Value().Intent; in != nil && in.Action == mpblock.Unblock {
		return in.count(bulk.Done) + in.count(bulk.Unknown)
	}
	return 0
}

// Block implements bulk.Server.
func (h *hold) Block(ctx context.Context, ids ...client.OpenID) error {
	return h.call(ctx, h.to.Block, ids)
}

// Unblock implements bulk.Server.
func (h *hold) Unblock(ctx context.Context, ids ...client.OpenID) error {
	return h.call(ctx, h.to.Unblock, ids)
}

// call makes a call, which ends with the lease: another may then begin.
func (h *hold) call(ctx context.Context, call func(context.Context, ...client.OpenID) error, ids []client.OpenID) error {
	ctx, cancel := h.lease.Context(ctx)
	defer cancel()
	h.calls++
	return call(ctx, ids...)
}

// apply makes a change here, as far as nobody else has the lease.
func (h *hold) apply(ctx context.Context, b mpblock.Batch) (mpblock.Change, error) {
	if err := h.lease.Renew(ctx); err != nil {
		return mpblock.Change{}, err
	}
	ctx, cancel := h.lease.Context(ctx)
	defer cancel()
	return h.s.store.Apply(ctx, h.app, b)
}

// kindIntent is the kind of the records of the OpenIDs of intents that have many; their
// keys are AppIDs and something random.
const kindIntent = record.Kind[[]byte]("intent")
