package webhooks

import (
	"context"
	"errors"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/record"
	"mpblock/internal/webhooks/post"
)

// MaxDeliveries is how many deliveries of a webhook are kept.
const MaxDeliveries = 100

// Delivery is what became of a message.
type Delivery struct {
	ID       string        `json:"id"`
	Kind     feed.Kind     `json:"kind"`
	Revision uint64        `json:"revision,omitempty"` // 0: of a test, or of who is protected
	Number   uint64        `json:"number,omitempty"`   // of a change of who is protected
	Part     int           `json:"part,omitempty"`
	Parts    int           `json:"parts,omitempty"`
	OpenIDs  int           `json:"openids,omitempty"`
	First    time.Time     `json:"first"`
	Last     time.Time     `json:"last"` // of the last attempt
	Attempts int           `json:"attempts"`
	Took     time.Duration `json:"took"` // the last attempt
	Code     int           `json:"code,omitempty"`
	Fault    post.Fault    `json:"fault,omitempty"` // "": it was taken
	Next     time.Time     `json:"next,omitzero"`   // zero: there is no attempt to come
}

// delivery returns what became of a message at an attempt.
func (m message) delivery(id string, at time.Time, r post.Result) Delivery {
	return Delivery{ID: id, Kind: m.event.Kind, Revision: m.event.Seq, Number: m.event.Number, Part: m.part, Parts: m.parts, OpenIDs: len(m.ids()), First: at, Last: at, Attempts: 1, Took: r.Took, Code: r.Code, Fault: r.Fault}
}

func logKey(app mpblock.AppID, hook string) string { return string(app) + "/" + hook }

// Deliveries returns the last deliveries of a webhook, the newest first.
func (s *Service) Deliveries(ctx context.Context, app mpblock.AppID, name string) ([]Delivery, error) {
	h, err := s.named(ctx, app, name)
	if err != nil {
		return nil, err
	}
	e, err := kindLog.Get(ctx, s.store, logKey(app, h.ID))
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	slices.Reverse(e.Value)
	return e.Value, err
}

func (s *Service) named(ctx context.Context, app mpblock.AppID, name string) (Hook, error) {
	all, err := s.of(ctx, app)
	if err != nil {
		return Hook{}, err
	}
	h := (&hooks{all}).find(name)
	if h == nil {
		return Hook{}, ErrNone.With(string(app), name)
	}
	return *h, nil
}

// note writes down what became of messages, each in the place of what was known of it; of a
// webhook that is no more, nothing.
func (s *Service) note(ctx context.Context, app mpblock.AppID, hook string, news []Delivery) error {
	if len(news) == 0 {
		return nil
	}
	key := logKey(app, hook)
	_, err := kindLog.Edit(ctx, s.store, key, func(e *record.Entry[[]Delivery]) error {
		all := slices.Clone(e.Value)
		for _, d := range news {
			if i := slices.IndexFunc(all, func(old Delivery) bool { return old.ID == d.ID }); i >= 0 {
				d.First, d.Attempts = all[i].First, all[i].Attempts+d.Attempts
				all = slices.Delete(all, i, i+1)
			}
			all = append(all, d)
		}
		e.Value = all[max(0, len(all)-MaxDeliveries):]
		return nil
	})
	if err != nil {
		return err
	}
	// Looked at afterwards: who removes the webhook between erases what was written before.
	there, err := s.of(ctx, app)
	if err == nil && !slices.ContainsFunc(there, func(h Hook) bool { return h.ID == hook }) {
		err = kindLog.Erase(ctx, s.store, key)
	}
	return err
}
