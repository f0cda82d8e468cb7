package ops

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mpblock"
	"mpblock/client"
)

// upstreamMetrics are the figures of accounts whose list lies on the real platform.
type upstreamMetrics struct {
	calls   *prometheus.CounterVec
	latency *prometheus.HistogramVec
	drift   *prometheus.CounterVec
}

func newUpstream() upstreamMetrics {
	return upstreamMetrics{
		prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpblock_upstream_calls_total", Help: `Calls of the platform, by call and return code; "lost" where no answer came that can be understood.`,
		}, []string{"appid", "call", "errcode"}),
		prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mpblock_upstream_duration_seconds", Help: "Time that a call of the platform took.", Buckets: seconds,
		}, []string{"call"}),
		prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpblock_upstream_drift_total", Help: "OpenIDs that others have blocked or unblocked on the platform, as readings of the list have shown.",
		}, []string{"appid", "action"}),
	}
}

// Called counts a call of the platform.
func (m *Metrics) Called(app mpblock.AppID, c client.Made) {
	code := strconv.Itoa(c.Code)
	if c.Lost {
		code = "lost"
	}
	m.upstream.calls.WithLabelValues(string(app), c.Call, code).Inc()
	m.upstream.latency.WithLabelValues(c.Call).Observe(c.Took.Seconds())
}

// Drifted counts what others have done on the platform.
func (m *Metrics) Drifted(app mpblock.AppID, blocked, unblocked int) {
	m.upstream.drift.WithLabelValues(string(app), "block").Add(float64(blocked))
	m.upstream.drift.WithLabelValues(string(app), "unblock").Add(float64(unblocked))
}

// Mirror is how the list of an account on the platform stands here.
type Mirror struct {
	AppID     mpblock.AppID
	Synced    time.Time // when the list here was what the platform showed; zero: never
	Followers time.Time // likewise, of followers; zero: never, or they are not mirrored
	Held      int       // who would be unblocked by a reading that is not believed
	Failing   bool      // the last reading failed
	Unsettled int       // OpenIDs of which it is not known whether they were blocked or unblocked

	Used   map[string]int // calls made today, by their names
	Limits map[string]int // of them on a day; 0: none is known
}

var (
	syncedDesc    = prometheus.NewDesc("mpblock_upstream_synced_timestamp_seconds", "When the list here was last what the platform showed; 0: never.", []string{"appid"}, nil)
	followedDesc  = prometheus.NewDesc("mpblock_upstream_followers_timestamp_seconds", "When the followers here were last those that the platform showed, where they are mirrored.", []string{"appid"}, nil)
	heldDesc      = prometheus.NewDesc("mpblock_upstream_held", "Who would be unblocked by a reading that is not believed, and that a person is to decide on.", []string{"appid"}, nil)
	failingDesc   = prometheus.NewDesc("mpblock_upstream_failing", "1 where the last reading of the list failed.", []string{"appid"}, nil)
	usedDesc      = prometheus.NewDesc("mpblock_upstream_budget_used", "Calls of the platform made today (UTC+8) over all nodes, by call.", []string{"appid", "call"}, nil)
	limitDesc     = prometheus.NewDesc("mpblock_upstream_budget_limit", "How often a call may be made on a day, as was set or as the platform says; 0: no limit is known.", []string{"appid", "call"}, nil)
	unsettledDesc = prometheus.NewDesc("mpblock_upstream_unsettled", "OpenIDs of a change whose outcome on the platform is not known yet.", []string{"appid"}, nil)
)

// mirrors collects how the lists on the platform stand here.
type mirrors struct {
	read func(context.Context) ([]Mirror, error)
}

// Describe implements prometheus.Collector.
func (mirrors) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{syncedDesc, followedDesc, heldDesc, failingDesc, unsettledDesc, usedDesc, limitDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector, as sizes does.
func (c mirrors) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), sizesTimeout)
	defer cancel()
	all, err := c.read(ctx)
	if err != nil {
		return
	}
	for _, m := range all {
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, string(m.AppID))
		}
		gauge(syncedDesc, unix(m.Synced))
		if !m.Followers.IsZero() {
			gauge(followedDesc, unix(m.Followers))
		}
		gauge(heldDesc, float64(m.Held))
		failing := 0.0
		if m.Failing {
			failing = 1
		}
		gauge(failingDesc, failing)
		gauge(unsettledDesc, float64(m.Unsettled))
		for desc, calls := range map[*prometheus.Desc]map[string]int{usedDesc: m.Used, limitDesc: m.Limits} {
			for call, n := range calls {
				to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), string(m.AppID), call)
			}
		}
	}
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
