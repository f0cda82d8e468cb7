package mpblocktest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock/client"
	"mpblock/mpblocktest"
)

func dial(tb testing.TB, s *mpblocktest.Server, options ...client.Option) *client.Client {
	tb.Helper()
	c, err := client.New(s.AppID, s.Secret, append([]client.Option{client.WithBaseURL(s.URL)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func ids(texts ...string) []client.OpenID {
	var all []client.OpenID
	for _, s := range texts {
		all = append(all, client.OpenID(s))
	}
	return all
}

func TestServer(t *testing.T) {
	s := mpblocktest.New(t, mpblocktest.WithPageSize(7))
	c := dial(t, s)
	fans := s.Followers(50)
	if err := c.Block(t.Context(), ids(fans[:20]...)...); err != nil {
		t.Fatal(err)
	}
	if got := s.Blocked(); !slices.Equal(got, fans[:20]) {
		t.Errorf("blocked: %q", got)
	}
	if err := c.Block(t.Context(), client.OpenID(s.Stranger())); !errors.Is(err, client.ErrInvalidOpenID) {
		t.Errorf("a stranger: %v", err)
	}
	var refused *client.Error
	err := c.Block(t.Context(), client.OpenID(s.Stranger()))
	if !errors.As(err, &refused) || !strings.Contains(refused.Detail, "not a follower of") || !strings.Contains(err.Error(), refused.Detail) {
		t.Errorf("without the server's own words: %v", err)
	}
	s.Drift(fans[30:32], fans[:1])
	var seen []string
	for id, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(id))
	}
	if want := slices.Concat(fans[1:20], fans[30:32]); !slices.Equal(seen, want) || !slices.Equal(s.Blocked(), want) {
		t.Errorf("after the drift: %q, want %q", seen, want)
	}
}

// Two programs of an account do not end each other's tokens, and the journal, plans and
// the log tell them apart.
func TestProgram(t *testing.T) {
	t.Parallel()
	s := mpblocktest.New(t)
	fans := s.Followers(2)
	secret := s.Program("crm")
	crm, err := client.New(s.AppID, secret, client.WithBaseURL(s.URL), client.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	own := dial(t, s, client.WithRetries(0))
	for range 2 {
		for _, c := range []*client.Client{own, crm} {
			if err := c.Block(t.Context(), ids(fans...)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Program: "crm"}, Effect: mpblocktest.Errcode(-1)})
	if err := crm.Unblock(t.Context(), ids(fans...)...); !errors.Is(err, client.ErrSystem) {
		t.Errorf("crm is not struck: %v", err)
	}
	if err := own.Unblock(t.Context(), ids(fans...)...); err != nil {
		t.Errorf("who is not crm is struck: %v", err)
	}
	calls := map[string]int{}
	for _, call := range s.Journal() {
		calls[call.Program]++
	}
	if calls["crm"] != 4 || calls[""] != 4 { // a token, three changes
		t.Errorf("calls by program: %v", calls)
	}
}

// A token ends when the clock is set forward, and a client that is good at it asks for
// another one.
func TestAdvance(t *testing.T) {
	s := mpblocktest.New(t)
	fan := s.Followers(1)[0]
	c := dial(t, s)
	if err := c.Block(t.Context(), client.OpenID(fan)); err != nil {
		t.Fatal(err)
	}
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(2*time.Hour + time.Second)
	stale := dial(t, s, client.WithToken(token))
	if err := stale.Unblock(t.Context(), client.OpenID(fan)); !errors.Is(err, client.ErrTokenExpired) {
		t.Errorf("with the old token: %v", err)
	}
	if err := c.Unblock(t.Context(), client.OpenID(fan)); err != nil {
		t.Errorf("a client that renews it: %v", err)
	}
}

// A program that knows the real service's address alone.
func TestClient(t *testing.T) {
	s := mpblocktest.New(t)
	fan := s.Followers(1)[0]
	c := dial(t, s, client.WithBaseURL("https://api.weixin.qq.com"), client.WithHTTPClient(s.Client()))
	if err := c.Block(t.Context(), client.OpenID(fan)); err != nil || len(s.Blocked()) != 1 {
		t.Errorf("%v, blocked: %q", err, s.Blocked())
	}
}

// Any number of servers side by side, each with what it has, where calls fail, and with
// some a call still waits when its test ends; and nothing is left of them.
func TestMany(t *testing.T) {
	const servers = 1_000
	before := runtime.NumGoroutine()
	var held sync.WaitGroup
	t.Run("at once", func(t *testing.T) {
		var all, ended sync.WaitGroup
		all.Add(servers)
		one := func(i int) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				s := mpblocktest.New(t)
				fans := s.Followers(2 + i%5)
				s.Drift(fans[1:], nil)
				s.Plan(`rules:
- {name: busy, match: {path: "*/batchblacklist", nth: 1}, effect: {errcode: -1}}
- {name: reset, match: {path: "*/batchblacklist", nth: 2}, effect: {reset: after}}
- {name: held, match: {path: "*/batchblacklist"}, effect: {lost_answer: timeout}}`)
				all.Done()
				all.Wait() // the others are there too
				c := dial(t, s, client.WithRetries(0), client.WithHTTPClient(s.Client()))
				block := func() error { return c.Block(t.Context(), client.OpenID(fans[0])) }
				if err := block(); !errors.Is(err, client.ErrSystem) || !slices.Equal(s.Blocked(), fans[1:]) {
					t.Errorf("busy: %v, blocked %q, want %q", err, s.Blocked(), fans[1:])
				}
				if err := block(); err == nil || !slices.Equal(s.Blocked(), fans) {
					t.Errorf("reset: %v, blocked %q, want %q", err, s.Blocked(), fans)
				}
				if i%20 > 0 {
					return
				}
				held.Go(func() {
					if err := block(); err == nil {
						panic("a call has an answer that was not to have one")
					}
				})
				for s.Struck() < 3 {
					runtime.Gosched()
				}
			})
		}
		for i := range servers {
			ended.Go(func() { one(i) })
		}
		ended.Wait()
	})
	held.Wait()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+10; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, were %d", runtime.NumGoroutine(), before)
		}
	}
}

// scope is a test within an example or a round of a benchmark.
type scope struct {
	testing.TB
	ends []func()
}

func (*scope) Helper()                  {}
func (*scope) Name() string             { return "example" }
func (*scope) Context() context.Context { return context.Background() }
func (s *scope) Cleanup(end func())     { s.ends = append(s.ends, end) }

func (s *scope) end() {
	for _, end := range slices.Backward(s.ends) {
		end()
	}
}

func ExampleNew() {
	t := &scope{} // in a test: its *testing.T
	defer t.end()
	s := mpblocktest.New(t)
	fans := s.Followers(100)
	c, _ := client.New(s.AppID, s.Secret, client.WithBaseURL(s.URL))
	if err := c.Block(context.Background(), client.OpenID(fans[0]), client.OpenID(fans[1])); err != nil {
		t.Fatal(err)
	}
	fmt.Println(len(s.Blocked()), "are blocked")
	// Output: 2 are blocked
}

// BenchmarkNew is how long it takes until a call is answered.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		t := &scope{}
		s := mpblocktest.New(t)
		if _, err := dial(b, s).Token(b.Context()); err != nil {
			b.Fatal(err)
		}
		t.end()
	}
}
