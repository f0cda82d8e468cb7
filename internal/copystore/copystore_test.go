package copystore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mpblock"
	accounts "mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/pebblestore"
)

// failing is a store whose writes fail once so many have succeeded.
type failing struct {
	mpblock.Store
	left int
}

var errGone = errors.New("the store is gone")

func (f *failing) count() error {
	if f.left--; f.left < 0 {
		return errGone
	}
	return nil
}

func (f *failing) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	if err := f.count(); err != nil {
		return 0, err
	}
	return f.Store.AddFollowers(ctx, app, ids)
}

func (f *failing) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := f.count(); err != nil {
		return mpblock.Change{}, err
	}
	return f.Store.Apply(ctx, app, b)
}

func (f *failing) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if err := f.count(); err != nil {
		return r, err
	}
	return f.Store.Put(ctx, r)
}

func (f *failing) Delete(ctx context.Context, kind, key string, version uint64) error {
	if err := f.count(); err != nil {
		return err
	}
	return f.Store.Delete(ctx, kind, key, version)
}

// newStore makes a store with a platform of one account, which has 2,000 followers.
func newStore(t *testing.T, app mpblock.AppID) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	store := openStore(t, dir)
	p, err := accounts.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := p.AddAccount(t.Context(), accounts.NewAccount{AppID: app})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.MintFollowers(t.Context(), a, 2_000, func([]mpblock.OpenID) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openStore(t *testing.T, dir string) *pebblestore.Store {
	t.Helper()
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// withHistory makes a store of one account with changes of every sort.
func withHistory(t *testing.T) (dir string) {
	t.Helper()
	const app = mpblock.AppID("wx0000000000000001")
	dir = newStore(t, app)
	s := openStore(t, dir)
	p, err := s.Followers(t.Context(), app, mpblock.OpenID{}, 2_000)
	if err != nil {
		t.Fatal(err)
	}
	ids := p.OpenIDs
	var last mpblock.Change
	for i := range 12 {
		b := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids[i : i+5], Actor: "test", Reason: "广告", Time: time.Now().Add(time.Duration(i) * time.Hour)}
		if i%3 == 2 {
			b.Action = mpblock.Unblock
		}
		if i%2 == 0 {
			b.ID = mpblock.NewRequestID(fmt.Sprint(i), []byte("content"))
		}
		if i == 6 {
			b.Undoes, b.OpenIDs = last.Seq, last.OpenIDs // gives back
		}
		if last, err = s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
		if i == 6 && last.Undoes == 0 {
			t.Fatal("nothing was given back")
		}
	}
	nothing := mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids[1_000:], Actor: "test", Time: time.Now(), ID: mpblock.NewRequestID("nothing", nil)}
	if _, err := s.Apply(t.Context(), app, nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), mpblock.Record{Kind: "a kind of its own", Key: "k", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A copy that ends after any of its writes is gone on with, and is then as if it
// had never ended. Until then it is not served.
func TestCopyThatEndsAnywhere(t *testing.T) {
	dir := withHistory(t)
	from := openStore(t, dir)
	defer from.Close()
	for writes := 0; ; writes++ {
		target := filepath.Join(t.TempDir(), "data")
		to := openStore(t, target)
		err := copied(t, from, &failing{Store: to, left: writes})
		if err == nil {
			if writes < 15 {
				t.Errorf("a copy of %d writes", writes)
			}
			to.Close()
			return
		}
		if !errors.Is(err, errGone) {
			t.Fatal(err)
		}
		if err := Complete(t.Context(), to); writes > 0 && err == nil {
			t.Errorf("after %d writes it is served", writes)
		}
		if err := copied(t, from, to); err != nil {
			t.Errorf("after %d writes it cannot be gone on with: %v", writes, err)
		}
		if err := Complete(t.Context(), to); err != nil {
			t.Errorf("complete, and not served: %v", err)
		}
		if d := cmp.Diff(contents(t, from), contents(t, to)); d != "" {
			t.Errorf("after %d writes: (-copied +copy)\n%s", writes, d)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func copied(t *testing.T, from, to mpblock.Store) error {
	t.Helper()
	_, err := Copy(t.Context(), from, to, Options{FromName: "this", ToName: "that"})
	return err
}

// contents is all that a store holds, but for versions.
func contents(t *testing.T, s mpblock.Store) map[string]any {
	t.Helper()
	const app = mpblock.AppID("wx0000000000000001")
	all := map[string]any{}
	kinds, err := s.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		err := eachRecord(t.Context(), s, kind, func(r mpblock.Record) error {
			r.Version = 0
			all[kind+" "+r.Key] = r
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if all["requests"], err = s.Requests(t.Context(), app, [16]byte{}, 100); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]func(context.Context, mpblock.AppID, mpblock.OpenID, int) (mpblock.Page, error){"followers": s.Followers, "blacklist": s.Blacklist} {
		p, err := list(t.Context(), app, mpblock.OpenID{}, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		all[name], all[name+" total"] = p.OpenIDs, p.Total
	}
	if all["changes"], err = s.Changes(t.Context(), app, 0, 1_000); err != nil {
		t.Fatal(err)
	}
	return all
}

// What is not an unfinished copy of the same platform is not changed.
func TestCopyOverSomethingElse(t *testing.T) {
	dir := withHistory(t)
	for name, spoil := range map[string]func(t *testing.T, from, to mpblock.Store){
		"it holds another platform": func(t *testing.T, _, s mpblock.Store) {
			if _, err := accounts.Open(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		},
		"it is an unfinished copy of another platform": func(t *testing.T, _, s mpblock.Store) {
			if _, err := s.Put(t.Context(), mpblock.Record{Kind: MarkKind, Key: MarkKey, Value: []byte("another")}); err != nil {
				t.Fatal(err)
			}
		},
		"has 2000 followers and 13 changes, want 2000 and 12": complete(func(t *testing.T, s mpblock.Store, app mpblock.AppID) {
			p, err := s.Followers(t.Context(), app, mpblock.OpenID{}, 2_000)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: p.OpenIDs, Actor: "test"}); err != nil {
				t.Fatal(err)
			}
		}),
		"has other followers": complete(func(t *testing.T, s mpblock.Store, app mpblock.AppID) {
			p, err := s.Followers(t.Context(), app, mpblock.OpenID{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.RemoveFollowers(t.Context(), app, p.OpenIDs); err != nil {
				t.Fatal(err)
			}
		}),
		"it has a record account wx0000000000000002": complete(func(t *testing.T, s mpblock.Store, _ mpblock.AppID) {
			if _, err := s.Put(t.Context(), mpblock.Record{Kind: accounts.KindAccount, Key: "wx0000000000000002"}); err != nil {
				t.Fatal(err)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			from, to := openStore(t, dir), openStore(t, filepath.Join(t.TempDir(), "data"))
			defer from.Close()
			defer to.Close()
			spoil(t, from, to)
			before := contents(t, to)
			var refused *Refused
			if err := copied(t, from, to); !errors.As(err, &refused) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v", err)
			}
			if d := cmp.Diff(before, contents(t, to)); d != "" {
				t.Errorf("it was changed: (-before +after)\n%s", d)
			}
		})
	}
}

// complete copies a store and then changes the copy.
func complete(then func(*testing.T, mpblock.Store, mpblock.AppID)) func(t *testing.T, from, to mpblock.Store) {
	return func(t *testing.T, from, to mpblock.Store) {
		t.Helper()
		if err := copied(t, from, to); err != nil {
			t.Fatal(err)
		}
		then(t, to, "wx0000000000000001")
	}
}

// What is no platform, or half of one, is not copied.
func TestCopyOfNothing(t *testing.T) {
	from, to := memstore.New(), memstore.New()
	refuses := func(says string) {
		t.Helper()
		var refused *Refused
		if err := copied(t, from, to); !errors.As(err, &refused) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want one that says %q", err, says)
		}
		if kinds, err := to.Kinds(t.Context()); len(kinds) > 0 || err != nil {
			t.Errorf("written: %v, %v", kinds, err)
		}
	}
	refuses("this holds no platform")
	if _, err := from.Put(t.Context(), mpblock.Record{Kind: MarkKind, Key: MarkKey}); err != nil {
		t.Fatal(err)
	}
	refuses("this is an unfinished copy itself")
}

// Of an account that is removed while a copy is interrupted, or was before, nothing but its
// record is copied; what the copy has of it already is erased.
func TestCopyOfARemovedAccount(t *testing.T) {
	const app = mpblock.AppID("wx0000000000000001")
	dir := withHistory(t)
	from := openStore(t, dir)
	defer from.Close()
	p, err := accounts.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	to := memstore.New()
	if err := copied(t, from, &failing{Store: to, left: 9}); !errors.Is(err, errGone) {
		t.Fatal(err)
	}
	if f, err := to.Followers(t.Context(), app, mpblock.OpenID{}, 0); err != nil || f.Total == 0 {
		t.Fatalf("the copy has %d followers, %v", f.Total, err)
	}
	_, err = p.UpdateAccount(t.Context(), app, func(a *mpblock.Account) error { a.Retired = true; return nil })
	if err := errors.Join(err, p.Remove(t.Context(), app)); err != nil {
		t.Fatal(err)
	}
	check := func(what string, to *memstore.Store) {
		t.Helper()
		if err := copied(t, from, to); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got, err := accounts.Open(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := got.Account(t.Context(), app); !errors.Is(err, accounts.ErrNoAccount) {
			t.Errorf("%s: the account is there: %v", what, err)
		}
		f, err1 := to.Followers(t.Context(), app, mpblock.OpenID{}, 0)
		b, err2 := to.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)
		if err := errors.Join(err1, err2); err != nil || f.Total+b.Total+int(b.Seq) > 0 {
			t.Errorf("%s: %d followers, %d blocked, seq %d, %v", what, f.Total, b.Total, b.Seq, err)
		}
	}
	check("under way, an interrupted copy", to)
	check("under way, a complete copy", to)
	check("under way, a new copy", memstore.New())
	if err := errors.Join(from.Erase(t.Context(), app), p.Erase(t.Context(), app), p.Bury(t.Context(), app)); err != nil {
		t.Fatal(err)
	}
	done := memstore.New()
	check("done", done)
	if got, err := accounts.Open(t.Context(), done); err != nil {
		t.Fatal(err)
	} else if _, _, err := got.AddAccount(t.Context(), accounts.NewAccount{AppID: app}); err == nil {
		t.Error("the AppID is used again in the copy")
	}
}
