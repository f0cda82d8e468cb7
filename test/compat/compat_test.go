// Package compat runs client libraries of the field, unmodified, against the real
// binary. It is a module of its own, so that their dependencies are not mpblock's.
package compat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	powercache "github.com/ArtisanCloud/PowerLibs/v3/cache"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/officialAccount"
	"github.com/fastwego/offiaccount"
	fastwego "github.com/fastwego/offiaccount/apis/user"
	gopay "github.com/go-pay/wechat-sdk/public"
	"github.com/silenceper/wechat/v2/cache"
	silenceper "github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/user"
	"github.com/silenceper/wechat/v2/util"

	"mpblock/internal/testserver"
)

// The demo account of mpblock serve --demo.
const (
	appID   = testserver.DemoAppID
	secret  = testserver.DemoSecret
	blocked = 23_000
	total   = 30_000
)

// foreign is an OpenID of another account: the sample in the platform's own
// documentation.
const foreign = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-compat-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if binary, err = testserver.Build(filepath.Join("..", ".."), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// serve starts the real binary with its demo account.
func serve(t *testing.T, flags ...string) *testserver.Server {
	t.Helper()
	return start(t, append([]string{binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")}, flags...))
}

// start runs a command that ends in mpblock serve, until the test ends.
func start(t *testing.T, command []string) *testserver.Server {
	t.Helper()
	s, err := testserver.Start(command...)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.Log())
		}
	})
	return s
}

// client is what a library can do. The errors are the library's own.
type client struct {
	list    func(after string) (page, error)
	block   func(ids []string) error
	unblock func(ids []string) error
}

type page struct {
	Total, Count int
	IDs          []string
	Next         string
}

// exercise is what each library has to stand: a walk of the whole list, blocking,
// unblocking, and refusals that it reports as errors with the platform's codes.
func exercise(t *testing.T, c client) {
	all := walk(t, c, blocked)
	victims := slices.Clone(all[:20])
	must(t, c.unblock(victims))
	if rest := walk(t, c, blocked-20); slices.Contains(rest, victims[0]) {
		t.Errorf("%s was unblocked and is still there", victims[0])
	}
	must(t, c.block(victims))
	must(t, c.block(victims[:1])) // who is blocked already is no error
	if again := walk(t, c, blocked); !slices.Equal(again, all) {
		t.Error("after unblocking and blocking the list is another one")
	}
	refused := map[string][]string{
		"40003": {victims[0], "OPENID1"},
		"49003": {foreign},
	}
	for code, ids := range refused {
		if err := c.block(ids); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("block %q: %v, want an error with %s", ids, err, code)
		}
		if err := c.unblock(ids); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("unblock %q: %v, want an error with %s", ids, err, code)
		}
	}
	if _, err := c.list("OPENID1"); err == nil || !strings.Contains(err.Error(), "40003") {
		t.Errorf("list behind OPENID1: %v, want an error with 40003", err)
	}
	walk(t, c, blocked)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// walk reads the whole list, to the page with nothing in it.
func walk(t *testing.T, c client, want int) []string {
	t.Helper()
	var all []string
	for after := ""; ; {
		p, err := c.list(after)
		must(t, err)
		if p.Total != want || p.Count != len(p.IDs) {
			t.Fatalf("a page of %d has count %d and total %d, want %d", len(p.IDs), p.Count, p.Total, want)
		}
		if p.Count == 0 {
			if p.Next != "" {
				t.Errorf("the page behind the last goes on at %q", p.Next)
			}
			break
		}
		all = append(all, p.IDs...)
		after = p.Next
	}
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != want {
		t.Fatalf("%d distinct OpenIDs in order, want %d", len(slices.Compact(slices.Clone(all))), want)
	}
	return all
}

// silenceperUser is the library's own part that has the blacklist, pointed at a server,
// and what it can do.
func silenceperUser(t *testing.T, base, secret string) (*user.User, client) {
	util.SetURIModifier(func(uri string) string {
		return strings.Replace(uri, "https://api.weixin.qq.com", base, 1)
	})
	t.Cleanup(func() { util.SetURIModifier(func(uri string) string { return uri }) })
	u := silenceper.NewOfficialAccount(&config.Config{AppID: appID, AppSecret: secret, Cache: cache.NewMemory()}).GetUser()
	return u, client{
		list: func(after string) (page, error) {
			l, err := u.GetBlackList(after)
			if err != nil {
				return page{}, err
			}
			return page{l.Total, l.Count, l.Data.OpenIDs, l.NextOpenID}, nil
		},
		block:   func(ids []string) error { return u.BatchBlackList(ids...) },
		unblock: func(ids []string) error { return u.BatchUnBlackList(ids...) },
	}
}

func TestSilenceper(t *testing.T) {
	user, c := silenceperUser(t, serve(t).Base, secret)
	exercise(t, c)
	all, err := user.GetAllBlackList() // its own loop
	if err != nil || len(all) != blocked {
		t.Errorf("GetAllBlackList returns %d, %v", len(all), err)
	}
	followers, err := user.ListAllUserOpenIDs()
	if err != nil || len(followers) != total {
		t.Errorf("ListAllUserOpenIDs returns %d, %v", len(followers), err)
	}
}

// A library with the secret of a program works as with the account's own, and neither
// ends the other's tokens.
func TestSilenceperAsAProgram(t *testing.T) {
	s := serve(t)
	_, own := silenceperUser(t, s.Base, secret)
	first := walk(t, own, blocked)[:1] // it has its token now
	out, err := exec.CommandContext(t.Context(), binary, "program", "add", "--data", s.Data, "--account", appID, "--json", "crm").Output()
	must(t, err)
	var made struct{ Secret string }
	must(t, json.Unmarshal(out, &made))
	_, crm := silenceperUser(t, s.Base, made.Secret)
	exercise(t, crm)
	must(t, own.unblock(first))
	must(t, crm.block(first))
	if log := s.Log(); !strings.Contains(log, "program=crm") || strings.Contains(log, made.Secret) {
		t.Error("the log does not say which program it was, or has its secret")
	}
}

func TestFastwego(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // it keeps its token there, by AppID
	old := offiaccount.WXServerUrl
	offiaccount.WXServerUrl = serve(t).Base
	t.Cleanup(func() { offiaccount.WXServerUrl = old })
	app := offiaccount.New(offiaccount.Config{Appid: appID, Secret: secret})
	app.Logger = nil
	change := func(call func(*offiaccount.OffiAccount, []byte) ([]byte, error)) func([]string) error {
		return func(ids []string) error {
			body, err := json.Marshal(map[string][]string{"openid_list": ids})
			if err == nil {
				_, err = call(app, body)
			}
			return err
		}
	}
	exercise(t, client{
		list: func(after string) (page, error) {
			resp, err := fastwego.GetBlackList(app, []byte(`{"begin_openid":"`+after+`"}`))
			if err != nil {
				return page{}, err
			}
			var l struct {
				Total, Count int
				Data         struct{ Openid []string }
				Next         string `json:"next_openid"`
			}
			err = json.Unmarshal(resp, &l)
			return page{l.Total, l.Count, l.Data.Openid, l.Next}, err
		},
		block:   change(fastwego.BatchBlackList),
		unblock: change(fastwego.BatchUnBlackList),
	})
}

func TestPowerWeChat(t *testing.T) {
	for _, stable := range []bool{false, true} {
		t.Run(fmt.Sprint("stable=", stable), func(t *testing.T) {
			dir := t.TempDir()
			powercache.ACCache = nil // one for the process, with the token of another server
			app, err := officialAccount.NewOfficialAccount(&officialAccount.UserConfig{
				AppID: appID, Secret: secret, StableTokenMode: stable,
				Cache: powercache.NewMemCache("", 0, dir), // its own would be a file in the home directory
				Log:   officialAccount.Log{Level: "error", File: filepath.Join(dir, "info"), Error: filepath.Join(dir, "error")},
				Http:  officialAccount.Http{BaseURI: serve(t).Base + "/"},
			})
			must(t, err)
			ctx := context.Background()
			failed := func(code int, text string, err error) error {
				if err == nil && code != 0 {
					err = fmt.Errorf("%d %s", code, text)
				}
				return err
			}
			exercise(t, client{
				list: func(after string) (page, error) {
					l, err := app.User.Blacklist(ctx, after)
					if err := failed(l.ErrCode, l.ErrMsg, err); err != nil {
						return page{}, err
					}
					return page{l.Total, l.Count, l.Data.OpenID, l.NextOpenID}, nil
				},
				block: func(ids []string) error {
					r, err := app.User.Block(ctx, ids)
					return failed(r.ErrCode, r.ErrMsg, err)
				},
				unblock: func(ids []string) error {
					r, err := app.User.Unblock(ctx, ids)
					return failed(r.ErrCode, r.ErrMsg, err)
				},
			})
		})
	}
}

func TestGoPay(t *testing.T) {
	ctx := context.Background()
	sdk, err := gopay.New(appID, secret, false)
	must(t, err)
	sdk.Host = serve(t).Base
	var token gopay.AccessToken
	// It gets its stable token from the real service while it is made, before it
	// can be pointed elsewhere; so it is given one, which it fetches itself.
	_, err = sdk.DoRequestGet(ctx, "/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+secret, &token)
	must(t, err)
	if token.AccessToken == "" {
		t.Fatal(errors.New("no access token"))
	}
	sdk.SetPublicAccessToken(token.AccessToken)
	exercise(t, client{
		list: func(after string) (page, error) {
			l, err := sdk.BlackListGetList(ctx, after)
			if err != nil {
				return page{}, err
			}
			p := page{Total: l.Total, Count: l.Count, Next: l.NextOpenid}
			if l.Data != nil {
				p.IDs = l.Data.Openid
			}
			return p, nil
		},
		block:   func(ids []string) error { return sdk.BlackListBatchBlackList(ctx, ids) },
		unblock: func(ids []string) error { return sdk.BlackListBatchUnBlackList(ctx, ids) },
	})
}
