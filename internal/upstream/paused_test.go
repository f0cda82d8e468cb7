package upstream_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/upstream"
)

// after does something after the answers to the calls of a path.
type after struct {
	path string
	do   func()
}

func (a after) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, a.path) {
		a.do()
	}
	return res, err
}

// Who is blocked here already, was unblocked there by others, and is blocked through here
// while the list is read, stays blocked: the list that was read is older.
func TestAcknowledgedWhileItIsRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(1_200)
	s.platform.Drift(fans, nil)
	s.sync()
	for _, c := range []struct {
		name         string
		asked, times int
		readings     int
		fails        bool
	}{{"one", 1, 1, 1, false}, {"very many, once", 1_100, 1, 2, false}, {"very many, each time", 1_100, 2, 2, true}} {
		s.platform.Drift(nil, fans[:1])
		calls := 0 // two in each reading
		s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, Alone: true, Pause: time.Millisecond, HTTP: &http.Client{Transport: after{"/getblacklist", func() {
			if calls++; calls%2 == 0 || calls/2 >= c.times {
				return
			}
			if _, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "console:li.si", fans[:c.asked]...), false); err != nil {
				t.Error(err)
			}
		}}}})
		u, err := s.gateway.Sync(t.Context(), s.account.AppID, false)
		if (err != nil) != c.fails || (u.Problem != "") != c.fails || u.Removed != 0 || calls != 2*c.readings {
			t.Errorf("%s: %v, read %d times: %+v", c.name, err, calls/2, u)
		}
		if s.same(); !slices.Contains(s.here(), fans[0]) {
			t.Errorf("%s: the reading has taken back what was acknowledged", c.name)
		}
	}
}

// A node that was stopped while it waited for an answer, for so long that another has taken
// over, changes nothing here any more.
func TestStoppedForLong(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(5)
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, HTTP: &http.Client{Transport: after{"/batchblacklist", func() {
		r, err := s.store.Get(t.Context(), "upstreamline", string(s.account.AppID))
		var slot map[string]any
		if err != nil || json.Unmarshal(r.Value, &slot) != nil {
			t.Errorf("%v: %s", err, r.Value)
			return
		}
		slot["holder"] = "another node"
		if r.Value, err = json.Marshal(slot); err == nil {
			_, err = s.store.Put(t.Context(), r)
		}
		if err != nil {
			t.Error(err)
		}
	}}}})
	_, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "console:li.si", fans...), true)
	if err == nil || len(s.here()) != 0 {
		t.Errorf("%v, %d are blocked here", err, len(s.here()))
	}
}
