package native_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
	"mpblock/native"
)

// world is a server, whose connections can be cut and whose answers can be spoiled.
type world struct {
	*testing.T
	server  *server.Server
	store   mpblock.Store
	account *mpblock.Account
	secret  string
	http    *httptest.Server
	api     *native.Client

	mu    sync.Mutex
	spoil func(w http.ResponseWriter, r *http.Request) bool // tells whether it has answered
	conns map[net.Conn]bool
	told  []error
}

func begin(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, store: memstore.New(), conns: map[net.Conn]bool{}}
	var err error
	if w.server, err = server.Open(t.Context(), server.Config{Store: w.store}); err != nil {
		t.Fatal(err)
	}
	if w.account, w.secret, err = w.server.Access().AddAccount(t.Context(), access.NewAccount{AnyFollower: true}); err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewUnstartedServer(w)
	w.http.Config.ConnState = func(c net.Conn, s http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.conns[c] = true; s == http.StateClosed {
			delete(w.conns, c)
		}
	}
	w.http.Start()
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
		w.http.Close()
	})
	w.api = w.client(w.secret)
	return w
}

func (w *world) client(secret string) *native.Client {
	w.Helper()
	c, err := native.New(w.http.URL+"/", string(w.account.AppID), secret, native.WithReport(func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, err)
	}))
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	spoil := w.spoil
	w.mu.Unlock()
	if spoil == nil || !spoil(rw, r) {
		w.server.Handler().ServeHTTP(rw, r)
	}
}

func (w *world) answer(spoil func(w http.ResponseWriter, r *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoil = spoil
}

// cut cuts all connections.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *world) openID(n int) string {
	return mpblock.Mint(w.account.Prefix, w.account.Key, fmt.Sprint(n)).String()
}

func TestBlocks(t *testing.T) {
	w, ctx := begin(t), t.Context()
	a, b := w.openID(1), w.openID(2)
	made, err := w.api.Block(ctx, a, native.Terms{Reason: "spam", TTL: "1h"})
	if err != nil || made.OpenID != a || made.Reason != "spam" || made.Actor != "api" || made.Revision != 1 || made.ExpireTime.Sub(made.CreateTime).Round(time.Minute) != time.Hour {
		t.Fatalf("%+v, %v", made, err)
	}
	end := made.ExpireTime.Add(time.Hour)
	if made, err = w.api.Block(ctx, a, native.Terms{ExpireTime: end}); err != nil || made.Reason != "" || !made.ExpireTime.Equal(end) {
		t.Fatalf("%+v, %v", made, err)
	}
	answers, err := w.api.Check(ctx, b, a, b)
	if err != nil || len(answers) != 3 || answers[0].Blocked || !answers[1].Blocked || !answers[1].ExpireTime.Equal(end) || answers[2].OpenID != b {
		t.Fatalf("%+v, %v", answers, err)
	}
	p, err := w.api.Walk(ctx, "")
	if err != nil || len(p.OpenIDs) != 1 || p.OpenIDs[0] != a || !p.ExpireTimes[a].Equal(end) || p.Total != 1 || p.Revision != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = w.api.Walk(ctx, a); err != nil || len(p.OpenIDs) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	for range 2 {
		if err := w.api.Unblock(ctx, a, "sorry"); err != nil {
			t.Error(err)
		}
	}
	results, err := w.api.Apply(ctx, native.Batch{Action: "block", Terms: native.Terms{TTL: "1h"}, OpenIDs: []string{b, "x", a}, OnBad: "skip"})
	if err != nil || len(results) != 3 || results[0].Result != "changed" || results[1].Code != "openid.shape" {
		t.Errorf("%+v, %v", results, err)
	}
	if revision, err := w.api.Revision(ctx); err != nil || revision != 4 {
		t.Errorf("%d, %v", revision, err)
	}
}

func TestRefusals(t *testing.T) {
	w, ctx := begin(t), t.Context()
	var e *native.Error
	_, err := w.api.Check(ctx, w.openID(1), "nobody")
	if !errors.As(err, &e) || e.Status != 422 || e.Code != "items.bad" || len(e.Items) != 1 || e.Items[0].Index != 1 || e.Items[0].Code != "openid.shape" {
		t.Errorf("%v", err)
	}
	if !native.Final(err) || native.NoAPI(err) || native.Gone(err) {
		t.Errorf("final %v, no API %v, gone %v", native.Final(err), native.NoAPI(err), native.Gone(err))
	}
	_, err = w.client("0123456789abcdef0123456789abcdef").Revision(ctx)
	if !errors.Is(err, client.ErrInvalidSecret) || !native.Final(err) {
		t.Errorf("%v", err)
	}
	for _, no := range [][3]string{{"ftp://host", "wx1", "secret"}, {"http://", "wx1", "secret"}, {"http://host", "", "secret"}, {"http://host", "wx1", ""}} {
		if _, err := native.New(no[0], no[1], no[2]); err == nil {
			t.Errorf("%q is taken", no)
		}
	}
}

// A server without the native API is told from one that is not well.
func TestOtherServers(t *testing.T) {
	w := begin(t)
	answers := func(status int, kind, body string) error {
		w.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/v1/") {
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return true
			}
			return false
		})
		_, err := w.api.Check(t.Context(), w.openID(1))
		return err
	}
	for _, c := range []struct {
		status     int
		kind, body string
		none       bool
		final      bool
	}{
		{404, "text/html", "<h1>not here</h1>", true, true},
		{200, "application/json", `{"errcode":40066,"errmsg":"invalid url"}`, true, true},
		{302, "", "", true, true},
		{502, "text/html", "bad gateway", false, false},
		{503, "application/problem+json", `{"code":"time_out","detail":"late"}`, false, false},
		{429, "application/problem+json", `{"code":"slow","detail":"down"}`, false, false},
		{400, "application/problem+json", `{"code":"field","detail":"no"}`, false, true},
	} {
		if err := answers(c.status, c.kind, c.body); err == nil || native.NoAPI(err) != c.none || native.Final(err) != c.final {
			t.Errorf("%d %s: %v, no API %v, final %v", c.status, c.body, err, native.NoAPI(err), native.Final(err))
		}
	}
}

// A token that the server has revoked is renewed, once.
func TestRenewal(t *testing.T) {
	w := begin(t)
	n := 0
	w.answer(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/") || n > 0 {
			return false
		}
		n++
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(401)
		_, _ = rw.Write([]byte(`{"code":"token.unknown","detail":"no"}`))
		return true
	})
	if _, err := w.api.Revision(t.Context()); err != nil || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

// Whoever watches is told of each change once, however often connections are cut.
func TestWatchIsCut(t *testing.T) {
	w := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const changes = 300
	go func() {
		for i := range changes {
			if i%10 == 5 {
				w.cut()
			}
			id, err := mpblock.ParseOpenID(w.openID(i))
			if err == nil {
				_, err = w.server.Lists().Apply(ctx, w.account, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "api"})
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	at := uint64(0)
	for some, err := range w.api.Watch(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range some {
			if at++; c.Revision != at || c.Kind != native.Blocked || c.OpenIDs[0] != w.openID(int(at)-1) {
				t.Fatalf("change %d: %+v", at, c)
			}
		}
		if at == changes {
			break
		}
	}
	if at != changes {
		t.Errorf("it ended after %d", at)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) == 0 {
		t.Error("nothing was cut")
	}
}

// A watch ends with its context, without an error, and with one where nobody can go on.
func TestWatchEnds(t *testing.T) {
	w := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := w.api.Block(ctx, w.openID(1), native.Terms{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for some, err := range w.api.Watch(ctx, 0) {
		if err != nil || len(some) != 1 {
			t.Errorf("%v, %v", some, err)
		}
		n++
		cancel()
	}
	if n != 1 {
		t.Errorf("%d pieces", n)
	}
	for some, err := range w.api.Watch(t.Context(), 7) {
		var e *native.Error
		if !native.Gone(err) || !errors.As(err, &e) || e.Begin != 1 {
			t.Errorf("%v, %v", some, err)
		}
	}
}
