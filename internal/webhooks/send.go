package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/lease"
	"mpblock/internal/webhooks/post"
)

// When a message is tried again: the first time after firstWait, then after twice as long
// each time, up to longestWait; the last time DayLong after the first.
const (
	firstWait   = 5 * time.Second
	longestWait = time.Hour
)

// What is done between two writes of how far a webhook is: after a crash so much is sent
// once more.
const (
	atOnce     = 16 // changes that are read at a time
	writeAfter = time.Second
)

// sender sends the messages of one webhook, one after another.
type sender struct {
	*Service
	app    mpblock.AppID
	id     string // of the webhook
	lease  *lease.Lease[places]
	report func(error)

	changes *feed.Follower

	at    place
	known bool       // that is a place of this log
	queue []message  // behind that
	news  []Delivery // not yet written down, like at where moved
	moved bool
	wrote time.Time
}

// run sends until ctx ends, or the webhook does, or stops.
func (w *sender) run(ctx context.Context) {
	w.changes = w.Feed.Follow(w.app)
	defer w.changes.Close()
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
		defer cancel()
		_ = w.write(last) // what was sent meanwhile is sent again
	}()
	for ctx.Err() == nil {
		told := w.told()
		all, err := w.of(ctx, w.app)
		i := slices.IndexFunc(all, func(h Hook) bool { return h.ID == w.id })
		if err == nil && (i < 0 || !all[i].active()) {
			return
		}
		if err == nil {
			err = w.step(ctx, all[i], told)
		}
		if err != nil && ctx.Err() == nil {
			w.report(fmt.Errorf("webhooks of %s: %w", w.app, err))
			w.pause(ctx, lookEvery, nil)
		}
	}
}

// step does one thing: it waits until a message is to be tried again, reads changes, or
// sends a message.
func (w *sender) step(ctx context.Context, h Hook, told <-chan struct{}) error {
	if w.at.Turn != h.Turn {
		w.at, w.queue, w.moved, w.known = places{map[string]place{h.ID: w.at}}.of(h), nil, true, false
	}
	if !w.known {
		if err := w.Feed.Verify(ctx, w.app, w.at.Place); err != nil {
			return w.lost(ctx, h, err)
		}
		w.known = true
	}
	if wait := w.at.Next.Sub(w.Clock.Now()); !w.at.Next.IsZero() && wait > 0 {
		w.pause(ctx, min(wait, lookEvery), told)
		return nil
	}
	if len(w.queue) == 0 || time.Since(w.wrote) > writeAfter {
		if err := w.write(ctx); err != nil {
			return err
		}
	}
	if len(w.queue) == 0 {
		return w.read(ctx, h)
	}
	m := w.queue[0]
	if !slices.Contains(h.Events, m.event.Kind) {
		w.done(m)
		return nil
	}
	d, r, err := w.attempt(ctx, w.app, h, m, m.id(w.app))
	if err != nil {
		return err
	}
	if r.Fault == "" {
		w.news = append(w.news, d)
		w.done(m)
		return nil
	}
	return w.failed(ctx, h, d, r)
}

// read fills the queue, or waits for a while where there is nothing.
func (w *sender) read(ctx context.Context, h Hook) error {
	some, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	page, err := w.changes.Next(some, w.at.Place, atOnce)
	switch {
	case errors.Is(err, feed.ErrGone):
		return w.lost(ctx, h, err)
	case some.Err() != nil && ctx.Err() == nil: // nothing has happened
		return nil
	case err != nil:
		return err
	}
	after := w.at.Part
	for _, e := range page.Events {
		if e.Number != 0 { // which has one part
			w.queue = append(w.queue, messages(e, 0)...)
			continue
		}
		w.queue = append(w.queue, messages(e, after)...)
		after = 0
	}
	return nil
}

// lost has the webhook stop whose place is of another log.
func (w *sender) lost(ctx context.Context, h Hook, err error) error {
	if !errors.Is(err, feed.ErrGone) {
		return err
	}
	return w.stop(ctx, h, StopLost)
}

// done goes on behind a message.
func (w *sender) done(m message) {
	w.queue, w.moved = w.queue[1:], true
	at := place{Place: w.at.Place, Turn: w.at.Turn, Part: w.at.Part}
	if m.part == m.parts {
		at.Place = at.After(m.event)
	}
	if m.event.Number == 0 {
		at.Part = m.part % m.parts
	}
	w.at = at
}

// failed says when a message is tried again, or has the webhook stop.
func (w *sender) failed(ctx context.Context, h Hook, d Delivery, r post.Result) error {
	if w.at.Attempts == 0 {
		w.at.Since = d.Last
	}
	w.at.Attempts++
	end := w.at.Since.Add(DayLong)
	var stop Stop
	switch {
	case r.Fault == post.Gone:
		stop = StopGone
	case !d.Last.Before(end):
		stop = StopFailed
	default:
		wait := min(firstWait<<min(w.at.Attempts-1, 20), longestWait)
		d.Next = d.Last.Add(max(wait, r.After))
		if d.Next.After(end) {
			d.Next = end
		}
		w.at.Next = d.Next
	}
	if stop != "" {
		w.at.Attempts, w.at.Since, w.at.Next = 0, time.Time{}, time.Time{}
	}
	w.news, w.moved = append(w.news, d), true
	if err := w.write(ctx); err != nil {
		return err
	}
	if stop == "" {
		return nil
	}
	return w.stop(ctx, h, stop)
}

// stop has the webhook send nothing any more, until somebody has it go on.
func (w *sender) stop(ctx context.Context, h Hook, why Stop) error {
	w.Log.Warn("a webhook has stopped", "appid", w.app, "webhook", h.Name, "why", why)
	_, err := w.edit(ctx, w.app, h.Name, func(now *Hook) error {
		if now.ID == h.ID && now.Turn == h.Turn {
			now.Stopped, now.Why = w.Clock.Now().UTC(), why
		}
		return nil
	})
	return err
}

// write writes down how far the webhook is, and what became of its messages.
func (w *sender) write(ctx context.Context) error {
	if w.moved {
		at := w.at
		err := w.lease.Write(ctx, func(p *places) {
			p.Hooks = maps.Clone(p.Hooks)
			if p.Hooks == nil {
				p.Hooks = map[string]place{}
			}
			p.Hooks[w.id] = at
		})
		if err != nil {
			return err
		}
		w.moved = false
	}
	w.wrote = time.Now()
	if err := w.note(ctx, w.app, w.id, w.news); err != nil {
		return err
	}
	w.news = nil
	return nil
}

// attempt makes one attempt to send a message.
func (s *Service) attempt(ctx context.Context, app mpblock.AppID, h Hook, m message, id string) (Delivery, post.Result, error) {
	secrets, err := s.secrets(app, h)
	if err != nil {
		return Delivery{}, post.Result{}, err
	}
	out, err := m.post(app)
	if err != nil {
		return Delivery{}, post.Result{}, err
	}
	out.ID = id
	at := s.Clock.Now()
	r, err := s.Post.Send(ctx, h.URL, secrets, out, at)
	if err != nil {
		return Delivery{}, r, err
	}
	if s.Meter != nil {
		s.Meter.Posted(r)
	}
	return m.delivery(id, at.UTC(), r), r, nil
}
