package ops

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"mpblock/internal/webhooks/post"
)

// webhookMetrics are the figures of what is sent to webhooks.
type webhookMetrics struct {
	posts   *prometheus.CounterVec
	latency prometheus.Histogram
}

func newWebhooks() webhookMetrics {
	return webhookMetrics{
		prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mpblock_webhook_attempts_total", Help: `Attempts to send a message to a webhook, by what became of it: "taken", or why not.`,
		}, []string{"outcome"}),
		prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mpblock_webhook_duration_seconds", Help: "Time that an attempt to send a message to a webhook took.", Buckets: seconds,
		}),
	}
}

// Posted counts an attempt to send a message to a webhook.
func (m *Metrics) Posted(r post.Result) {
	m.webhooks.posts.WithLabelValues(string(cmp.Or(r.Fault, "taken"))).Inc()
	m.webhooks.latency.Observe(r.Took.Seconds())
}
