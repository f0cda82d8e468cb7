package protection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists/protection"
	"mpblock/internal/memstore"
)

var account = &mpblock.Account{AppID: "wx0123456789abcdef", Prefix: mpblock.Prefix{1, 2, 3, 4}}

func ids(from, n int) []mpblock.OpenID {
	out := make([]mpblock.OpenID, n)
	for i := range out {
		out[i] = mpblock.Mint(account.Prefix, mpblock.Key{7}, fmt.Sprint(from+i))
	}
	return out
}

// blocks tells whether somebody can be blocked.
func blocks(t *testing.T, s *protection.Service, id mpblock.OpenID) bool {
	t.Helper()
	done := false
	_, err := s.Guard(t.Context(), account.AppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}}, true, func(mpblock.Batch) (mpblock.Change, error) {
		done = true
		return mpblock.Change{}, nil
	})
	if done == errors.Is(err, protection.ErrProtected) {
		t.Errorf("applied %v, %v", done, err)
	}
	return done
}

func TestProtect(t *testing.T) {
	store := memstore.New()
	s := protection.New(store, nil)
	some := ids(0, 3)
	added, again, err := s.Protect(t.Context(), account, "console:anna", " 客服 ", some[:2])
	if err != nil || len(added) != 2 || len(again) != 0 {
		t.Fatal(added, again, err)
	}
	if added, again, err = s.Protect(t.Context(), account, "console:anna", "客服", some[:1]); err != nil || len(added)+len(again) != 0 {
		t.Errorf("as they are: added %v, again %v, %v", added, again, err)
	}
	if added, again, err = s.Protect(t.Context(), account, "admin", "测试", some[1:]); err != nil || len(added) != 1 || added[0] != some[2] || len(again) != 1 || again[0] != some[1] {
		t.Errorf("added %v, again %v, %v", added, again, err)
	}
	people, err := s.People(t.Context(), account.AppID)
	if err != nil || len(people) != 3 {
		t.Fatal(people, err)
	}
	for i, p := range people {
		want := protection.Person{OpenID: p.OpenID, By: "console:anna", Why: "客服", At: p.At}
		if p.OpenID != some[0] {
			want.By, want.Why = "admin", "测试"
		}
		if p != want || time.Since(p.At) > time.Minute || i > 0 && people[i-1].OpenID.Compare(p.OpenID) >= 0 {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
	if p, is, err := s.Who(t.Context(), account.AppID, some[2]); err != nil || !is || p.By != "admin" || p.Why != "测试" {
		t.Errorf("%+v, %t, %v", p, is, err)
	}
	if _, is, err := s.Who(t.Context(), account.AppID, ids(9, 1)[0]); err != nil || is {
		t.Errorf("protected, though nobody has: %t, %v", is, err)
	}
	if freed, err := s.Unprotect(t.Context(), account, "admin", append(ids(9, 1), some[0])); err != nil || len(freed) != 1 || freed[0] != some[0] {
		t.Errorf("unprotected %v, %v", freed, err)
	}
	if !blocks(t, s, some[0]) || blocks(t, s, some[1]) {
		t.Error("who is not protected is, or the reverse")
	}
	if err := s.Erase(t.Context(), account.AppID); err != nil || !blocks(t, s, some[1]) {
		t.Errorf("erased: %v", err)
	}
	if err := s.Erase(t.Context(), account.AppID); err != nil {
		t.Errorf("erased twice: %v", err)
	}
}

func TestProtectRefuses(t *testing.T) {
	s := protection.New(memstore.New(), nil)
	retired := *account
	retired.Retired = true
	for want, do := range map[string]func() error{
		"one line of 1 to 80": func() error { return protect(t, s, account, " ", ids(0, 1)) },
		"one line of 1 to":    func() error { return protect(t, s, account, "a\nb", ids(0, 1)) },
		"of 1 to 80":          func() error { return protect(t, s, account, strings.Repeat("字", 81), ids(0, 1)) },
		"101 OpenIDs":         func() error { return protect(t, s, account, "x", ids(0, 101)) },
		"0 OpenIDs":           func() error { return protect(t, s, account, "x", nil) },
		"another account": func() error {
			return protect(t, s, account, "x", []mpblock.OpenID{mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{}, "x")})
		},
		"retired": func() error { return protect(t, s, &retired, "x", ids(0, 1)) },
	} {
		if err := do(); mpblock.KindOf(err) == mpblock.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a refusal with %q", err, want)
		}
	}
	for i := range 10 { // of the longest that there can be, all of which fit a record
		if err := protect(t, s, account, strings.Repeat("<", 80), ids(100*i, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := protect(t, s, account, "x", ids(1_000, 1)); err == nil || !strings.Contains(err.Error(), "would have 1001") {
		t.Errorf("one too many: %v", err)
	}
}

func protect(t *testing.T, s *protection.Service, a *mpblock.Account, why string, ids []mpblock.OpenID) error {
	t.Helper()
	_, _, err := s.Protect(t.Context(), a, "console:"+strings.Repeat("a", 56), why, ids)
	return err
}

// counting counts reads of records, and fails when it is told to.
type counting struct {
	mpblock.Store
	mu   sync.Mutex
	gets int
	err  error
}

func (c *counting) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gets++; c.err != nil {
		return mpblock.Record{}, c.err
	}
	return c.Store.Get(ctx, kind, key)
}

// This node goes by what it has written at once, and another within half a second. While
// nothing is protected, many blocks share one read; where it fails, nobody is blocked.
func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memstore.New()}
		here, there := protection.New(store, nil), protection.New(store.Store, nil)
		one := ids(0, 1)
		for range 100 {
			if !blocks(t, here, one[0]) {
				t.Fatal("protected, though nobody is")
			}
		}
		if store.gets != 1 {
			t.Errorf("%d reads for 100 blocks", store.gets)
		}
		if !blocks(t, there, one[0]) || protect(t, here, account, "x", one) != nil || blocks(t, here, one[0]) {
			t.Error("not protected here at once")
		}
		time.Sleep(500 * time.Millisecond)
		if blocks(t, there, one[0]) {
			t.Error("not protected there after half a second")
		}
		time.Sleep(time.Second)
		store.err = errors.New("the shard is away")
		_, err := here.Guard(t.Context(), account.AppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: one}, false, nil)
		if !errors.Is(err, store.err) {
			t.Errorf("a block without an answer: %v", err)
		}
		store.err = nil
		if blocks(t, here, one[0]) {
			t.Error("what was not read is kept")
		}
	})
}

// forgetful cannot say which batches were applied.
type forgetful struct {
	mpblock.Store
	err error
}

func (f *forgetful) Requests(context.Context, mpblock.AppID, [16]byte, int) ([]mpblock.Request, error) {
	return nil, f.err
}

// A batch of a caller's own ID is not applied unguarded where it cannot be known whether it
// was before.
func TestGuardOfABatchThatIsNotKnown(t *testing.T) {
	store := &forgetful{memstore.New(), errors.New("no answer")}
	s := protection.New(store, nil)
	if err := protect(t, s, account, "staff", ids(0, 1)); err != nil {
		t.Fatal(err)
	}
	b := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)}
	b.ID = mpblock.NewRequestID("key", []byte("content"))
	_, err := s.Guard(t.Context(), account.AppID, b, true, func(mpblock.Batch) (mpblock.Change, error) {
		t.Error("somebody who is protected would be blocked")
		return mpblock.Change{}, nil
	})
	if !errors.Is(err, store.err) {
		t.Errorf("%v, want %v", err, store.err)
	}
}
