package webhooks

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/record"
	"mpblock/internal/webhooks/post"
)

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// ParseName reads the name of a webhook.
func ParseName(text string) (string, error) {
	if !names.MatchString(text) {
		return "", errName.With(text, MaxName)
	}
	return text, nil
}

// View is a webhook as it is shown: without its secrets.
type View struct {
	Hook             // Secrets are those that are good, and have no more than their times
	Revision uint64  // up to which it was told of the changes
	Behind   uint64  // how many changes there are that it was not told of, or that are not for it
	Failing  Failing // what becomes of the message that it is at
}

// State is how a webhook is.
type State string

// The states of a webhook.
const (
	Stopped State = "stopped"
	Retried State = "failing" // the message that it is at was not taken, and is tried again
	Unused  State = "unused"  // nothing was sent yet
	Untaken State = "untaken" // the last one was not taken, and is not tried again, such as a test
	Works   State = "works"
)

// States returns all states.
func States() []State { return []State{Stopped, Retried, Unused, Untaken, Works} }

// State returns how a webhook is by what it was sent, the newest first.
func (v View) State(sent []Delivery) State {
	switch {
	case !v.Stopped.IsZero():
		return Stopped
	case v.Failing.Attempts > 0:
		return Retried
	case len(sent) == 0:
		return Unused
	case sent[0].Fault != "":
		return Untaken
	}
	return Works
}

// Failing is a message that was not taken yet.
type Failing struct {
	Attempts    int       // 0: there is none
	Since, Next time.Time // of the first attempt, and of the next
}

// Hooks returns the webhooks of an account, in the order in which they were made.
func (s *Service) Hooks(ctx context.Context, app mpblock.AppID) ([]View, error) {
	all, err := s.of(ctx, app)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slot, err := s.leases.Peek(ctx, string(app))
	if err != nil {
		return nil, err
	}
	head, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(all))
	for i, h := range all {
		p := slot.Value.of(h)
		v := View{Hook: h, Revision: p.Revision, Behind: head.Seq - min(head.Seq, p.Revision), Failing: Failing{p.Attempts, p.Since, p.Next}}
		v.Secrets = nil
		for _, one := range s.good(h) {
			v.Secrets = append(v.Secrets, Secret{Made: one.Made, Until: one.Until})
		}
		views[i] = v
	}
	return views, nil
}

// Hook returns one webhook.
func (s *Service) Hook(ctx context.Context, app mpblock.AppID, name string) (View, error) {
	all, err := s.Hooks(ctx, app)
	if err != nil {
		return View{}, err
	}
	for _, v := range all {
		if v.Name == name {
			return v, nil
		}
	}
	return View{}, ErrNone.With(string(app), name)
}

// sealed returns a new secret, and as it is kept.
func (s *Service) sealed(app mpblock.AppID) (secret string, kept Secret, err error) {
	secret = post.NewSecret()
	kept = Secret{Made: s.Clock.Now().UTC()}
	kept.Sealed, err = s.Seal.Wrap(sealName(app), secret)
	return secret, kept, err
}

func sealName(app mpblock.AppID) string { return "webhook:" + string(app) }

// Add makes a webhook, which is told of the changes from now on. It returns the secret,
// which cannot be shown again.
func (s *Service) Add(ctx context.Context, app mpblock.AppID, n NewHook) (h Hook, secret string, err error) {
	if _, err := ParseName(n.Name); err != nil {
		return Hook{}, "", err
	}
	if err := s.Post.Check(n.URL); err != nil {
		return Hook{}, "", err
	}
	if len(n.Events) == 0 {
		return Hook{}, "", errNoEvent
	}
	secret, kept, err := s.sealed(app)
	if err != nil {
		return Hook{}, "", err
	}
	head, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return Hook{}, "", err
	}
	from, err := s.Feed.Now(ctx, app, head.Seq)
	if err != nil {
		return Hook{}, "", err
	}
	h = Hook{ID: strings.ToLower(rand.Text()[:16]), Name: n.Name, URL: n.URL, Events: n.Events, Secrets: []Secret{kept}, Made: kept.Made, By: n.By, From: from}
	_, err = kindHooks.Edit(ctx, s.store, string(app), func(e *record.Entry[hooks]) error {
		if e.Value.find(n.Name) != nil {
			return errExists.With(string(app), n.Name)
		}
		if len(e.Value.Hooks) >= MaxHooks {
			return errMany.With(string(app), MaxHooks)
		}
		e.Value.Hooks = append(slices.Clone(e.Value.Hooks), h)
		return nil
	})
	if err == nil {
		s.tell()
	}
	return h, secret, err
}

// Rotate gives a webhook a new secret, and has messages signed with the old one too for a
// while. It returns the new one, which cannot be shown again.
func (s *Service) Rotate(ctx context.Context, app mpblock.AppID, name string, keep time.Duration) (h Hook, secret string, err error) {
	if keep < 0 || keep > MaxKeep {
		return Hook{}, "", errKeep.With(keep.String(), MaxKeep.String())
	}
	secret, kept, err := s.sealed(app)
	if err != nil {
		return Hook{}, "", err
	}
	h, err = s.edit(ctx, app, name, func(h *Hook) error {
		old := h.Secrets[0]
		old.Until = kept.Made.Add(keep)
		h.Secrets = []Secret{kept}
		if keep > 0 {
			h.Secrets = append(h.Secrets, old)
		}
		return nil
	})
	return h, secret, err
}

// Remove ends a webhook.
func (s *Service) Remove(ctx context.Context, app mpblock.AppID, name string) (Hook, error) {
	var gone Hook
	_, err := kindHooks.Edit(ctx, s.store, string(app), func(e *record.Entry[hooks]) error {
		h := e.Value.find(name)
		if h == nil {
			return ErrNone.With(string(app), name)
		}
		gone = *h
		e.Value.Hooks = slices.DeleteFunc(slices.Clone(e.Value.Hooks), func(h Hook) bool { return h.Name == name })
		return nil
	})
	if err != nil {
		return Hook{}, err
	}
	s.tell()
	return gone, kindLog.Erase(ctx, s.store, logKey(app, gone.ID))
}

// Resume has a webhook go on that has stopped, from its place; or any, if after is not nil,
// from behind another revision.
func (s *Service) Resume(ctx context.Context, app mpblock.AppID, name string, after *uint64) (Hook, error) {
	var from feed.Place
	if after != nil {
		head, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		if err != nil {
			return Hook{}, err
		}
		if *after > head.Seq {
			return Hook{}, errRevision.With(*after, head.Seq)
		}
		if from, err = s.Feed.Now(ctx, app, *after); err != nil {
			return Hook{}, err
		}
	}
	return s.edit(ctx, app, name, func(h *Hook) error {
		h.Stopped, h.Why = time.Time{}, ""
		if after != nil {
			from.Protection = h.From.Protection
			h.From, h.Turn = from, h.Turn+1
		}
		return nil
	})
}

// good returns the secrets of a webhook that are good now.
func (s *Service) good(h Hook) (all []Secret) {
	now := s.Clock.Now()
	for _, one := range h.Secrets {
		if one.Until.IsZero() || now.Before(one.Until) {
			all = append(all, one)
		}
	}
	return all
}

// secrets returns the secrets that messages are signed with now.
func (s *Service) secrets(app mpblock.AppID, h Hook) (all []string, err error) {
	for _, one := range s.good(h) {
		secret, err := s.Seal.Unwrap(sealName(app), one.Sealed)
		if err != nil {
			return nil, err
		}
		all = append(all, secret)
	}
	return all, nil
}
