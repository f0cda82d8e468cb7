// Package mpblocktest runs the platform's blacklist API inside a Go test: mpblock's own,
// with its return codes and limits, over a store in memory.
//
//	func TestSpammersAreBlocked(t *testing.T) {
//		s := mpblocktest.New(t)
//		fans := s.Followers(100)
//		myprogram.Run(s.URL, s.AppID, s.Secret, fans[:3])
//		if !slices.Equal(s.Blocked(), fans[:3]) {
//			t.Error("others are blocked")
//		}
//	}
//
// A server is ready in a few milliseconds, listens on a port of its own, and ends with
// its test. Any number of them run side by side. For programs that ask
// https://api.weixin.qq.com and cannot be told otherwise there is Client.
package mpblocktest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
)

// Server is a running API with one account. Its methods are safe for concurrent use;
// what goes wrong in one ends the test that it was made for.
type Server struct {
	URL    string // base URL, without /cgi-bin
	AppID  string // of the account
	Secret string

	t       testing.TB
	clock   *clock
	store   mpblock.Store
	rules   *server.Server
	account *mpblock.Account
	minted  atomic.Int64
}

// Option is a setting of New.
type Option func(*server.Config)

// WithPageSize sets how many OpenIDs a page of a list has, 1 to 10,000, which is the
// platform's and the default: so a test meets a second page with few followers.
func WithPageSize(n int) Option { return func(c *server.Config) { c.PageSize = n } }

// WithTokenLife sets how long access tokens live, up to the platform's 2 hours, which
// are the default.
func WithTokenLife(d time.Duration) Option { return func(c *server.Config) { c.TokenLife = d } }

// WithRID has the answers bear a request id behind the errmsg of errors, as those of
// today's real service do.
func WithRID() Option { return func(c *server.Config) { c.RID = true } }

// WithLog has the server say of each call what became of it.
func WithLog(log *slog.Logger) Option { return func(c *server.Config) { c.Log = log } }

// New starts a server that ends with the test. Its account has no followers yet, and
// nobody is blocked.
func New(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	s := &Server{t: tb, clock: &clock{}, store: memstore.New()}
	config := server.Config{Store: s.store, Clock: s.clock}
	for _, o := range options {
		o(&config)
	}
	var err error
	if s.rules, err = server.Open(tb.Context(), config); err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	listener := httptest.NewServer(s.rules.Handler())
	tb.Cleanup(func() {
		listener.Close()
		if err := s.rules.Close(); err != nil {
			tb.Errorf("mpblocktest: %v", err)
		}
	})
	s.URL = listener.URL
	s.account, s.Secret, err = s.rules.Access().AddAccount(tb.Context(), access.NewAccount{Name: tb.Name()})
	if err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	s.AppID = string(s.account.AppID)
	return s
}

// Followers registers n new followers and returns their OpenIDs in byte order, which is
// that of the API's lists. They are the same ones in each run of a test.
func (s *Server) Followers(n int) []string {
	s.t.Helper()
	ids := make([]mpblock.OpenID, n)
	for i := range ids {
		ids[i] = mpblock.Mint(s.account.Prefix, mpblock.Key{}, fmt.Sprint("follower ", s.minted.Add(1)))
	}
	for batch := range slices.Chunk(ids, mpblock.MaxWrite) {
		if _, err := s.rules.Lists().AddFollowers(s.t.Context(), s.account, batch); err != nil {
			s.t.Fatalf("mpblocktest: %v", err)
		}
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	return texts(ids)
}

// Stranger returns a well-formed OpenID of the account that is no follower's. The API
// answers 40003 to it.
func (s *Server) Stranger() string {
	return mpblock.Mint(s.account.Prefix, mpblock.Key{}, fmt.Sprint("stranger ", s.minted.Add(1))).String()
}

// Blocked returns the blacklist in byte order.
func (s *Server) Blocked() []string {
	s.t.Helper()
	var all []string
	for after := (mpblock.OpenID{}); ; {
		page, err := s.store.Blacklist(s.t.Context(), s.account.AppID, after, mpblock.MaxWrite)
		if err != nil {
			s.t.Fatalf("mpblocktest: %v", err)
		}
		all = append(all, texts(page.OpenIDs)...)
		if len(page.OpenIDs) < mpblock.MaxWrite {
			return all
		}
		after = page.OpenIDs[len(page.OpenIDs)-1]
	}
}

// Drift blocks and unblocks some followers as somebody else does: in the platform's own
// console, say. The program under test is not told.
func (s *Server) Drift(block, unblock []string) {
	s.t.Helper()
	for _, step := range []struct {
		action mpblock.Action
		ids    []string
	}{{mpblock.Block, block}, {mpblock.Unblock, unblock}} {
		for batch := range slices.Chunk(step.ids, mpblock.MaxWrite) {
			b := mpblock.Batch{Action: step.action, Actor: "mpblocktest", Known: true}
			for _, text := range batch {
				id, err := mpblock.ParseOpenID(text)
				if err != nil {
					s.t.Fatalf("mpblocktest: %v", err)
				}
				b.OpenIDs = append(b.OpenIDs, id)
			}
			if _, err := s.rules.Lists().Apply(s.t.Context(), s.account, b); err != nil {
				s.t.Fatalf("mpblocktest: %v", err)
			}
		}
	}
}

// Advance sets the server's clock forward: tokens and quotas end that end within the
// time, and later changes bear the new one. Nothing waits for it.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if d < 0 {
		s.t.Fatalf("mpblocktest: Advance(%v): time goes forward alone", d)
	}
	s.clock.ahead.Add(int64(d))
}

// Client returns an HTTP client all of whose requests go to the server, whatever host
// they are for: for programs that know https://api.weixin.qq.com alone.
func (s *Server) Client() *http.Client {
	base, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatalf("mpblocktest: %v", err)
	}
	return &http.Client{Transport: toServer{base}}
}

type toServer struct{ base *url.URL }

// RoundTrip implements http.RoundTripper.
func (to toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.base.Scheme, to.base.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

// clock is the machine's, set forward.
type clock struct{ ahead atomic.Int64 }

// Now implements mpblock.Clock.
func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func texts(ids []mpblock.OpenID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}
