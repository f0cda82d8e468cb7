package platform

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func open(t *testing.T, store mpblock.Store) *Platform {
	t.Helper()
	p, err := Open(t.Context(), store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addAccount(t *testing.T, p *Platform, n NewAccount) (*mpblock.Account, string) {
	t.Helper()
	a, secret, err := p.AddAccount(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return a, secret
}

// follow registers n followers and returns them in byte order.
func follow(t *testing.T, p *Platform, app mpblock.AppID, n int) []string {
	t.Helper()
	var ids []string
	err := p.MintFollowers(t.Context(), app, n, func(batch []mpblock.OpenID) error {
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

func wantCode(t *testing.T, err error, want mpblock.Code) {
	t.Helper()
	if got := mpblock.Internal(cmpOK(err)).Code; got != want {
		t.Errorf("code %d (%v), want %d", got, err, want)
	}
}

// cmpOK makes nil comparable with codes.
func cmpOK(err error) error {
	if err == nil {
		return &mpblock.Error{Code: mpblock.CodeOK}
	}
	return err
}

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	var r Refusal
	if !errors.As(err, &r) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal with %q", err, text)
	}
}

func TestChange(t *testing.T) {
	p := open(t, memstore.New())
	a, _ := addAccount(t, p, NewAccount{})
	f := follow(t, p, a.AppID, 25)
	foreign := mpblock.Mint(mpblock.Prefix{9, 9, 9, 9}, a.Key, "x").String()
	unknown := mpblock.Mint(a.Prefix, a.Key, "nobody").String()
	tests := []struct {
		name   string
		ids    []string
		code   mpblock.Code
		detail string
	}{
		{"empty", nil, mpblock.CodeBadListSize, "0 OpenIDs, want 1 to 20"},
		{"21", f[:21], mpblock.CodeBadListSize, "21 OpenIDs"},
		{"wrong shape", []string{f[0], f[1], "OPENID1"}, mpblock.CodeBadOpenID, "list[2]: not an OpenID: 7 bytes long, an OpenID has 28"},
		{"empty string", []string{""}, mpblock.CodeBadOpenID, "list[0]: not an OpenID: 0 bytes long"},
		{"another account's", []string{f[0], foreign}, mpblock.CodeNotThisAppOpenID, "list[1]: an OpenID of another account"},
		{"not a follower", []string{f[0], f[1], unknown}, mpblock.CodeBadOpenID, "list[2]: not a follower"},
		{"unknown before wrong shape", []string{f[0], unknown, "OPENID1"}, mpblock.CodeBadOpenID, "list[1]: not a follower"},
		{"unknown before another account's", []string{unknown, foreign}, mpblock.CodeBadOpenID, "list[0]: not a follower"},
		{"another account's before unknown", []string{foreign, unknown}, mpblock.CodeNotThisAppOpenID, "list[0]"},
	}
	for _, tt := range tests {
		for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
			t.Run(fmt.Sprint(tt.name, "/", action), func(t *testing.T) {
				_, err := p.Change(t.Context(), a, action, tt.ids)
				wantCode(t, err, tt.code)
				if !strings.Contains(mpblock.Internal(err).Detail, tt.detail) {
					t.Errorf("detail %q lacks %q", mpblock.Internal(err).Detail, tt.detail)
				}
				if totals, err := p.Totals(t.Context(), a.AppID); err != nil || totals.Blocked != 0 {
					t.Errorf("a refused list changed something: %+v, %v", totals, err)
				}
			})
		}
	}

	c, err := p.Change(t.Context(), a, mpblock.Block, append(f[:19:19], f[0]))
	if err != nil || c.Seq != 1 || len(c.OpenIDs) != 19 || c.Actor != "api" || c.Time.IsZero() {
		t.Errorf("blocked %+v, %v", c, err)
	}
	if c, err := p.Change(t.Context(), a, mpblock.Block, f[:5]); err != nil || c.Seq != 0 {
		t.Errorf("blocked again: %+v, %v", c, err)
	}
	if _, err := p.store.RemoveFollowers(t.Context(), a.AppID, []mpblock.OpenID{mpblock.OpenID([]byte(f[0]))}); err != nil {
		t.Fatal(err)
	}
	if c, err := p.Change(t.Context(), a, mpblock.Unblock, f[:1]); err != nil || len(c.OpenIDs) != 1 {
		t.Errorf("one who left cannot be unblocked: %+v, %v", c, err)
	}
}

func TestAnyFollower(t *testing.T) {
	p := open(t, memstore.New())
	a, _ := addAccount(t, p, NewAccount{AnyFollower: true})
	stranger := mpblock.Mint(a.Prefix, a.Key, "stranger").String()
	if c, err := p.Change(t.Context(), a, mpblock.Block, []string{stranger}); err != nil || c.Seq != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	_, err := p.Change(t.Context(), a, mpblock.Block, []string{stranger, mpblock.Mint(mpblock.Prefix{}, a.Key, "x").String()})
	wantCode(t, err, mpblock.CodeNotThisAppOpenID)
	_, err = p.Change(t.Context(), a, mpblock.Unblock, []string{mpblock.Mint(a.Prefix, a.Key, "unseen").String()})
	wantCode(t, err, mpblock.CodeOK)
}

func TestPages(t *testing.T) {
	store := memstore.New()
	p, err := Open(t.Context(), store, Options{PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := addAccount(t, p, NewAccount{})
	f := follow(t, p, a.AppID, 5)
	if _, err := p.Change(t.Context(), a, mpblock.Block, f[1:4]); err != nil {
		t.Fatal(err)
	}
	page, err := p.Blacklist(t.Context(), a, "")
	if err != nil || page.Total != 3 || page.Len() != 2 || page.OpenIDs()[1].String() != f[2] {
		t.Errorf("first page %+v, %v", page, err)
	}
	page, err = p.Blacklist(t.Context(), a, f[0]) // not blocked, and no matter
	if err != nil || page.Len() != 2 || page.OpenIDs()[0].String() != f[1] {
		t.Errorf("page after one that is not blocked %+v, %v", page, err)
	}
	page, err = p.Followers(t.Context(), a, f[3])
	if err != nil || page.Total != 5 || page.Len() != 1 {
		t.Errorf("last page of followers %+v, %v", page, err)
	}
	_, err = p.Blacklist(t.Context(), a, "OPENID1")
	wantCode(t, err, mpblock.CodeBadOpenID)
	_, err = p.Followers(t.Context(), a, mpblock.Mint(mpblock.Prefix{}, a.Key, "x").String())
	wantCode(t, err, mpblock.CodeNotThisAppOpenID)
	for _, size := range []int{-1, MaxPageSize + 1} {
		_, err := Open(t.Context(), store, Options{PageSize: size})
		wantRefusal(t, err, "want 1 to 10000")
	}
}

func TestAddAccount(t *testing.T) {
	p := open(t, memstore.New())
	a, secret := addAccount(t, p, NewAccount{Name: "帐号"})
	if _, err := mpblock.ParseAppID(string(a.AppID)); err != nil || len(secret) != 32 || !a.SecretHash.Matches(secret) {
		t.Errorf("made %+v, %v", a, err)
	}
	got, err := p.Account(t.Context(), a.AppID)
	if err != nil || got.Name != "帐号" || got.Key != a.Key || got.Prefix != a.Prefix || got.SecretHash != a.SecretHash {
		t.Errorf("read %+v, %v, want %+v", got, err, a)
	}
	refused := map[string]NewAccount{
		"exists already":                        {AppID: a.AppID},
		"is that of account " + string(a.AppID): {Prefix: &a.Prefix},
		"32 lower-case":                         {Secret: "secret"},
		"not an AppID":                          {AppID: "wx1"},
		"a name of 257 bytes":                   {Name: strings.Repeat("n", 257)},
		"a name of 3 bytes":                     {Name: "a\nb"},
	}
	for text, n := range refused {
		_, _, err := p.AddAccount(t.Context(), n)
		wantRefusal(t, err, text)
	}
	if all, err := p.Accounts(t.Context(), "", 10); err != nil || len(all) != 1 {
		t.Errorf("%d accounts after refusals, %v", len(all), err)
	}
	_, err = p.Account(t.Context(), "wx0000000000000000")
	wantCode(t, err, mpblock.CodeBadAppID)
}

// A process that ends between the claim of a prefix and the account leaves a
// claim that another account may take.
func TestClaimWithoutAnAccountIsTakenOver(t *testing.T) {
	p := open(t, memstore.New())
	prefix := mpblock.Prefix{1, 2, 3, 4}
	if _, err := p.tryPrefix(t.Context(), prefix, "wx0000000000000000"); err != nil {
		t.Fatal(err)
	}
	addAccount(t, p, NewAccount{Prefix: &prefix})
	_, _, err := p.AddAccount(t.Context(), NewAccount{Prefix: &prefix})
	wantRefusal(t, err, "is that of account")
}

// Whatever the order in which two nodes write, one prefix has one account.
func TestPrefixHasOneAccount(t *testing.T) {
	for range 200 {
		store := memstore.New()
		prefix := mpblock.Prefix{1, 2, 3, 4}
		nodes := []*Platform{open(t, store), open(t, store), open(t, store)}
		var made atomic.Int32
		var wg sync.WaitGroup
		for _, p := range nodes {
			wg.Go(func() {
				if _, _, err := p.AddAccount(t.Context(), NewAccount{Prefix: &prefix}); err == nil {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		all, err := nodes[0].Accounts(t.Context(), "", 10)
		if err != nil || len(all) > 1 || int(made.Load()) != len(all) {
			t.Fatalf("%d accounts with one prefix, %d reported as made, %v", len(all), made.Load(), err)
		}
	}
}

func TestUpdateAccount(t *testing.T) {
	p := open(t, memstore.New())
	a, _ := addAccount(t, p, NewAccount{Name: "before"})
	got, err := p.UpdateAccount(t.Context(), a.AppID, func(a *mpblock.Account) error {
		a.Name, a.Prefix, a.Key, a.AppID, a.SecretHash = "after", mpblock.Prefix{}, mpblock.Key{}, "wx", mpblock.SecretHash{}
		a.AllowIPs = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("10.0.0.0/8")}
		a.Daily = map[mpblock.Call]int{mpblock.CallList: 5}
		return nil
	})
	if err != nil || got.Name != "after" || got.Prefix != a.Prefix || got.Key != a.Key || got.AppID != a.AppID || got.SecretHash != a.SecretHash {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(got.AllowIPs) != 1 || got.AllowIPs[0].String() != "10.0.0.0/8" {
		t.Errorf("allow-list %v, want 10.0.0.0/8 once", got.AllowIPs)
	}
	bad := map[string]func(*mpblock.Account) error{
		"no call is named": func(a *mpblock.Account) error { a.Denied = []mpblock.Call{"nonsense"}; return nil },
		"a limit of -1":    func(a *mpblock.Account) error { a.Daily[mpblock.CallList] = -1; return nil },
		"not one":          func(a *mpblock.Account) error { a.AllowIPs = make([]netip.Prefix, 1); return nil },
		"not now":          func(*mpblock.Account) error { return Refusal("not now") },
	}
	for text, edit := range bad {
		_, err := p.UpdateAccount(t.Context(), a.AppID, edit)
		wantRefusal(t, err, text)
	}
	if got, err := p.Account(t.Context(), a.AppID); err != nil || got.Daily[mpblock.CallList] != 5 || len(got.Denied) != 0 {
		t.Errorf("a refused change was kept: %+v, %v", got, err)
	}
}

func TestUpdatesOfManyNodesAreAllKept(t *testing.T) {
	store := memstore.New()
	p := open(t, store)
	a, _ := addAccount(t, p, NewAccount{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p := open(t, store)
			for range 25 {
				_, err := p.UpdateAccount(t.Context(), a.AppID, func(a *mpblock.Account) error { a.Name += "+"; return nil })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, err := p.Account(t.Context(), a.AppID); err != nil || len(got.Name) != 100 {
		t.Errorf("%d of 100 updates were kept, %v", len(got.Name), err)
	}
}

func TestAddFollowers(t *testing.T) {
	p := open(t, memstore.New())
	a, _ := addAccount(t, p, NewAccount{})
	own, foreign := mpblock.Mint(a.Prefix, a.Key, "1"), mpblock.Mint(mpblock.Prefix{}, a.Key, "1")
	_, err := p.AddFollowers(t.Context(), a.AppID, []mpblock.OpenID{own, foreign})
	wantCode(t, err, mpblock.CodeNotThisAppOpenID)
	if n, err := p.AddFollowers(t.Context(), a.AppID, []mpblock.OpenID{own, own}); n != 1 || err != nil {
		t.Errorf("added %d, %v", n, err)
	}
	_, err = p.AddFollowers(t.Context(), "wx0000000000000000", []mpblock.OpenID{own})
	wantCode(t, err, mpblock.CodeBadAppID)
	if got := follow(t, p, a.AppID, 12_345); len(slices.Compact(got)) != 12_345 {
		t.Errorf("minted %d different followers, want 12,345", len(got))
	}
	if totals, err := p.Totals(t.Context(), a.AppID); err != nil || totals.Followers != 12_346 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// wrapped is a store behind another, as metrics put one there.
type wrapped struct{ mpblock.Store }

func (w wrapped) Unwrap() mpblock.Store { return w.Store }

type capable struct {
	mpblock.Store
	health error
	copied string
}

func (c *capable) Health() error { return c.health }
func (c *capable) Backup(_ context.Context, dir string) error {
	c.copied = dir
	return nil
}

func TestReadyAndBackup(t *testing.T) {
	c := &capable{Store: memstore.New()}
	p := open(t, wrapped{wrapped{c}})
	if err := p.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Backup(t.Context(), "somewhere"); err != nil || c.copied != "somewhere" {
		t.Errorf("copied to %q, %v", c.copied, err)
	}
	c.health = errors.New("no space left on the device")
	if err := p.Ready(t.Context()); !errors.Is(err, c.health) {
		t.Errorf("ready says %v", err)
	}
	c.health = nil
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if p.Ready(t.Context()) == nil {
		t.Error("ready on a closed store")
	}
	wantRefusal(t, open(t, memstore.New()).Backup(t.Context(), "x"), "cannot be copied")
}
