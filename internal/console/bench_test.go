package console

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/desk"
	"mpblock/internal/pebblestore"
	"mpblock/internal/remarks"
)

// Sizes of the account that is measured.
const (
	manyBlocked = 200_000
	perChange   = 20 // as calls of the API make them
)

var manyFollowers = flag.Int("followers", 1_000_000, "followers of the benchmark's account, each with a remark")

// BenchmarkPages measures how long the server takes for every page of an account
// with a million followers, all with remarks, 200,000 of them blocked by 10,000 changes, on the
// embedded store. It reports the median and the slowest of the answers, in
// milliseconds, and the size of the page.
func BenchmarkPages(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	store, err := pebblestore.Open(b.TempDir(), pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	p := openRules(b, store)
	blocked := fillMany(b, p, store)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.lists.CatchUp(ctx, testApp); err != nil {
			b.Error(err)
		}
		p.jobs.Run(ctx, func(err error) { b.Error(err) })
	}()
	b.Cleanup(func() { cancel(); <-done; store.Close() })

	s := newBenchSite(b, p)
	for s.behind(b) > 0 { // until the statistics have caught up
		runtime.Gosched()
	}
	pages := []struct{ name, path string }{
		{"overview", base}, {"followers", base + "/followers"}, {"followers, deep", base + "/followers?after=" + blocked[manyBlocked/2].String()},
		{"followers, search", base + "/followers?q=" + blocked[7].String()[:10]},
		{"blacklist", base + "/blacklist"}, {"blacklist, deep", base + "/blacklist?sort=openid&after=" + blocked[manyBlocked/2].String()},
		{"blacklist, search", base + "/blacklist?q=" + blocked[7].String()[:10]},
		{"blacklist, by reason", base + "/blacklist?reason=advertising"}, {"blacklist, by a rare reason", base + "/blacklist?reason=nothing+like+it"},
		{"blacklist, by actor", base + "/blacklist?actor=api"}, {"blacklist, by OpenID", base + "/blacklist?sort=openid"}, {"blacklist, by OpenID and a rare reason", base + "/blacklist?sort=openid&reason=nothing+like+it"},
		{"blacklist, of 30 days", base + "/blacklist?days=30"}, {"blacklist, a piece of its count", base + "/blacklist/count?days=30"}, {"search", base + "/search?q=" + blocked[7].String()[:7]}, {"history", base + "/history"}, {"history, filtered", base + "/history?action=unblock"},
		{"change", base + "/history/5000"}, {"undo preview", base + "/history/5000/undo"}, {"search, a remark", base + "/search?q=name"}, {"search, no remark", base + "/search?q=nothing+like+it"}, {"one OpenID", base + "/openids/" + blocked[7].String()},
		{"many at once", base + "/bulk"}, {"accounts", "/accounts"}, {"account", "/accounts/" + string(testApp)}, {"operators", "/operators"}, {"my account", "/me"}, {"calls", "/calls"},
	}
	for _, page := range pages {
		b.Run(page.name, func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				start := time.Now()
				size = s.get(b, page.path)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			b.ReportMetric(ms(took[len(took)/2]), "median-ms")
			b.ReportMetric(ms(took[len(took)-1]), "slowest-ms")
			b.ReportMetric(float64(size)/1000, "page-KB")
		})
	}
}

// fillMany makes the account and returns who is blocked, in byte order.
func fillMany(b *testing.B, p *rules, store mpblock.Store) []mpblock.OpenID {
	b.Helper()
	key := mpblock.Key{9}
	if _, _, err := p.access.AddAccount(b.Context(), access.NewAccount{AppID: testApp, Name: "Many", Prefix: &testPrefix, Key: &key}); err != nil {
		b.Fatal(err)
	}
	var ids, blocked []mpblock.OpenID
	for n := range *manyFollowers {
		id := mpblock.Mint(testPrefix, key, fmt.Sprint(n))
		if ids = append(ids, id); n < manyBlocked {
			blocked = append(blocked, id)
		}
		if len(ids) == mpblock.MaxWrite {
			if _, err := store.AddFollowers(b.Context(), testApp, ids); err != nil {
				b.Fatal(err)
			}
			remarkAll(b, store, ids)
			ids = nil
		}
	}
	reasons := []string{"advertising", "刷屏", "abusive messages", "fake account", ""}
	begin := time.Now().AddDate(0, 0, -29)
	for i, n := 0, manyBlocked/perChange; i < n; i++ {
		_, err := store.Apply(b.Context(), testApp, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: blocked[i*perChange : (i+1)*perChange], Actor: mpblock.ActorAPI, Reason: reasons[i%len(reasons)],
			Time: begin.Add(time.Duration(i) * 29 * 24 * time.Hour / time.Duration(n)),
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.SortFunc(blocked, mpblock.OpenID.Compare)
	return blocked
}

// remarkAll gives each OpenID a remark and a name.
func remarkAll(b *testing.B, store mpblock.Store, ids []mpblock.OpenID) {
	b.Helper()
	rows := make([]remarks.Row, 0, len(ids))
	for _, id := range ids {
		rows = append(rows, remarks.Row{OpenID: id, Remark: remarks.Remark{Name: "Name " + id.String()[8:14], Remark: "备注 " + id.String()[14:20]}})
	}
	if err := remarks.New(store, nil).Import(b.Context(), &mpblock.Account{AppID: testApp, Prefix: testPrefix}, "bench", rows); err != nil {
		b.Fatal(err)
	}
}

// benchSite is a console without a network, and the cookie of an admin.
type benchSite struct {
	handler http.Handler
	cookie  *http.Cookie
	desk    *desk.Desk
}

func newBenchSite(b *testing.B, p *rules) *benchSite {
	b.Helper()
	token, err := p.operators.Demo(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	s := &benchSite{handler: New(Options{Desks: p.desks, Operators: p.operators, Log: slog.New(slog.DiscardHandler)})}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/demo?token="+token, nil))
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		b.Fatalf("%d, %d cookies", w.Code, len(cookies))
	}
	s.cookie = cookies[0]
	if token, err = p.operators.Demo(b.Context()); err != nil {
		b.Fatal(err)
	}
	session, err := p.operators.UseDemo(b.Context(), token, false)
	if err != nil {
		b.Fatal(err)
	}
	if s.desk, err = p.desks.Desk(b.Context(), session); err != nil {
		b.Fatal(err)
	}
	return s
}

// behind returns how many changes the statistics do not count yet.
func (s *benchSite) behind(b *testing.B) uint64 {
	b.Helper()
	o, err := s.desk.Overview(b.Context(), testApp)
	if err != nil {
		b.Fatal(err)
	}
	return o.Behind
}

func (s *benchSite) get(b *testing.B, path string) int {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.AddCookie(s.cookie)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d: %s", path, w.Code, w.Body)
	}
	return w.Body.Len()
}
