package ops

import (
	"context"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

func TestWrappedStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) mpblock.Store { return New("test").Wrap(memstore.New()) })
}

// No method of a store is left out.
func TestEveryMethodIsTimed(t *testing.T) {
	m := New("test")
	s := reflect.ValueOf(m.Wrap(memstore.New()))
	contract := reflect.TypeFor[mpblock.Store]()
	want := 0
	for i := range contract.NumMethod() {
		name := contract.Method(i).Name
		if name == "Close" {
			continue
		}
		want++
		method := s.MethodByName(name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < method.Type().NumIn(); i++ {
			args = append(args, reflect.Zero(method.Type().In(i)))
		}
		method.Call(args)
		timed := make(chan prometheus.Metric, 100)
		m.store.Collect(timed)
		if len(timed) != want {
			t.Errorf("%s is not timed, or not by itself", name)
			want = len(timed)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := New("1.2.3")
	store := m.Wrap(memstore.New())
	if _, err := store.AddFollowers(t.Context(), "wx0123456789abcdef", []mpblock.OpenID{mpblock.Mint(mpblock.Prefix{}, mpblock.Key{}, "1")}); err != nil {
		t.Fatal(err)
	}
	m.Observe(mpblock.CallList, 0, 2*time.Millisecond)
	m.Observe("", 40066, time.Millisecond)
	h := m.Handler(func(context.Context) (Sizes, error) { return Sizes{Accounts: 1, Followers: 7}, nil },
		func(context.Context) ([]Mirror, error) {
			return []Mirror{{AppID: "wx0123456789abcdef", Synced: time.Unix(1795867260, 0), Held: 7, Failing: true, Unsettled: 3, Limits: map[string]int{"batchblacklist": 2000}, Used: map[string]int{"batchblacklist": 1900}}}, nil
		})
	m.Called("wx0123456789abcdef", client.Made{Call: "getblacklist", Code: 45009, Took: 2 * time.Millisecond})
	m.Called("wx0123456789abcdef", client.Made{Call: "batchblacklist", Lost: true})
	m.Drifted("wx0123456789abcdef", 2, 1)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`mpblock_requests_total{call="getblacklist",errcode="0"} 1`,
		`mpblock_requests_total{call="none",errcode="40066"} 1`,
		`mpblock_request_duration_seconds_bucket{call="getblacklist",le="0.003"} 1`,
		`mpblock_request_duration_seconds_bucket{call="getblacklist",le="0.001"} 0`,
		`mpblock_store_duration_seconds_count{op="add_followers"} 1`,
		`mpblock_build_info{goversion="go`, `version="1.2.3"} 1`,
		"mpblock_accounts 1", "mpblock_followers 7", "mpblock_entries 0",
		`mpblock_upstream_calls_total{appid="wx0123456789abcdef",call="getblacklist",errcode="45009"} 1`,
		`mpblock_upstream_calls_total{appid="wx0123456789abcdef",call="batchblacklist",errcode="lost"} 1`,
		`mpblock_upstream_duration_seconds_bucket{call="getblacklist",le="0.003"} 1`,
		`mpblock_upstream_drift_total{action="block",appid="wx0123456789abcdef"} 2`,
		`mpblock_upstream_synced_timestamp_seconds{appid="wx0123456789abcdef"} 1.79586726e+09`,
		`mpblock_upstream_held{appid="wx0123456789abcdef"} 7`,
		`mpblock_upstream_failing{appid="wx0123456789abcdef"} 1`,
		`mpblock_upstream_budget_used{appid="wx0123456789abcdef",call="batchblacklist"} 1900`,
		`mpblock_upstream_budget_limit{appid="wx0123456789abcdef",call="batchblacklist"} 2000`,
		`mpblock_upstream_unsettled{appid="wx0123456789abcdef"} 3`,
		"go_goroutines", "process_",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/debug/pprof/goroutine?debug=1", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "goroutine profile") {
		t.Errorf("profile: %d %.100s", w.Code, w.Body)
	}
}
