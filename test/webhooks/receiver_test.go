//go:build mariadb && linux

package webhooks

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"mpblock/internal/feed"
)

// message is what of a message is looked at.
type message struct {
	Type      feed.Kind `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Revision uint64   `json:"revision"`
		OpenIDs  []string `json:"openids"`
	} `json:"data"`
	id string
}

// receiver takes messages, and keeps those that it has taken in their order.
type receiver struct {
	URL string

	mu      sync.Mutex
	all     []message
	last    uint64        // revision up to which it has them all
	here    int           // that are with it now
	crowd   int           // most that were at once
	grew    chan struct{} // closed when last goes on
	meet    uint64        // a revision whose message is to be met
	met     chan struct{} // closed when it is there
	release chan struct{} // and taken once this is closed
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{grew: make(chan struct{})}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.URL = s.URL + "/hook"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	m := message{id: req.Header.Get("webhook-id")}
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.here++
	r.crowd = max(r.crowd, r.here)
	var release chan struct{}
	if r.met != nil && m.Data.Revision >= r.meet {
		close(r.met)
		release, r.met = r.release, nil
	}
	r.mu.Unlock()
	if release != nil {
		<-release
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.here--
	r.all = append(r.all, m)
	if m.Data.Revision == r.last+1 {
		r.last++
		close(r.grew)
		r.grew = make(chan struct{})
	}
}

// upTo waits until it has all up to a revision.
func (r *receiver) upTo(t *testing.T, revision uint64) {
	t.Helper()
	for {
		r.mu.Lock()
		last, grew := r.last, r.grew
		r.mu.Unlock()
		if last >= revision {
			return
		}
		select {
		case <-grew:
		case <-t.Context().Done():
			t.Fatalf("told up to revision %d, want %d", last, revision)
		}
	}
}

// now returns up to which revision it has them all, and how many messages there were.
func (r *receiver) now() (last uint64, messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, len(r.all)
}

// hold waits for a message that comes from now on, which is answered once release is
// called; it is taken, whether or not anybody waits for the answer.
func (r *receiver) hold() (release func()) {
	r.mu.Lock()
	met := make(chan struct{})
	r.meet, r.met, r.release = r.last+1, met, make(chan struct{})
	release = sync.OnceFunc(func() { close(r.release) })
	r.mu.Unlock()
	<-met
	return release
}
