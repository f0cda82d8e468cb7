package upstream_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// Two addresses of one platform.
const (
	formerly = "http://formerly.test"
	now      = "http://now.test"
)

// roads leads from both to the platform, and has calls of the former one wait or fail.
type roads struct {
	to   http.RoundTripper
	at   string // the platform's host
	mu   sync.Mutex
	made []string      // changes that were asked for, by their hosts
	wait chan struct{} // calls with a path wait until it is closed; nil: none do
	path string
	gone bool // no answer comes from the former address
}

func (r *roads) RoundTrip(q *http.Request) (*http.Response, error) {
	former := q.URL.Host == "formerly.test"
	r.mu.Lock()
	if strings.Contains(q.URL.Path, "/batch") {
		r.made = append(r.made, q.URL.Host)
	}
	wait, gone := r.wait, r.gone && former
	if !former || !strings.HasSuffix(q.URL.Path, r.path) {
		wait = nil
	}
	r.mu.Unlock()
	if wait != nil {
		<-wait
	}
	q = q.Clone(q.Context())
	q.URL.Host, q.Host = r.at, r.at
	res, err := r.to.RoundTrip(q)
	if err == nil && gone {
		_ = res.Body.Close()
		return nil, errors.New("no answer")
	}
	return res, err
}

// moving is a world whose account lies at the former address.
type moving struct {
	*world
	roads *roads
	up    *upstream.Service
	fans  []string
}

func newMoving(t *testing.T) *moving {
	t.Helper()
	w := newWorld(t)
	at, err := url.Parse(w.platform.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := &moving{world: w, roads: &roads{to: w.platform.Client().Transport, at: at.Host}, fans: w.platform.Followers(60)}
	m.up = upstream.New(w.store, upstream.Options{SealFile: w.seal, HTTP: &http.Client{Transport: m.roads, Timeout: time.Hour}})
	if err := m.up.Add(t.Context(), w.account.AppID, formerly, source.Spec{Secret: w.platform.Secret}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *moving) block(id string) error {
	parsed, err := mpblock.ParseOpenID(id)
	if err != nil {
		return err
	}
	_, err = m.up.Apply(m.Context(), m.account, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{parsed}, Actor: "api:crm", Reason: "spam"}, true)
	return err
}

func (m *moving) move() error {
	return m.up.Move(m.Context(), m.account, now, source.Spec{Secret: m.platform.Secret})
}

func (m *moving) sync() upstream.Upstream {
	m.Helper()
	u, err := m.up.Sync(m.Context(), m.account.AppID, false)
	if err != nil {
		m.Error(err)
	}
	return u
}

// hold has calls of the former address wait, and returns what lets them go on.
func (m *moving) hold(path string) (release func()) {
	wait := make(chan struct{})
	m.roads.mu.Lock()
	defer m.roads.mu.Unlock()
	m.roads.wait, m.roads.path = wait, path
	return func() { close(wait) }
}

// Who waits for a turn while the list comes to lie elsewhere changes it there.
func TestWhoWaitsGoesWhereTheListLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(t)
		release := m.hold("/batchblacklist")
		var all sync.WaitGroup
		for _, do := range []func() error{func() error { return m.block(m.fans[0]) }, m.move, func() error { return m.block(m.fans[1]) }} {
			all.Go(func() {
				if err := do(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		release()
		all.Wait()
		if want := []string{"formerly.test", "now.test"}; !slices.Equal(m.roads.made, want) {
			t.Errorf("changes went to %v, not %v", m.roads.made, want)
		}
	})
}

// What is read where the list lies no more is not taken over.
func TestAReadingOfTheFormerPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(t)
		m.platform.Drift(m.fans[:50], nil)
		m.sync()
		m.platform.Fail(listing(t, 45, m.fans[:45]))
		release := m.hold("/getblacklist")
		read := make(chan upstream.Upstream)
		go func() { read <- m.sync() }()
		synctest.Wait()
		if err := m.move(); err != nil {
			t.Fatal(err)
		}
		m.roads.mu.Lock()
		m.roads.to = former{m.roads.to, m.platform}
		m.roads.mu.Unlock()
		release()
		u := <-read
		if len(m.here()) != 50 || !u.FirstReading() || !u.Moved.IsZero() || u.Removed != 0 {
			t.Errorf("%d are blocked here: %+v", len(m.here()), u)
		}
	})
}

// former answers once what it was told to, and then the truth.
type former struct {
	http.RoundTripper
	platform *mpblocktest.Server
}

func (f former) RoundTrip(q *http.Request) (*http.Response, error) {
	res, err := f.RoundTripper.RoundTrip(q)
	f.platform.Fail()
	return res, err
}

// A change whose answer was lost is settled where the list lies then, should the former
// place answer no more.
func TestWhatIsUnknownIsSettledElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(t)
		m.platform.Drift(m.fans[:50], nil)
		m.sync()
		m.roads.gone = true
		if err := m.block(m.fans[55]); err == nil {
			t.Fatal("an answer was lost, and nobody hears so")
		}
		if err := m.move(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // the list is not read again before its time
		if err := m.up.Finish(t.Context(), m.account); err != nil {
			t.Fatal(err)
		}
		log := m.log()
		if last := log[len(log)-1]; last.Actor != "api:crm" || last.Reason != "spam" || len(m.here()) != 51 {
			t.Errorf("%+v, %d blocked here", last, len(m.here()))
		}
	})
}

// A place that does not answer, or that has another account's list, is not moved to.
func TestNotMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(t)
		m.platform.Drift(m.fans[:50], nil)
		m.sync()
		if err := m.up.Move(t.Context(), m.account, now, source.Spec{Secret: "wrong"}); err == nil || !strings.Contains(err.Error(), "40125") {
			t.Errorf("a wrong secret: %v", err)
		}
		foreign := "oBAAAAGOOD_2sgVt7hMZOPfL2M00"
		m.platform.Fail(listing(t, 1, []string{foreign}))
		if err := m.move(); mpblock.KindOf(err) != mpblock.Conflict || !strings.Contains(err.Error(), "another account's list") {
			t.Errorf("another account's list: %v", err)
		}
		if u, err := m.up.Of(t.Context(), m.account.AppID); err != nil || u.BaseURL != formerly || !u.Moved.IsZero() {
			t.Errorf("%v: %+v", err, u)
		}
		m.account.AnyPrefix = true
		if err := m.move(); err != nil {
			t.Errorf("any prefix: %v", err)
		}
	})
}
