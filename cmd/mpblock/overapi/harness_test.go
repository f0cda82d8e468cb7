package overapi

import (
	"bytes"
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	accounts "mpblock/internal/access"
	"mpblock/internal/lines/linestest"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
)

// command runs a command and returns its exit code and what it printed.
func command(t *testing.T, args ...string) (code int, out, stderr string) {
	t.Helper()
	return commandWith(t, nil, args...)
}

// commandWith is command with a standard input.
func commandWith(t *testing.T, in []byte, args ...string) (code int, out, stderr string) {
	t.Helper()
	parser, err := kong.New(&Commands{}, kong.Resolvers(&ProfileResolver{}))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	k.BindTo(context.Background(), (*context.Context)(nil))
	var o, e bytes.Buffer
	terminal := ui.Terminal{In: bytes.NewReader(in), Out: &o, Err: &e}
	code = terminal.Fail(k.Run(terminal))
	return code, o.String(), e.String()
}

// overAPI sets the environment of the commands to an account whose followers are the
// given OpenIDs, all of them blocked, and returns its store.
func overAPI(t *testing.T, ids []string) (mpblock.Store, mpblock.AppID) {
	t.Helper()
	store := memstore.New()
	s, err := server.Open(t.Context(), server.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	a, secret, err := s.Access().AddAccount(t.Context(), accounts.NewAccount{Prefix: &linestest.Prefix})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	t.Setenv("MPBLOCK_SERVER", web.URL)
	t.Setenv("MPBLOCK_APPID", string(a.AppID))
	t.Setenv("MPBLOCK_SECRET", secret)
	t.Chdir(t.TempDir())
	parsed := make([]mpblock.OpenID, len(ids))
	for i, id := range ids {
		parsed[i] = mpblock.OpenID([]byte(id))
	}
	if len(ids) > 0 {
		if _, err := store.AddFollowers(t.Context(), a.AppID, parsed); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Apply(t.Context(), a.AppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: parsed, Actor: "test", Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	return store, a.AppID
}
