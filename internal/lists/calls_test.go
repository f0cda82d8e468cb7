package lists

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/quoted"
	"mpblock/internal/wire"
)

func open(t *testing.T, store mpblock.Store) *Service {
	t.Helper()
	svc, err := New(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// newAccount returns an account, which nothing here keeps.
func newAccount() *mpblock.Account {
	return &mpblock.Account{AppID: "wx0123456789abcdef", Prefix: mpblock.Prefix{1, 2, 3, 4}, Key: mpblock.Key{5}}
}

func wantCode(t *testing.T, err error, want wire.Code) {
	t.Helper()
	got := wire.CodeOK
	if err != nil {
		got = wire.ErrorOf(err).Code
	}
	if got != want {
		t.Errorf("code %d (%v), want %d", got, err, want)
	}
}

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if mpblock.KindOf(err) == mpblock.Internal || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal with %q", err, text)
	}
}

// follow registers n followers and returns them in byte order.
func follow(t *testing.T, svc *Service, a *mpblock.Account, n int) []string {
	t.Helper()
	var ids []string
	err := svc.MintFollowers(t.Context(), a, n, func(batch []mpblock.OpenID) error {
		for _, id := range batch {
			ids = append(ids, id.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func TestChange(t *testing.T) {
	svc := open(t, memstore.New())
	a := newAccount()
	f := follow(t, svc, a, 25)
	foreign := mpblock.Mint(mpblock.Prefix{9, 9, 9, 9}, a.Key, "x").String()
	unknown := mpblock.Mint(a.Prefix, a.Key, "nobody").String()
	tests := []struct {
		name   string
		ids    []string
		code   wire.Code
		detail string
	}{
		{"empty", nil, wire.CodeBadListSize, "0 OpenIDs, want 1 to 20"},
		{"21", f[:21], wire.CodeBadListSize, "21 OpenIDs"},
		{"wrong shape", []string{f[0], f[1], "OPENID1"}, wire.CodeBadOpenID, "list[2]: not an OpenID: 7 bytes long, an OpenID has 28"},
		{"empty string", []string{""}, wire.CodeBadOpenID, "list[0]: not an OpenID: 0 bytes long"},
		{"another account's", []string{f[0], foreign}, wire.CodeNotThisAppOpenID, "list[1]: an OpenID of another account: those of " + string(a.AppID) + " begin with " + f[0][:6]},
		{"not a follower", []string{f[0], f[1], unknown}, wire.CodeBadOpenID, "list[2]: not a follower"},
		{"unknown before wrong shape", []string{f[0], unknown, "OPENID1"}, wire.CodeBadOpenID, "list[1]: not a follower"},
		{"unknown before another account's", []string{unknown, foreign}, wire.CodeBadOpenID, "list[0]: not a follower"},
		{"another account's before unknown", []string{foreign, unknown}, wire.CodeNotThisAppOpenID, "list[0]"},
	}
	for _, tt := range tests {
		for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
			t.Run(fmt.Sprint(tt.name, "/", action), func(t *testing.T) {
				err := svc.Change(t.Context(), a, mpblock.ActorAPI, action, tt.ids)
				wantCode(t, err, tt.code)
				if !strings.Contains(wire.ErrorOf(err).Detail, tt.detail) {
					t.Errorf("detail %q lacks %q", wire.ErrorOf(err).Detail, tt.detail)
				}
				if totals, err := svc.Totals(t.Context(), a.AppID); err != nil || totals.Blocked != 0 {
					t.Errorf("a refused list changed something: %+v, %v", totals, err)
				}
			})
		}
	}

	if err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Block, append(f[:19:19], f[0])); err != nil {
		t.Error(err)
	}
	if err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Block, f[:5]); err != nil {
		t.Errorf("blocked again: %v", err)
	}
	if _, err := svc.store.RemoveFollowers(t.Context(), a.AppID, []mpblock.OpenID{mpblock.OpenID([]byte(f[0]))}); err != nil {
		t.Fatal(err)
	}
	if err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Unblock, f[:1]); err != nil {
		t.Errorf("one who left cannot be unblocked: %v", err)
	}
	log, err := svc.store.Changes(t.Context(), a.AppID, 0, 9)
	if err != nil || len(log) != 2 || len(log[0].OpenIDs) != 19 || log[0].Actor != "api" || log[0].Time.IsZero() || len(log[1].OpenIDs) != 1 {
		t.Errorf("the log is %+v, %v", log, err)
	}
}

func TestAnyFollower(t *testing.T) {
	svc := open(t, memstore.New())
	a := newAccount()
	a.AnyFollower = true
	stranger := mpblock.Mint(a.Prefix, a.Key, "stranger").String()
	if err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Block, []string{stranger}); err != nil {
		t.Error(err)
	}
	err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Block, []string{stranger, mpblock.Mint(mpblock.Prefix{}, a.Key, "x").String()})
	wantCode(t, err, wire.CodeNotThisAppOpenID)
	err = svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Unblock, []string{mpblock.Mint(a.Prefix, a.Key, "unseen").String()})
	wantCode(t, err, wire.CodeOK)
	if totals, err := svc.Totals(t.Context(), a.AppID); err != nil || totals.Blocked != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
}

func TestPages(t *testing.T) {
	store := memstore.New()
	svc, err := New(store, Options{PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	a := newAccount()
	f := follow(t, svc, a, 5)
	if err := svc.Change(t.Context(), a, mpblock.ActorAPI, mpblock.Block, f[1:4]); err != nil {
		t.Fatal(err)
	}
	page, err := svc.Blacklist(t.Context(), a, "")
	if err != nil || page.Total != 3 || page.Len() != 2 || page.Page().OpenIDs[1].String() != f[2] {
		t.Errorf("first page %+v, %v", page, err)
	}
	page, err = svc.Blacklist(t.Context(), a, f[0]) // not blocked, and no matter
	if err != nil || page.Len() != 2 || page.Page().OpenIDs[0].String() != f[1] {
		t.Errorf("page after one that is not blocked %+v, %v", page, err)
	}
	page, err = svc.Followers(t.Context(), a, f[3])
	if err != nil || page.Total != 5 || page.Len() != 1 {
		t.Errorf("last page of followers %+v, %v", page, err)
	}
	_, err = svc.Blacklist(t.Context(), a, "OPENID1")
	wantCode(t, err, wire.CodeBadOpenID)
	_, err = svc.Followers(t.Context(), a, mpblock.Mint(mpblock.Prefix{}, a.Key, "x").String())
	wantCode(t, err, wire.CodeNotThisAppOpenID)
	for _, size := range []int{-1, MaxPageSize + 1} {
		_, err := New(store, Options{PageSize: size})
		wantRefusal(t, err, "want 1 to 10000")
	}
}

// kept has one page, whatever is asked for.
type kept struct{ page quoted.Page }

func (k kept) Quoted(context.Context, mpblock.AppID, mpblock.OpenID, int) (quoted.Page, error) {
	return k.page, nil
}

// Blacklists come from what has them as they are sent, followers from the store.
func TestQuotedPages(t *testing.T) {
	store, a := memstore.New(), newAccount()
	id := mpblock.Mint(a.Prefix, a.Key, "x")
	svc, err := New(store, Options{Quoted: kept{quoted.Page{Runs: []quoted.Run{quoted.Quote([]mpblock.OpenID{id})}, Total: 7}}})
	if err != nil {
		t.Fatal(err)
	}
	if page, err := svc.Blacklist(t.Context(), a, ""); err != nil || page.Total != 7 || page.Runs[0].Last() != id {
		t.Errorf("blacklist %+v, %v", page, err)
	}
	if page, err := svc.Followers(t.Context(), a, ""); err != nil || page.Total != 0 {
		t.Errorf("followers %+v, %v", page, err)
	}
}

func TestAddFollowers(t *testing.T) {
	svc := open(t, memstore.New())
	a := newAccount()
	own, foreign := mpblock.Mint(a.Prefix, a.Key, "1"), mpblock.Mint(mpblock.Prefix{}, a.Key, "1")
	_, err := svc.AddFollowers(t.Context(), a, []mpblock.OpenID{own, foreign})
	wantCode(t, err, wire.CodeNotThisAppOpenID)
	if n, err := svc.AddFollowers(t.Context(), a, []mpblock.OpenID{own, own}); n != 1 || err != nil {
		t.Errorf("added %d, %v", n, err)
	}
	if got := follow(t, svc, a, 12_345); len(slices.Compact(got)) != 12_345 {
		t.Errorf("minted %d different followers, want 12,345", len(got))
	}
	if totals, err := svc.Totals(t.Context(), a.AppID); err != nil || totals.Followers != 12_346 {
		t.Errorf("%+v, %v", totals, err)
	}
}
