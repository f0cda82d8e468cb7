package server

import (
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
)

// setClock stands still until it is set.
type setClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *setClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *setClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// oneLine is a list of one OpenID.
type oneLine mpblock.OpenID

func (oneLine) Receive() error { return nil }

func (l oneLine) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	id := mpblock.OpenID(l)
	return nil, each(lines.Line{Number: 1, Text: id.String(), OpenID: id})
}

// All facts of a server are on the clock of its Config, whatever the machine's says.
func TestOneClockForAllFacts(t *testing.T) {
	for name, open := range map[string]func(c Config) Config{
		"in memory":   func(c Config) Config { c.Store = memstore.WithClock(c.Clock); return c },
		"a directory": func(c Config) Config { c.Data = t.TempDir(); return c },
	} {
		t.Run(name, func(t *testing.T) {
			clock := &setClock{now: time.Date(2036, 5, 6, 7, 8, 9, 0, time.UTC)}
			w := openWorld(t, open(Config{Clock: clock}))
			ctx, app := t.Context(), w.account.AppID
			begin := clock.Now()

			clock.advance(TokenLife - time.Second)
			if a := w.post(t, "batchblacklist", `{"openid_list":["`+mpblock.Mint(w.account.Prefix, w.account.Key, "1").String()+`"]}`); a.Errcode != 0 {
				t.Errorf("within the life of the token: %d", a.Errcode)
			}
			clock.advance(time.Second)
			if a := w.post(t, "getblacklist", `{}`); a.Errcode != 42001 {
				t.Errorf("at the end of the life of the token: %d", a.Errcode)
			}

			o, err := w.Lists().Overview(ctx, app)
			if err != nil || !o.Last[0].Time.Equal(begin.Add(TokenLife-time.Second)) || o.Days[lists.OverviewDays-1].Blocked != 1 {
				t.Errorf("overview %+v, %v", o, err)
			}

			link, err := w.Operators().Setup(ctx)
			if err != nil || w.Operators().CheckSetup(ctx, link) != nil {
				t.Errorf("a new link is no good: %v", err)
			}
			sessions := w.Operators().Sessions()
			if err := sessions.Commit("a session", []byte("data"), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			draft, err := w.now().rules.jobs.Draft(ctx, w.account, "anna", mpblock.Block, oneLine(mpblock.Mint(w.account.Prefix, w.account.Key, "2")))
			if err != nil || !draft.Created.Equal(clock.Now()) {
				t.Errorf("a draft of %v, %v", draft.Created, err)
			}
			if _, found, err := sessions.Find("a session"); err != nil || !found {
				t.Errorf("a session that has begun is not found: %v", err)
			}
			clock.advance(time.Hour + time.Minute)
			if _, found, err := sessions.Find("a session"); err != nil || found {
				t.Errorf("a session is found after its end: %v", err)
			}
			if err := w.Operators().CheckSetup(ctx, link); err == nil {
				t.Error("a link is good after its end")
			}
			clock.advance(jobs.DraftLife)
			if err := w.now().rules.jobs.Drop(ctx, app, draft.ID); mpblock.KindOf(err) != mpblock.NotFound {
				t.Errorf("a draft is there after its end: %v", err)
			}
		})
	}
}
