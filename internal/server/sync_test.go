package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/upstream/source"
)

// The lists on the platform are read, but those of retired accounts.
func TestRetiredAccountsAreNotRead(t *testing.T) {
	t.Parallel()
	_, platform := emulate(t)
	s, err := Open(t.Context(), Config{Store: memstore.New(), SealKeyFile: filepath.Join(t.TempDir(), "seal.key")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := s.now().rules
	if err := r.upstream.Add(t.Context(), DemoAppID, platform.URL, source.Spec{Secret: DemoSecret}); err == nil {
		t.Fatal("a secret is sealed without a key")
	}
	if err := os.WriteFile(s.cfg.SealKeyFile, []byte(strings.Repeat("0f", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.upstream.Add(t.Context(), DemoAppID, platform.URL, source.Spec{Secret: DemoSecret}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.access.AddAccount(t.Context(), access.NewAccount{AppID: DemoAppID, Prefix: &demoPrefix, AnyFollower: true, Upstream: platform.URL}); err != nil {
		t.Fatal(err)
	}
	retire := func(retired bool) {
		if _, err := r.access.UpdateAccount(t.Context(), DemoAppID, func(a *mpblock.Account) error { a.Retired = retired; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	read := func() int {
		if err := r.syncAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := r.lists.Totals(t.Context(), DemoAppID)
		if err != nil {
			t.Fatal(err)
		}
		return n.Blocked
	}
	retire(true)
	if n := read(); n != 0 {
		t.Errorf("%d were taken over by a retired account", n)
	}
	retire(false)
	if n := read(); n != DemoBlocked {
		t.Errorf("%d were taken over, not %d", n, DemoBlocked)
	}
}
