package jobs

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/memstore"
)

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if mpblock.KindOf(err) == mpblock.Internal || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal with %q", err, text)
	}
}

// listOf makes a list of lines.
func listOf(text ...string) Source { return pasted(strings.Join(text, "\n")) }

type pasted string

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	sum, err := lines.Read(strings.NewReader(string(p)), lines.Options{}, each)
	return []lines.Summary{sum}, err
}

// logged is an account with a log that a test has written.
type logged struct {
	t   *testing.T
	svc *Service
	a   *mpblock.Account
	app mpblock.AppID
	ids []string
	now time.Time
}

func newLogged(t *testing.T, followers int) *logged {
	t.Helper()
	a := &mpblock.Account{AppID: "wx0123456789abcdef", Prefix: mpblock.Prefix{1, 2, 3, 4}, Key: mpblock.Key{5}}
	l := &logged{t: t, svc: node(t, memstore.New(), a), a: a, app: a.AppID, now: time.Now().Add(-time.Hour).Truncate(time.Millisecond)}
	err := l.svc.lists.MintFollowers(t.Context(), a, followers, func(batch []mpblock.OpenID) error {
		for _, id := range batch {
			l.ids = append(l.ids, id.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(l.ids)
	return l
}

// on puts the jobs on another store, which is to hold the same.
func (l *logged) on(store mpblock.Store) { l.svc = node(l.t, store, l.a) }

// apply writes a change of the followers from to (exclusive), a minute after the one
// before.
func (l *logged) apply(action mpblock.Action, actor, reason string, from, to int) mpblock.Change {
	l.t.Helper()
	l.now = l.now.Add(time.Minute)
	b := mpblock.Batch{Action: action, Actor: actor, Reason: reason, Time: l.now}
	for _, s := range l.ids[from:to] {
		b.OpenIDs = append(b.OpenIDs, mpblock.OpenID([]byte(s)))
	}
	c, err := l.svc.store.Apply(l.t.Context(), l.app, b)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *logged) index(id mpblock.OpenID) int { return slices.Index(l.ids, id.String()) }

// beforeApply is a store on which something happens just before a change.
type beforeApply struct {
	mpblock.Store
	do func()
}

func (s *beforeApply) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if do := s.do; do != nil {
		s.do = nil
		do()
	}
	return s.Store.Apply(ctx, app, b)
}
