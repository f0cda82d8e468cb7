// Package ops is what those who run mpblock look at: metrics for Prometheus and
// Go's profiles. It knows calls, codes and times; no secret, no token and no
// OpenID ever reaches a label.
package ops

import (
	"context"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mpblock"
)

// seconds are the bounds of the histograms: from what memory answers in to a
// store that stands still.
var seconds = []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10}

// Metrics are the figures of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	store    *prometheus.HistogramVec
	upstream upstreamMetrics
	webhooks webhookMetrics
}

// New returns the metrics of a server of a version.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpblock_requests_total", Help: "Calls of the API, by call and return code.",
		}, []string{"call", "errcode"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mpblock_request_duration_seconds", Help: "Time from a call's arrival to the end of its answer.", Buckets: seconds,
		}, []string{"call"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mpblock_store_duration_seconds", Help: "Time that the store took, by operation.", Buckets: seconds,
		}, []string{"op"}),
		upstream: newUpstream(),
		webhooks: newWebhooks(),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mpblock_build_info", Help: "Always 1; what runs is in the labels.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(m.requests, m.latency, m.store, m.upstream.calls, m.upstream.latency, m.upstream.drift, m.webhooks.posts, m.webhooks.latency, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a call of the API; call is "" for a path that is no call.
func (m *Metrics) Observe(call mpblock.Call, code int, d time.Duration) {
	if call == "" {
		call = "none"
	}
	m.requests.WithLabelValues(string(call), strconv.Itoa(code)).Inc()
	m.latency.WithLabelValues(string(call)).Observe(d.Seconds())
}

// Handler returns /metrics and /debug/pprof/; it is called once. The sizes of the
// lists, and how those on the platform stand, are read for each scrape. Which profiles of
// waiting there are, the process decides.
func (m *Metrics) Handler(size func(context.Context) (Sizes, error), stand func(context.Context) ([]Mirror, error)) http.Handler {
	m.registry.MustRegister(sizes{size}, mirrors{stand})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// sizesTimeout bounds how long a scrape waits for the store.
const sizesTimeout = 5 * time.Second

var (
	accountsDesc  = prometheus.NewDesc("mpblock_accounts", "Accounts in the store.", nil, nil)
	followersDesc = prometheus.NewDesc("mpblock_followers", "Followers in the store, of all accounts.", nil, nil)
	entriesDesc   = prometheus.NewDesc("mpblock_entries", "Blocked OpenIDs in the store, of all accounts.", nil, nil)
)

// Sizes are how much the whole store holds.
type Sizes struct{ Accounts, Followers, Blocked int }

// sizes collects how much the store holds.
type sizes struct {
	read func(context.Context) (Sizes, error)
}

// Describe implements prometheus.Collector.
func (sizes) Describe(to chan<- *prometheus.Desc) {
	to <- accountsDesc
	to <- followersDesc
	to <- entriesDesc
}

// Collect implements prometheus.Collector. A store that does not answer leaves
// these figures out, and no others.
func (s sizes) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), sizesTimeout)
	defer cancel()
	n, err := s.read(ctx)
	if err != nil {
		return
	}
	for desc, v := range map[*prometheus.Desc]int{accountsDesc: n.Accounts, followersDesc: n.Followers, entriesDesc: n.Blocked} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(v))
	}
}
