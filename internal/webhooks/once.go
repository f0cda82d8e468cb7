package webhooks

import (
	"context"
	"crypto/rand"
	"slices"

	"mpblock"
	"mpblock/internal/feed"
)

// Test sends a message that tells of nothing, once and at once, and returns what became of
// it. It is for webhooks that have stopped too.
func (s *Service) Test(ctx context.Context, app mpblock.AppID, name string) (Delivery, error) {
	h, err := s.named(ctx, app, name)
	if err != nil {
		return Delivery{}, err
	}
	m := message{feed.Event{Kind: test, Change: mpblock.Change{Time: s.Clock.Now()}}, 0, 0}
	return s.once(ctx, app, h, m, "msg_"+string(app)+"_test_"+rand.Text()[:12])
}

// Resend sends once more, at once, a message of those that are kept, with its id, and
// returns what became of it. Where the webhook is does not change.
func (s *Service) Resend(ctx context.Context, app mpblock.AppID, name, id string) (Delivery, error) {
	h, err := s.named(ctx, app, name)
	if err != nil {
		return Delivery{}, err
	}
	all, err := s.Deliveries(ctx, app, name)
	if err != nil {
		return Delivery{}, err
	}
	i := slices.IndexFunc(all, func(d Delivery) bool { return d.ID == id })
	if i < 0 {
		return Delivery{}, errDelivery.With(name, id, MaxDeliveries)
	}
	d := all[i]
	if d.Kind == test {
		return s.Test(ctx, app, name)
	}
	e, there, err := s.Feed.Event(ctx, app, d.Revision, d.Number)
	if err != nil {
		return Delivery{}, err
	}
	if !there {
		return Delivery{}, errDelivery.With(name, id, MaxDeliveries)
	}
	for _, m := range messages(e, d.Part-1) {
		if m.id(app) == id {
			return s.once(ctx, app, h, m, id)
		}
	}
	return Delivery{}, errDelivery.With(name, id, MaxDeliveries) // of a log that was there before this one
}

// once makes one attempt, whoever else sends.
func (s *Service) once(ctx context.Context, app mpblock.AppID, h Hook, m message, id string) (Delivery, error) {
	d, _, err := s.attempt(ctx, app, h, m, id)
	if err != nil {
		return Delivery{}, err
	}
	return d, s.note(ctx, app, h.ID, []Delivery{d})
}
