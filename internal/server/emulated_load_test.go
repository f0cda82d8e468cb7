package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
	"mpblock/internal/seed"
)

// An emulator that is called, reset, restored, bent and read all at once answers every
// call, and is whole at the end.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Emulate: &Emulation{Journal: 100, Seed: seed.Seed{Accounts: []seed.Account{{
		AppID: "wx0123456789abcdef", Secret: "0123456789abcdef0123456789abcdef", Followers: seed.Followers{Count: 100}, Blacklist: []seed.Change{{Count: 40}},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	must(s.SaveSnapshot(t.Context(), "a"))
	plan := plan(t, "seed: 2\nrules: [{name: a, match: {path: '*batch*'}, probability: 0.3, effect: {errcode: -1}}, {name: b, probability: 0.1, effect: {drift: {block: 1, unblock: 1}}}]")
	var wg sync.WaitGroup
	for _, do := range []func(int){
		func(int) { must(s.Reset(t.Context())) },
		func(int) { must(s.RestoreSnapshot(t.Context(), "a")) },
		func(int) { must(s.SaveSnapshot(t.Context(), "a")) },
		func(int) { s.Emulator().Load(plan) },
		func(i int) { must(s.Emulator().Clock.Advance(time.Duration(i) * time.Millisecond)) },
		func(int) { s.Emulator().Journal.Read(emulator.Filter{Path: "*"}, 0, 10) },
		func(int) { s.Emulator().Strike(fault.Call{}) },
		func(int) {
			_, err := s.Lists().Totals(t.Context(), "wx0123456789abcdef")
			must(err)
		},
		func(int) {
			call(t, s, "/cgi-bin/token?grant_type=client_credential&appid=wx0123456789abcdef&secret=0123456789abcdef0123456789abcdef", "")
		},
		func(i int) {
			call(t, s, "/cgi-bin/tags/members/batchblacklist?access_token=bad", fmt.Sprintf(`{"openid_list":["%s"]}`, mpblock.Mint(mpblock.Prefix{0x5e, 0xed}, mpblock.Key{}, fmt.Sprint("follower ", 1+i))))
		},
	} {
		wg.Go(func() {
			for i := range 30 {
				do(i)
			}
		})
	}
	wg.Wait()
	must(s.Reset(t.Context()))
	if n, err := s.Lists().Totals(t.Context(), "wx0123456789abcdef"); err != nil || n.Followers != 100 || n.Blocked != 40 {
		t.Errorf("after the last reset: %v, %+v", err, n)
	}
}

func call(t *testing.T, s *Server, path, body string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
}
