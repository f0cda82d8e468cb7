package lists

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists/protection"
	"mpblock/internal/wire"
)

func (l *logged) parsed(from, to int) (ids []mpblock.OpenID) {
	for _, s := range l.ids[from:to] {
		ids = append(ids, mpblock.OpenID([]byte(s)))
	}
	return ids
}

func (l *logged) protect(from, to int) {
	l.t.Helper()
	if _, _, err := l.svc.Protection().Protect(l.t.Context(), l.a, "console:anna", "客服", l.parsed(from, to)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *logged) blocked() (got []int) {
	l.t.Helper()
	p, err := l.svc.store.Blacklist(l.t.Context(), l.app, mpblock.OpenID{}, 1_000)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, id := range p.OpenIDs {
		got = append(got, l.index(id))
	}
	return got
}

// Nobody who is protected is blocked by a call of the API, by hand, by a batch or by an
// undo, and each names who is.
func TestProtectedByEveryWay(t *testing.T) {
	l := newLogged(t, 6)
	l.apply(mpblock.Block, "api", "", 0, 3)   // 1
	l.apply(mpblock.Unblock, "api", "", 0, 3) // 2
	l.protect(1, 3)

	unknown := mpblock.Mint(l.a.Prefix, l.a.Key, "nobody").String()
	err := l.svc.Change(t.Context(), l.a, "api", mpblock.Block, []string{l.ids[0], l.ids[2]})
	wantCode(t, err, wire.CodeUserLimited)
	if text := err.Error(); !strings.Contains(text, "list[1]: "+l.ids[2]+" is protected by console:anna (客服)") {
		t.Errorf("the API says %q", text)
	}
	wantCode(t, l.svc.Change(t.Context(), l.a, "api", mpblock.Block, []string{unknown, l.ids[2]}), wire.CodeBadOpenID)
	wantCode(t, l.svc.Change(t.Context(), l.a, "api", mpblock.Block, []string{l.ids[2], unknown}), wire.CodeUserLimited)
	wantCode(t, l.svc.Change(t.Context(), l.a, "api", mpblock.Unblock, l.ids[:3]), wire.CodeOK)

	_, err = l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:bert", Action: mpblock.Block, OpenIDs: l.ids})
	wantRefusal(t, err, l.ids[1]+" is protected")
	_, err = l.svc.Undo(t.Context(), l.a, "console:bert", 2, "")
	if err != nil || !slices.Equal(l.blocked(), []int{0}) { // the others are given back
		t.Errorf("an undo: %v, blocked %v", err, l.blocked())
	}

	var refused *mpblock.RefusedError
	c, err := l.svc.Apply(t.Context(), l.a, mpblock.Batch{Action: mpblock.Block, OpenIDs: l.parsed(0, 6), Actor: "job:1"})
	if !errors.As(err, &refused) || len(refused.Refused) != 2 || len(c.OpenIDs) != 3 || !errors.Is(refused.Refused[0].Err, protection.ErrProtected) {
		t.Errorf("a batch in part: %+v, %v", c, err)
	}
	if got := l.blocked(); !slices.Equal(got, []int{0, 3, 4, 5}) {
		t.Errorf("blocked %v", got)
	}
	_, err = l.svc.Apply(t.Context(), l.a, mpblock.Batch{Action: mpblock.Block, OpenIDs: l.parsed(1, 2), Actor: "job:1"})
	if !errors.As(err, &refused) {
		t.Errorf("a batch of protected ones: %v", err)
	}

	if _, err := l.svc.Protection().Unprotect(t.Context(), l.a, "admin", l.parsed(1, 2)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, l.svc.Change(t.Context(), l.a, "api", mpblock.Block, l.ids[1:2]), wire.CodeOK)
}

// An undo of which nothing can be done is refused by name.
func TestUndoOfTheProtected(t *testing.T) {
	l := newLogged(t, 2)
	l.apply(mpblock.Block, "api", "", 0, 2)   // 1
	l.apply(mpblock.Unblock, "api", "", 0, 2) // 2
	l.protect(0, 2)
	_, err := l.svc.Undo(t.Context(), l.a, "console:bert", 2, "")
	wantRefusal(t, err, l.ids[0]+" is protected by console:anna")
}

// A place in a batch is that which its caller knows, and who is blocked may be amended and
// stays blocked when protected.
func TestProtectedInTheMiddle(t *testing.T) {
	l := newLogged(t, 3)
	l.protect(0, 1)
	batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: append(l.parsed(0, 2), mpblock.OpenID{1}), Actor: "job:1", Known: true}
	var unknown *mpblock.UnknownError
	if _, err := l.svc.Apply(t.Context(), l.a, batch); !errors.As(err, &unknown) || unknown.Index != 2 {
		t.Errorf("an unknown one behind a protected one: %v", err)
	}
	l.apply(mpblock.Block, "api", "", 2, 3)
	l.protect(2, 3)
	amend := Hand{Actor: "console:anna", Action: mpblock.Amend, OpenIDs: l.ids[2:], Reason: "x", Until: time.Now().Add(time.Hour)}
	if out, err := l.svc.ByHand(t.Context(), l.a, amend); err != nil || out.Done != 1 {
		t.Errorf("an amend: %+v, %v", out, err)
	}
}

// A request that was applied before somebody was protected is answered as it was.
func TestRequestBeforeProtection(t *testing.T) {
	l := newLogged(t, 2)
	h := Hand{Actor: "api:shop", Action: mpblock.Block, OpenIDs: l.ids, ID: mpblock.NewRequestID("k", nil)}
	first, err := l.svc.ByHand(t.Context(), l.a, h)
	if err != nil {
		t.Fatal(err)
	}
	l.protect(0, 1)
	if again, err := l.svc.ByHand(t.Context(), l.a, h); err != nil || again != first {
		t.Errorf("asked again: %+v, %v, want %+v", again, err, first)
	}
	h.ID = mpblock.NewRequestID("k", []byte("other"))
	_, err = l.svc.ByHand(t.Context(), l.a, h)
	wantRefusal(t, err, "used within the last 24 hours")
	h.ID = mpblock.NewRequestID("new", nil)
	_, err = l.svc.ByHand(t.Context(), l.a, h)
	wantRefusal(t, err, "is protected")
}
