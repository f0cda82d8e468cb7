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
//
// What the real platform does on a bad day, a test has it do: Fail and Plan have calls
// fail, Advance moves the clock, Drift changes the list behind the program's back, and
// Journal tells what the program has called.
package mpblocktest

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/emulator"
	"mpblock/internal/server"
)

// Server is a running API with one account. Its methods are safe for concurrent use;
// what goes wrong in one ends the test that it was made for.
type Server struct {
	URL    string // base URL, without /cgi-bin
	AppID  string // of the account
	Secret string

	t       testing.TB
	server  *server.Server
	account *mpblock.Account
	client  *http.Client
	minted  atomic.Int64
}

// Option is a setting of New.
type Option func(*options)

type options struct {
	server.Config
	pipe  *pipe
	daily int
}

// WithPageSize sets how many OpenIDs a page of a list has, 1 to 10,000, which is the
// platform's and the default: so a test meets a second page with few followers.
func WithPageSize(n int) Option { return func(o *options) { o.PageSize = n } }

// WithTokenLife sets how long access tokens live, up to the platform's 2 hours, which
// are the default.
func WithTokenLife(d time.Duration) Option { return func(o *options) { o.TokenLife = d } }

// WithRID has the answers bear a request id behind the errmsg of errors, as those of
// today's real service do.
func WithRID() Option { return func(o *options) { o.RID = true } }

// WithDaily has the platform take each of the calls that read and change the blacklist so
// many times a day, of UTC+8: the next one answers 45009.
func WithDaily(n int) Option { return func(o *options) { o.daily = n } }

// WithLog has the server say of each call what became of it.
func WithLog(log *slog.Logger) Option { return func(o *options) { o.Log = log } }

// WithoutPort has the server listen on no port: it is reached by Client alone.
func WithoutPort() Option { return func(o *options) { o.pipe = newPipe() } }

// New starts a server that ends with the test. Its account has no followers yet, and
// nobody is blocked.
func New(tb testing.TB, set ...Option) *Server {
	tb.Helper()
	s := &Server{t: tb}
	o := options{Config: server.Config{Emulate: &server.Emulation{}}}
	for _, apply := range set {
		apply(&o)
	}
	var err error
	if s.server, err = server.Open(tb.Context(), o.Config); err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	listener := httptest.NewUnstartedServer(s.server.Handler())
	dial := (&net.Dialer{}).DialContext
	if o.pipe != nil {
		listener.Listener.Close() //nolint:errcheck // nobody has used it
		listener.Listener, dial = o.pipe, o.pipe.dial
	}
	listener.Start()
	transport := &http.Transport{DialContext: dial}
	tb.Cleanup(func() {
		s.server.Emulator().Close()
		transport.CloseIdleConnections()
		listener.Close()
		if err := s.server.Close(); err != nil {
			tb.Errorf("mpblocktest: %v", err)
		}
	})
	s.URL = listener.URL
	base, err := url.Parse(s.URL)
	if err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	s.client = &http.Client{Transport: toServer{base, transport}}
	s.account, s.Secret, err = s.server.Access().AddAccount(tb.Context(), access.NewAccount{Name: tb.Name()})
	if err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	s.AppID = string(s.account.AppID)
	if o.daily > 0 {
		s.limit(o.daily)
	}
	if err := s.server.MarkStart(tb.Context()); err != nil {
		tb.Fatalf("mpblocktest: %v", err)
	}
	return s
}

func (s *Server) limit(daily int) {
	var err error
	s.account, err = s.server.Access().UpdateAccount(s.t.Context(), s.account.AppID, func(a *mpblock.Account) error {
		a.Daily = map[mpblock.Call]int{mpblock.CallList: daily, mpblock.CallBlock: daily, mpblock.CallUnblock: daily}
		return nil
	})
	if err != nil {
		s.t.Fatalf("mpblocktest: %v", err)
	}
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
		if _, err := s.server.Lists().AddFollowers(s.t.Context(), s.account, batch); err != nil {
			s.t.Fatalf("mpblocktest: %v", err)
		}
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	return texts(ids)
}

// Program makes a program of the account, a named credential beside Secret, and returns
// its secret. It gets access tokens with AppID as ever, which are its own: neither the
// account's secret nor another program ends them.
func (s *Server) Program(name string) (secret string) {
	s.t.Helper()
	n := programs.New{Name: name, Scopes: programs.Scopes(), By: "test"}
	_, secret, err := s.server.Access().AddProgram(s.t.Context(), s.account.AppID, n)
	if err != nil {
		s.t.Fatalf("mpblocktest: %v", err)
	}
	return secret
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
	for cursor := ""; ; {
		page, err := s.server.Lists().Blacklist(s.t.Context(), s.account, cursor)
		if err != nil {
			s.t.Fatalf("mpblocktest: %v", err)
		}
		if page.Len() == 0 {
			return all
		}
		all = append(all, texts(page.Page().OpenIDs)...)
		cursor = all[len(all)-1]
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
		ids := make([]mpblock.OpenID, len(step.ids))
		for i, text := range step.ids {
			var err error
			if ids[i], err = mpblock.ParseOpenID(text); err != nil {
				s.t.Fatalf("mpblocktest: %v", err)
			}
		}
		if _, err := emulator.DriftOf(s.t.Context(), s.server.Lists(), s.account, step.action, ids); err != nil {
			s.t.Fatalf("mpblocktest: %v", err)
		}
	}
}

// Advance sets the server's clock forward: tokens and quotas end that end within the
// time, and later changes bear the new one. Nothing waits for it.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if err := s.server.Emulator().Clock.Advance(d); err != nil || d < 0 {
		s.t.Fatalf("mpblocktest: Advance(%v): time goes forward alone", d)
	}
}

// Now returns the time by the server's clock.
func (s *Server) Now() time.Time { return s.server.Emulator().Clock.Now() }

// Reset goes back to what New returned: nobody follows, nobody is blocked, no call has
// come, nothing fails, and the clock is the machine's. Tokens are good no more.
func (s *Server) Reset() {
	s.t.Helper()
	if err := s.server.Reset(s.t.Context()); err != nil {
		s.t.Fatalf("mpblocktest: %v", err)
	}
	s.minted.Store(0)
}

// Client returns an HTTP client all of whose requests go to the server, whatever host
// they are for: for programs that know https://api.weixin.qq.com alone.
func (s *Server) Client() *http.Client { return s.client }

type toServer struct {
	base *url.URL
	by   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (to toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.base.Scheme, to.base.Host, ""
	return to.by.RoundTrip(r)
}

func texts(ids []mpblock.OpenID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}
