package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/remarks"
	"mpblock/internal/wire"
	"mpblock/internal/wire/vectors"
)

// fixture is a server in the state that the vectors expect.
type fixture struct {
	*testing.T
	handler  http.Handler
	access   *access.Service
	lists    *lists.Service
	account  *mpblock.Account
	words    map[string]string
	observed []Request
}

// brokenStore fails to list once it is told to.
type brokenStore struct {
	mpblock.Store
	broken bool
}

var errBroken = errors.New("the store is broken, for reasons that are nobody's business outside")

func (b *brokenStore) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	if b.broken {
		return mpblock.Page{}, errBroken
	}
	return b.Store.Blacklist(ctx, app, after, limit)
}

// newFixture must be called in a synctest bubble, for the tokens that run out.
func newFixture(t *testing.T, settings ...string) *fixture {
	t.Helper()
	ctx := t.Context()
	store := &brokenStore{Store: memstore.New()}
	opts := Options{}
	size := 0
	for _, s := range settings {
		if n, ok := strings.CutPrefix(s, "page size "); ok {
			size, _ = strconv.Atoi(n)
		}
		opts.RequireHTTPS = opts.RequireHTTPS || s == "require https"
		opts.RID = opts.RID || s == "rid"
	}
	p, err := access.Open(ctx, store)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{PageSize: size})
	if err != nil {
		t.Fatal(err)
	}
	prefix, key := mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{5}
	a, secret, err := p.AddAccount(ctx, access.NewAccount{Prefix: &prefix, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, access: p, lists: l, account: a, words: map[string]string{"APPID": string(a.AppID), "SECRET": secret}}
	f.fill(store)
	f.tokens()
	if _, err := p.UpdateAccount(ctx, a.AppID, func(a *mpblock.Account) error { return set(a, settings) }); err != nil {
		t.Fatal(err)
	}
	opts.Access, opts.Lists, opts.Remarks = p, l, remarks.New(store, nil)
	if slices.Contains(settings, "remarks") {
		f.remark(opts.Remarks)
	}
	if slices.Contains(settings, "protected") { // $F4
		if _, _, err := l.Protection().Protect(ctx, a, "console:anna", "staff", []mpblock.OpenID{mpblock.OpenID([]byte(f.words["F4"]))}); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(settings, "cleared") {
		for range access.MaxClears {
			if err := p.ClearQuota(ctx, a, string(a.AppID)); err != nil {
				t.Fatal(err)
			}
		}
	}
	store.broken = slices.Contains(settings, "broken store")
	opts.Observe = func(r Request) { f.observed = append(f.observed, r) }
	f.handler = New(opts)
	return f
}

func (f *fixture) fill(store mpblock.Store) {
	ids := make([]mpblock.OpenID, 27)
	for i := range ids {
		ids[i] = mpblock.Mint(f.account.Prefix, f.account.Key, fmt.Sprint(i))
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	list := make([]string, 0, 25)
	for i, id := range ids[:25] {
		f.words[fmt.Sprint("F", i+1)] = id.String()
		list = append(list, strconv.Quote(id.String()))
	}
	users := func(n int) string { return `{"openid":` + strings.Join(list[:n], `},{"openid":`) + "}" }
	f.words["USERS"], f.words["TOOMANY"] = users(2), strings.Repeat(users(25)+",", 4)+users(1)
	f.words["LIST20"], f.words["LIST21"] = strings.Join(list[:20], ","), strings.Join(list[:21], ",")
	f.words["LEFT"], f.words["UNKNOWN"] = ids[25].String(), ids[26].String()
	f.words["OTHER"] = mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{}, "x").String()
	f.words["BIG"], f.words["NL"] = strings.Repeat(" ", 70_000), "\n"
	ctx, app := f.Context(), f.account.AppID
	_, err := store.AddFollowers(ctx, app, ids[:25])
	if err == nil {
		_, err = store.Apply(ctx, app, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: append(ids[:3:3], ids[25]), Actor: "test", Time: time.Now(),
		})
	}
	if err != nil {
		f.Fatal(err)
	}
}

// remark gives names and remarks to $F4 and $UNKNOWN.
func (f *fixture) remark(r *remarks.Service) {
	for _, word := range []string{"F4", "UNKNOWN"} {
		id, err := mpblock.ParseOpenID(f.words[word])
		if err == nil {
			err = r.Set(f.Context(), f.account, "test", id, "Li Lei", `old <friend>`)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
}

func (f *fixture) tokens() {
	plain := func() string {
		tok, err := f.access.Token(f.Context(), f.credentials())
		if err != nil {
			f.Fatal(err)
		}
		return tok.Value
	}
	f.words["EXPIRED"] = plain()
	time.Sleep(2 * time.Hour)
	f.words["SUPERSEDED"] = plain()
	plain()
	time.Sleep(6 * time.Minute)
	f.words["TOKEN"] = plain()
	forged := []byte(f.words["TOKEN"])
	slices.Reverse(forged)
	f.words["FORGED"] = string(forged)
}

func (f *fixture) credentials() access.Credentials {
	return access.Credentials{
		GrantType: "client_credential", AppID: f.words["APPID"], Secret: f.words["SECRET"], IP: netip.MustParseAddr("127.0.0.1"),
	}
}

// set applies the settings of a vector to the account.
func set(a *mpblock.Account, settings []string) error {
	a.Daily, a.PerMinute = map[mpblock.Call]int{}, map[mpblock.Call]int{}
	for _, s := range settings {
		w := strings.Fields(s)
		switch {
		case s == "any follower":
			a.AnyFollower = true
		case w[0] == "allow":
			a.AllowIPs = append(a.AllowIPs, netip.MustParsePrefix(w[1]))
		case w[0] == "deny":
			a.Denied = append(a.Denied, mpblock.Call(w[1]))
		case w[0] == "daily":
			n, err := strconv.Atoi(w[2])
			if err != nil {
				return err
			}
			a.Daily[mpblock.Call(w[1])] = n
		case w[0] == "per":
			n, err := strconv.Atoi(w[3])
			if err != nil {
				return err
			}
			a.PerMinute[mpblock.Call(w[2])] = n
		case s == "require https", s == "rid", s == "broken store", s == "remarks", s == "protected", s == "cleared", w[0] == "page":
		default:
			return fmt.Errorf("no setting is named %q", s)
		}
	}
	return nil
}

// do sends a request as a client on 127.0.0.1.
func (f *fixture) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(f.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1234"
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) blocked() string {
	f.Helper()
	totals, err := f.lists.Totals(f.Context(), f.account.AppID)
	if err != nil {
		f.Fatal(err)
	}
	return strconv.Itoa(totals.Blocked)
}

// eachVector runs a test for each vector, in a server of its own.
func eachVector(t *testing.T, test func(*fixture, vectors.Vector)) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, v.Settings...)
				v, err := v.Expand(func(w string) (string, bool) { s, ok := f.words[w]; return s, ok })
				if err != nil {
					t.Fatal(err)
				}
				test(f, v)
			})
		})
	}
}

func TestVectors(t *testing.T) {
	eachVector(t, func(f *fixture, v vectors.Vector) {
		w := f.do(v.Method, v.Path, v.Body)
		if got := w.Body.String(); !v.Matches(got) {
			f.Errorf("%s %s\n%.300s\n got %s\nwant %s", v.Method, v.Path, v.Body, got, v.Answer)
		}
		head := w.Header()
		if w.Code != 200 || head.Get("Content-Type") != "application/json; encoding=utf-8" || head.Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			f.Errorf("status %d, headers %v", w.Code, head)
		}
		if failed := strings.Contains(w.Body.String(), `"errcode":`) && !strings.Contains(w.Body.String(), `"errcode":0`); failed != (head.Get("X-Error-Detail") != "") {
			f.Errorf("X-Error-Detail %q", head.Get("X-Error-Detail"))
		}
		if v.Blocked != "" && f.blocked() != v.Blocked {
			f.Errorf("%s are blocked, want %s", f.blocked(), v.Blocked)
		}
		if len(f.observed) != 1 {
			f.Fatalf("observed %d times", len(f.observed))
		}
		o := f.observed[0]
		if id := head.Get("X-Request-Id"); o.ID != id || len(id) != 26 {
			f.Errorf("request id %q in the header, %q observed", id, o.ID)
		}
		if !strings.Contains(w.Body.String(), fmt.Sprintf(`"errcode":%d,`, o.Code)) && o.Code != wire.CodeOK {
			f.Errorf("observed code %d", o.Code)
		}
		f.keepsSecrets(w, o)
	})
}

// keepsSecrets looks for secrets and causes where they must not be.
func (f *fixture) keepsSecrets(w *httptest.ResponseRecorder, o Request) {
	f.Helper()
	shown := fmt.Sprint(w.Header(), o.Err)
	if o.Code != wire.CodeOK {
		shown += w.Body.String()
	}
	for _, word := range []string{"SECRET", "TOKEN", "EXPIRED", "SUPERSEDED", "FORGED"} {
		if strings.Contains(shown, f.words[word]) {
			f.Errorf("the %s is shown: %s", word, shown)
		}
	}
	if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), "nobody's business") {
		f.Errorf("the cause is shown outside: %s %v", w.Body, w.Header())
	}
}

// Every code of the API and every call has a vector.
func TestVectorsCoverEverything(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, v := range all {
		text.WriteString(v.Path + " " + v.Answer + "\n")
	}
	for code := wire.Code(-1); code < 80_000; code++ {
		if code == wire.CodeReplyTime {
			continue // only a fault plan has it
		}
		if code.Text() != "" && !strings.Contains(text.String(), fmt.Sprintf(`"errcode":%d,`, code)) {
			t.Errorf("no vector answers %d", code)
		}
	}
	for path := range calls() {
		if !strings.Contains(text.String(), path) {
			t.Errorf("no vector calls %s", path)
		}
	}
}
