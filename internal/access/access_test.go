package access

import (
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func open(t *testing.T, store mpblock.Records) *Service {
	t.Helper()
	p, err := Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addAccount(t *testing.T, p *Service, n NewAccount) (*mpblock.Account, string) {
	t.Helper()
	a, secret, err := p.AddAccount(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return a, secret
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
	wantCode(t, err, wire.CodeBadAppID)
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
		nodes := []*Service{open(t, store), open(t, store), open(t, store)}
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
		"not now":          func(*mpblock.Account) error { return mpblock.NewError(mpblock.Conflict, "not_now", "not now") },
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
