package upstream_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lease"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// world is a platform and gateways to it, over one store: all of the rules, and no door. It
// is for a bubble of synctest: nothing of it is on the network.
type world struct {
	*testing.T
	platform *mpblocktest.Server
	store    mpblock.Store
	account  *mpblock.Account
	seal     string
	clock    mpblock.Clock
}

func newWorld(t *testing.T, options ...mpblocktest.Option) *world {
	t.Helper()
	w := &world{T: t, platform: mpblocktest.New(t, append(options, mpblocktest.WithoutPort())...), store: memstore.New(), seal: filepath.Join(t.TempDir(), "seal.key")}
	if err := os.WriteFile(w.seal, []byte(strings.Repeat("0f", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.account = &mpblock.Account{AppID: mpblock.AppID(w.platform.AppID), AnyFollower: true, Upstream: w.platform.URL}
	id, err := mpblock.ParseOpenID(w.platform.Stranger())
	if err != nil {
		t.Fatal(err)
	}
	w.account.Prefix = id.Prefix()
	g := w.gateway()
	defer g.close()
	if err := g.upstream.Add(t.Context(), w.account.AppID, w.platform.URL, source.Spec{Secret: w.platform.Secret}); err != nil {
		t.Fatal(err)
	}
	return w
}

// gateway is one process.
type gateway struct {
	store    *dying
	upstream *upstream.Service
	lists    *lists.Service
	jobs     *jobs.Service
	end      context.CancelFunc
	ended    chan struct{}
}

// gateway returns another process on the store, one of several. It runs jobs until it ends.
func (w *world) gateway() *gateway {
	w.Helper()
	g := &gateway{store: &dying{Store: w.store}, ended: make(chan struct{})}
	g.store.left.Store(1 << 40)
	g.upstream = upstream.New(g.store, upstream.Options{Clock: w.clock, SealFile: w.seal, HTTP: &http.Client{Transport: w.platform.Client().Transport, Timeout: 10 * time.Second}})
	var err error
	if g.lists, err = lists.New(g.store, lists.Options{Upstream: g.upstream, Clock: w.clock}); err != nil {
		w.Fatal(err)
	}
	g.jobs = jobs.New(g.store, g.lists, func(context.Context, mpblock.AppID) (*mpblock.Account, error) { return w.account, nil }, jobs.Options{Clock: w.clock})
	var ctx context.Context
	ctx, g.end = context.WithCancel(w.Context())
	go func() {
		defer close(g.ended)
		g.jobs.Run(ctx, func(error) {})
	}()
	return g
}

// close ends a process, killed or not.
func (g *gateway) close() {
	g.end()
	<-g.ended
}

type pasted string

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	sum, err := lines.Read(strings.NewReader(string(p)), lines.Options{}, each)
	return []lines.Summary{sum}, err
}

// start starts a job.
func (w *world) start(g *gateway, action mpblock.Action, reason string, ids ...string) (jobs.Job, error) {
	j, err := g.jobs.Draft(w.Context(), w.account, "li.si", action, pasted(strings.Join(ids, "\n")))
	if err != nil {
		return j, err
	}
	return g.jobs.Start(w.Context(), w.account.AppID, j.ID, reason, time.Time{})
}

// await waits until a job has ended, and returns it.
func (w *world) await(g *gateway, id string) jobs.Job {
	w.Helper()
	for range 10_000 {
		j, err := g.jobs.Job(w.Context(), w.account.AppID, id)
		if err != nil {
			w.Fatal(err)
		}
		if !j.Active() {
			return j
		}
		time.Sleep(time.Second)
	}
	w.Fatalf("job %s does not end", id)
	return jobs.Job{}
}

func (w *world) here() (all []string) {
	w.Helper()
	for after := (mpblock.OpenID{}); ; {
		page, err := w.store.Blacklist(w.Context(), w.account.AppID, after, mpblock.MaxWrite)
		if err != nil {
			w.Fatal(err)
		}
		for _, id := range page.OpenIDs {
			all = append(all, id.String())
			after = id
		}
		if len(page.OpenIDs) == 0 {
			return all
		}
	}
}

// settled has all that is under way end well, and holds platform and mirror to each other.
func (w *world) settled() {
	w.Helper()
	w.platform.Fail()
	time.Sleep(2 * lease.Life) // what killed nodes had is theirs no more
	g := w.gateway()
	defer g.close()
	if u, err := g.upstream.Sync(w.Context(), w.account.AppID, true); err != nil {
		w.Fatalf("%v: %+v", err, u)
	}
	if here, there := w.here(), w.platform.Blocked(); !slices.Equal(here, there) {
		w.Errorf("%d are blocked here, %d there", len(here), len(there))
	}
	if st, err := g.upstream.State(w.Context(), w.account.AppID); err != nil || st.Unsettled != nil || st.Problem != "" {
		w.Errorf("%v: %+v", err, st)
	}
	if left, err := w.store.List(w.Context(), "intent", "", 10); err != nil || len(left) > 0 {
		w.Errorf("%v, %d intents are left", err, len(left))
	}
}

// log returns all changes.
func (w *world) log() (all []mpblock.Change) {
	w.Helper()
	for {
		piece, err := w.store.Changes(w.Context(), w.account.AppID, uint64(len(all)), 1000)
		if err != nil {
			w.Fatal(err)
		}
		if len(piece) == 0 {
			return all
		}
		all = append(all, piece...)
	}
}

// audit holds the log to itself and to what was asked for: each change alternates for each
// OpenID, and bears an actor and the reason that actor had given.
func (w *world) audit(reasons map[string]string) {
	w.Helper()
	blocked := map[mpblock.OpenID]bool{}
	once := map[string]bool{}
	for _, c := range w.log() {
		want, known := reasons[c.Actor]
		if c.Actor != upstream.Platform && (!known || c.Reason != want) {
			w.Errorf("change %d by %q, because %q: the reason was %q", c.Seq, c.Actor, c.Reason, want)
		}
		for _, id := range c.OpenIDs {
			if blocked[id] == (c.Action == mpblock.Block) {
				w.Errorf("change %d: %s: %v twice", c.Seq, id, c.Action)
			}
			blocked[id] = c.Action == mpblock.Block
			if key := fmt.Sprint(c.Actor, id); c.Actor != upstream.Platform && c.Actor != mpblock.ActorAPI && once[key] {
				w.Errorf("change %d: %s was changed by %s before", c.Seq, id, c.Actor)
			} else {
				once[key] = true
			}
		}
	}
}
