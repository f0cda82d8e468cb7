package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs/queue"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

var errKilled = errors.New("killed")

// mortal is a store of a process that is killed at its n-th call: that call is
// carried out or not, and none after it is.
type mortal struct {
	mpblock.Store
	mu    sync.Mutex
	left  int
	after bool // the last call is carried out
}

func (m *mortal) dies() (before bool, after bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	return m.left < 0 || m.left == 0 && !m.after, m.left == 0
}

func call[T any](m *mortal, do func() (T, error)) (T, error) {
	var none T
	before, after := m.dies()
	if before {
		return none, errKilled
	}
	v, err := do()
	if after {
		return none, errKilled
	}
	return v, err
}

func (m *mortal) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	return call(m, func() (mpblock.Change, error) { return m.Store.Apply(ctx, app, b) })
}

func (m *mortal) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return call(m, func() (mpblock.Page, error) { return m.Store.Blacklist(ctx, app, after, limit) })
}

func (m *mortal) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	return call(m, func() ([]mpblock.State, error) { return m.Store.States(ctx, app, ids) })
}

func (m *mortal) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return call(m, func() ([]mpblock.Change, error) { return m.Store.Changes(ctx, app, after, limit) })
}

func (m *mortal) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return call(m, func() ([]mpblock.Change, error) { return m.Store.ChangesOf(ctx, app, id, after, limit) })
}

func (m *mortal) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	return call(m, func() ([]mpblock.Change, error) { return m.Store.ChangeHeads(ctx, app, seqs) })
}

func (m *mortal) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	return call(m, func() (mpblock.Record, error) { return m.Store.Get(ctx, kind, key) })
}

func (m *mortal) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	return call(m, func() (mpblock.Record, error) { return m.Store.Put(ctx, r) })
}

func (m *mortal) Delete(ctx context.Context, kind, key string, version uint64) error {
	_, err := call(m, func() (struct{}, error) { return struct{}{}, m.Store.Delete(ctx, kind, key, version) })
	return err
}

func (m *mortal) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	return call(m, func() ([]mpblock.Record, error) { return m.Store.List(ctx, kind, after, limit) })
}

// node is a node on a store that others may use as well, as after a restart.
func node(t *testing.T, store mpblock.Store, a *mpblock.Account) *Service {
	t.Helper()
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return New(store, l, func(context.Context, mpblock.AppID) (*mpblock.Account, error) { return a, nil }, Options{Chunk: 4})
}

// runQueue runs what is in the queue, and returns when all of it has ended or failed.
func runQueue(svc *Service, ctx context.Context) (errs []error) { //nolint:revive // reads as a method
	var wg sync.WaitGroup
	var mu sync.Mutex
	report := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	if err := svc.takeJobs(ctx, make(chan struct{}, maxRunning), &wg, report); err != nil {
		report(err)
	}
	wg.Wait()
	return errs
}

// jobCase is a job on a store: of the followers 0 to 9, 0 to 2 are blocked already,
// and one that the list names is unknown.
type jobCase struct {
	*logged
	unknown string
}

func newJobCase(t *testing.T) *jobCase {
	t.Helper()
	l := newLogged(t, 10)
	l.apply(mpblock.Block, "api", "before", 0, 3)
	return &jobCase{l, mpblock.Mint(l.a.Prefix, l.a.Key, "nobody").String()}
}

func (c *jobCase) draft(action mpblock.Action) Job {
	c.t.Helper()
	lines := append(slices.Clone(c.ids), "", "OPENID1", c.unknown, c.ids[4], mpblock.Mint(mpblock.Prefix{}, mpblock.Key{}, "x").String())
	j, err := c.svc.Draft(c.t.Context(), c.a, "anna", action, listOf(lines...))
	if err != nil {
		c.t.Fatal(err)
	}
	return j
}

func (c *jobCase) start() Job {
	c.t.Helper()
	j, err := c.svc.Start(c.t.Context(), c.app, c.draft(mpblock.Block).ID, "many", time.Time{})
	if err != nil {
		c.t.Fatal(err)
	}
	return j
}

func (c *jobCase) job(id string) Job {
	c.t.Helper()
	j, err := c.svc.Job(c.t.Context(), c.app, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return j
}

func (c *jobCase) refused(id string) (out []string) {
	c.t.Helper()
	for line, err := range c.svc.Refused(c.t.Context(), c.app, id) {
		if err != nil {
			c.t.Fatal(err)
		}
		out = append(out, fmt.Sprint(line.Line, " ", line.Why))
	}
	return out
}

// changed counts, for each follower, the changes that a job has made of it.
func (c *jobCase) changed(id string) string {
	c.t.Helper()
	counts := make([]int, len(c.ids))
	changes, err := c.svc.store.Changes(c.t.Context(), c.app, 0, 1000)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, ch := range changes {
		for _, openid := range ch.OpenIDs {
			if ch.Actor == "job:"+id {
				counts[c.index(openid)]++
			}
		}
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(counts), " ", ""), "[]")
}

func TestJob(t *testing.T) {
	c := newJobCase(t)
	draft := c.draft(mpblock.Block)
	want := JobPreview{Total: 11, New: 7, Already: 3, Unknown: 1, Malformed: 1, Foreign: 1, Duplicates: 1}
	if draft.Preview != want || draft.State != JobDraft || draft.By != "anna" {
		t.Errorf("draft %+v, want %+v", draft, want)
	}
	if jobs, err := c.svc.Jobs(t.Context(), c.app, "", 10); err != nil || len(jobs) != 1 || jobs[0].State != JobDraft {
		t.Errorf("a draft is not listed: %+v, %v", jobs, err)
	}
	_, err := c.svc.Start(t.Context(), c.app, draft.ID, "a\nb", time.Time{})
	wantRefusal(t, err, "want one line")
	if _, err := c.svc.Start(t.Context(), c.app, draft.ID, "many", time.Time{}); err != nil {
		t.Fatal(err)
	}
	_, err = c.svc.Start(t.Context(), c.app, draft.ID, "many", time.Time{})
	wantRefusal(t, err, "has been started")
	wantRefusal(t, c.svc.Drop(t.Context(), c.app, draft.ID), "has been started")
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	j := c.job(draft.ID)
	if j.State != JobDone || j.Progress != (JobProgress{Total: 11, Done: 7, Already: 3, Refused: 1}) || j.Ended.IsZero() || j.Progress.Seen() != 11 {
		t.Errorf("job %+v", j)
	}
	if got := c.refused(j.ID); !slices.Equal(got, []string{"12 malformed", "15 another account's", "13 neither a follower nor blocked"}) {
		t.Errorf("refused %q", got)
	}
	if got := c.changed(j.ID); got != "0001111111" {
		t.Errorf("changed %s", got)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 { // leaves the queue
		t.Fatal(errs)
	}
	if q, err := c.svc.store.List(t.Context(), string(queue.Places), "", 9); err != nil || len(q) != 0 {
		t.Errorf("an ended job is in the queue: %+v, %v", q, err)
	}
	if jobs, err := c.svc.Jobs(t.Context(), c.app, "", 10); err != nil || len(jobs) != 1 || jobs[0].ID != j.ID {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	_, err = c.svc.Stop(t.Context(), c.app, j.ID)
	wantRefusal(t, err, "does not run")
}

// A job is killed at each of its calls of the store in turn, the call carried out or
// not, and goes on in another process; somebody may have unblocked meanwhile what it
// has blocked. It counts each OpenID once and changes none twice.
func TestJobIsKilledAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, meddle := range []bool{false, true} {
			for n, killed := 1, true; killed; n++ {
				synctest.Test(t, func(t *testing.T) {
					c := newJobCase(t)
					j := c.start()
					victim := node(t, &mortal{Store: c.svc.store, left: n, after: after}, c.a)
					killed = len(runQueue(victim, t.Context())) > 0
					again := 0
					if states, err := c.svc.store.States(t.Context(), c.app, []mpblock.OpenID{mpblock.OpenID([]byte(c.ids[4]))}); err != nil {
						t.Fatal(err)
					} else if meddle && states[0].Blocked {
						c.apply(mpblock.Unblock, "api", "", 4, 5)
						again = 1
					}
					time.Sleep(leaseTime)
					survivor := node(t, c.svc.store, c.a)
					if errs := runQueue(survivor, t.Context()); len(errs) != 0 {
						t.Fatal(errs)
					}
					got := c.job(j.ID)
					if got.State != JobDone || got.Progress != (JobProgress{Total: 11, Done: 7, Already: 3, Refused: 1}) {
						t.Errorf("killed at call %d (carried out: %v): %+v", n, after, got)
					}
					if got := c.changed(j.ID); got != "0001111111" {
						t.Errorf("killed at call %d (carried out: %v): changed %s", n, after, got)
					}
					if got := c.refused(j.ID); len(got) != 3 {
						t.Errorf("killed at call %d (carried out: %v): refused %q", n, after, got)
					}
					if page, err := c.svc.lists.Totals(t.Context(), c.app); err != nil || page.Blocked != 10-again {
						t.Errorf("killed at call %d: %d blocked, want %d, %v", n, page.Blocked, 10-again, err)
					}
				})
			}
		}
	}
}

// The same for a job that an operator has stopped: it stops where its count says.
func TestStoppedJobIsKilledAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n, killed := 1, true; killed; n++ {
			synctest.Test(t, func(t *testing.T) {
				c := newJobCase(t)
				j := c.start()
				victim := node(t, &mortal{Store: c.svc.store, left: n, after: after}, c.a)
				killed = len(runQueue(victim, t.Context())) > 0
				if !c.job(j.ID).Active() {
					return
				}
				if _, err := c.svc.Stop(t.Context(), c.app, j.ID); err != nil {
					t.Fatal(err)
				}
				time.Sleep(leaseTime)
				if errs := runQueue(node(t, c.svc.store, c.a), t.Context()); len(errs) != 0 {
					t.Fatal(errs)
				}
				got := c.job(j.ID)
				if done := strings.Count(c.changed(j.ID), "1"); got.State != JobStopped && got.State != JobDone || got.Progress.Done != done {
					t.Errorf("killed at call %d (carried out: %v): %+v, the log has %d", n, after, got, done)
				}
			})
		}
	}
}

func TestJobIsStopped(t *testing.T) {
	c := newJobCase(t)
	queued := c.start()
	if j, err := c.svc.Stop(t.Context(), c.app, queued.ID); err != nil || j.State != JobStopped {
		t.Errorf("stopped in the queue: %+v, %v", j, err)
	}
	store := &beforeApply{Store: c.svc.store}
	c.on(store)
	j := c.start()
	store.do = func() { // it is stopped during its first batch
		if _, err := c.svc.Stop(t.Context(), c.app, j.ID); err != nil {
			t.Error(err)
		}
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	got := c.job(j.ID)
	if got.State != JobStopped || got.Progress.Done+got.Progress.Already+got.Progress.Refused != 4 || got.Progress.Done != strings.Count(c.changed(j.ID), "1") {
		t.Errorf("stopped job %+v, changed %s", got, c.changed(j.ID))
	}
}

func TestJobOfARetiredAccount(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	c.a.Retired = true
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if got := c.job(j.ID); got.State != JobStopped || got.Progress.Done != 0 || strings.Contains(c.changed(j.ID), "1") {
		t.Errorf("the job is %+v and changed %s", got, c.changed(j.ID))
	}
}

// A job of an account that was removed stops, and all of it is forgotten.
func TestJobOfARemovedAccount(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	c.svc.account = func(context.Context, mpblock.AppID) (*mpblock.Account, error) {
		return nil, mpblock.NewError(mpblock.NotFound, "account.none", "there is none")
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if got := c.job(j.ID); got.State != JobStopped || got.Progress.Done != 0 {
		t.Errorf("the job is %+v", got)
	}
	c.start()
	for range 2 {
		if err := c.svc.Erase(t.Context(), c.a.AppID); err != nil {
			t.Fatal(err)
		}
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 { // a place in the queue is left
		t.Fatal(errs)
	}
	for _, kind := range []string{"job", "joblist", "jobbad", "jobresult"} {
		if left, err := c.svc.store.List(t.Context(), kind, "", 10); err != nil || len(left) > 0 {
			t.Errorf("%d records %s are left, %v", len(left), kind, err)
		}
	}
}

// stalling is a store of a node that is held up in an Apply; its writes of records get
// no answer from then on, if stalled.
type stalling struct {
	mpblock.Store
	do      func(context.Context)
	stalled bool
	held    chan struct{} // closed when it is held up
}

func (s *stalling) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if do := s.do; do != nil {
		s.do = nil
		close(s.held)
		do(ctx)
	}
	return s.Store.Apply(ctx, app, b)
}

func (s *stalling) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	select {
	case <-s.held:
		if s.stalled {
			<-ctx.Done()
			return mpblock.Record{}, ctx.Err()
		}
	default:
	}
	return s.Store.Put(ctx, r)
}

// onTwoNodes runs a job on a node that is held up in its first batch for a while, and
// then lets another node look for jobs. The job is done whole, whichever does it.
func onTwoNodes(t *testing.T, stalled bool, during func(*jobCase, Job, context.Context)) (errs []error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newJobCase(t)
		j := c.start()
		store := &stalling{Store: c.svc.store, stalled: stalled, held: make(chan struct{})}
		store.do = func(ctx context.Context) { during(c, j, ctx) }
		slow := node(t, store, c.a)
		errs = runQueue(slow, t.Context())
		if got := c.job(j.ID); got.State != JobDone || got.Progress != (JobProgress{Total: 11, Done: 7, Already: 3, Refused: 1}) {
			t.Errorf("job %+v", got)
		}
		if got := c.changed(j.ID); got != "0001111111" {
			t.Errorf("changed %s", got)
		}
	})
	return errs
}

// A node keeps its job however long a batch takes.
func TestJobKeepsItsLease(t *testing.T) {
	errs := onTwoNodes(t, false, func(c *jobCase, j Job, ctx context.Context) {
		for range 20 {
			if errs := runQueue(node(c.t, c.svc.store, c.a), c.t.Context()); len(errs) != 0 || c.job(j.ID).Progress.Seen() != 0 {
				c.t.Errorf("another node runs a job that has a holder: %v", errs)
			}
			time.Sleep(leaseTime / 4)
		}
		if ctx.Err() != nil {
			c.t.Errorf("the batch is to end: %v", context.Cause(ctx))
		}
	})
	if len(errs) != 0 {
		t.Error(errs)
	}
}

// A node that cannot renew its lease stops before another takes the job over.
func TestJobLosesItsLease(t *testing.T) {
	errs := onTwoNodes(t, true, func(c *jobCase, j Job, ctx context.Context) {
		time.Sleep(leaseTime - time.Millisecond)
		if errs := runQueue(node(c.t, c.svc.store, c.a), c.t.Context()); len(errs) != 0 || c.job(j.ID).Progress.Seen() != 0 || ctx.Err() != nil {
			c.t.Errorf("before the lease ends: %v, %v", errs, ctx.Err())
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), errLeaseOver) {
			c.t.Errorf("the lease has ended, the batch goes on: %v", context.Cause(ctx))
		}
		if errs := runQueue(node(c.t, c.svc.store, c.a), c.t.Context()); len(errs) != 0 {
			c.t.Error(errs)
		}
	})
	if len(errs) != 1 || !errors.Is(errs[0], errLeaseOver) {
		t.Errorf("the node that was held up reports %v", errs)
	}
}

// A job whose record another node has taken over is left at once.
func TestJobIsTakenAway(t *testing.T) {
	errs := onTwoNodes(t, false, func(c *jobCase, j Job, ctx context.Context) {
		_, err := c.svc.editJob(c.t.Context(), c.app, j.ID, func(j *storedJob) error {
			j.Holder, j.Until = "", 0
			return nil
		})
		if err != nil {
			c.t.Error(err)
		}
		if errs := runQueue(node(c.t, c.svc.store, c.a), c.t.Context()); len(errs) != 0 {
			c.t.Error(errs)
		}
		time.Sleep(beatEvery)
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), errTakenOver) {
			c.t.Errorf("another has taken the job, the batch goes on: %v", context.Cause(ctx))
		}
	})
	if len(errs) != 0 { // it is nobody's fault
		t.Error(errs)
	}
}

// A lease that a clock has given which was ahead does not hold a job up until then.
func TestLeaseOfAClockThatWasAhead(t *testing.T) {
	for ahead, want := range map[time.Duration]JobState{
		leaseTime:                JobRunning,
		leaseTime + clockSlack:   JobRunning,
		leaseTime + 2*clockSlack: JobDone,
		365 * 24 * time.Hour:     JobDone,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newJobCase(t)
			j := c.start()
			_, err := c.svc.editJob(t.Context(), c.app, j.ID, func(j *storedJob) error {
				j.State, j.Holder, j.Until = JobRunning, "killed", time.Now().Add(ahead).UnixMilli()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if errs := runQueue(node(t, c.svc.store, c.a), t.Context()); len(errs) != 0 {
				t.Fatal(errs)
			}
			if got := c.job(j.ID).State; got != want {
				t.Errorf("a lease that ends in %v: %s, want %s", ahead, got, want)
			}
		})
	}
}

// The OpenIDs of a job go with it: only what an undo reads stays.
func TestListsEndWithTheirJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newJobCase(t)
		left := func(kind string) int {
			t.Helper()
			records, err := c.svc.store.List(t.Context(), kind, "", 99)
			if err != nil {
				t.Fatal(err)
			}
			return len(records)
		}
		stopped, dropped := c.start(), c.draft(mpblock.Block)
		if _, err := c.svc.Stop(t.Context(), c.app, stopped.ID); err != nil {
			t.Fatal(err)
		}
		if err := c.svc.Drop(t.Context(), c.app, dropped.ID); err != nil {
			t.Fatal(err)
		}
		runQueue(c.svc, t.Context())
		if n := left(string(kindJobList)); n != 0 {
			t.Errorf("a job that was stopped in the queue leaves %d pieces of its list", n)
		}
		j := c.start()
		if n := left(string(kindJobList)); n != 3 {
			t.Errorf("%d pieces of a list, want 3", n)
		}
		runQueue(c.svc, t.Context())
		runQueue(c.svc, t.Context()) // leaves the queue
		if lists, places, results := left(string(kindJobList)), left(string(queue.Places)), left(string(kindJobResult)); lists != 0 || places != 0 || results != 3 {
			t.Errorf("a job leaves %d pieces of its list, %d places and %d results, want 0, 0 and 3", lists, places, results)
		}
		if _, err := c.svc.Undo(t.Context(), c.app, "anna", j.ID, ""); err != nil {
			t.Fatal(err)
		}
		runQueue(c.svc, t.Context())
		if page, err := c.svc.lists.Totals(t.Context(), c.app); err != nil || page.Blocked != 3 {
			t.Errorf("after the undo %+v, %v", page, err)
		}
	})
}

// A node that was held up applies a batch just when the one that took over is about
// to: it is the job's all the same.
func TestBatchAppliedByTheNodeBefore(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	held := &beforeApply{Store: c.svc.store}
	c.on(held)
	held.do = func() { c.apply(mpblock.Block, "job:"+j.ID, "many", 3, 4) }
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if got := c.job(j.ID); got.State != JobDone || got.Progress != (JobProgress{Total: 11, Done: 7, Already: 3, Refused: 1}) {
		t.Errorf("job %+v", got)
	}
}

func TestUndoJob(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	_, err := c.svc.Undo(t.Context(), c.app, "anna", j.ID, "")
	wantRefusal(t, err, "still runs")
	runQueue(c.svc, t.Context())
	c.apply(mpblock.Unblock, "api", "", 9, 10)
	c.apply(mpblock.Block, "api", "", 9, 10)
	v, err := c.svc.PreviewUndo(t.Context(), c.app, j.ID)
	if err != nil || v.Would != 6 || v.Left != 1 || v.Total != 7 || v.Looked != 7 || v.Action != mpblock.Unblock {
		t.Errorf("preview %+v, %v", v, err)
	}
	u, err := c.svc.Undo(t.Context(), c.app, "anna", j.ID, "wrong file")
	if err != nil || u.UndoOf != j.ID || u.Reason != "wrong file" {
		t.Fatalf("undo %+v, %v", u, err)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if u = c.job(u.ID); u.State != JobDone || u.Progress != (JobProgress{Total: 7, Done: 6, Refused: 1}) {
		t.Errorf("undo %+v", u)
	}
	if got := c.refused(u.ID); !slices.Equal(got, []string{"0 changed since"}) {
		t.Errorf("left alone %q", got)
	}
	if j = c.job(j.ID); j.UndoneBy != u.ID || !j.Redoes || j.Last != u.ID || !j.Undoable {
		t.Errorf("the job stands %+v", j)
	}
	if !c.job(u.ID).Redoes {
		t.Error("to undo an undo redoes nothing")
	}
	// A second undo, which does nothing, takes nothing of that away.
	second, err := c.svc.Undo(t.Context(), c.app, "bert", j.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	runQueue(c.svc, t.Context())
	if second = c.job(second.ID); second.State != JobDone || second.Progress.Done != 0 {
		t.Errorf("a second undo %+v", second)
	}
	if j = c.job(j.ID); j.UndoneBy != u.ID || !j.Redoes || j.Last != u.ID || !j.Undoable {
		t.Errorf("after a second undo the job stands %+v", j)
	}
	again, err := c.svc.Undo(t.Context(), c.app, "anna", u.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	runQueue(c.svc, t.Context())
	if j = c.job(j.ID); j.UndoneBy != "" || j.RedoneBy != again.ID || j.Redoes || j.Last != again.ID || !j.Undoable {
		t.Errorf("the job stands %+v", j)
	}
	if u = c.job(u.ID); u.UndoneBy != again.ID || u.Redoes {
		t.Errorf("its undo stands %+v", u)
	}
	if again = c.job(again.ID); again.Action != mpblock.Block || again.Progress != (JobProgress{Total: 6, Done: 6}) {
		t.Errorf("the undo undone %+v", again)
	}
	nothing, err := c.svc.Draft(t.Context(), c.a, "anna", mpblock.Block, listOf(c.ids...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.svc.Start(t.Context(), c.app, nothing.ID, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	runQueue(c.svc, t.Context())
	_, err = c.svc.Undo(t.Context(), c.app, "anna", nothing.ID, "")
	wantRefusal(t, err, "nothing to undo")
}

// An undo of a job is killed anywhere, too.
func TestUndoJobIsKilledAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n, killed := 1, true; killed; n++ {
			synctest.Test(t, func(t *testing.T) {
				c := newJobCase(t)
				j := c.start()
				runQueue(c.svc, t.Context())
				c.apply(mpblock.Unblock, "api", "", 9, 10)
				u, err := c.svc.Undo(t.Context(), c.app, "anna", j.ID, "")
				if err != nil {
					t.Fatal(err)
				}
				victim := node(t, &mortal{Store: c.svc.store, left: n, after: after}, c.a)
				killed = len(runQueue(victim, t.Context())) > 0
				time.Sleep(leaseTime)
				if errs := runQueue(node(t, c.svc.store, c.a), t.Context()); len(errs) != 0 {
					t.Fatal(errs)
				}
				if u = c.job(u.ID); u.State != JobDone || u.Progress != (JobProgress{Total: 7, Done: 6, Refused: 1}) {
					t.Errorf("killed at call %d (carried out: %v): %+v", n, after, u)
				}
			})
		}
	}
}

// Run runs what is started, goes on after a restart, and gives jobs back at its end.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newJobCase(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.svc.Run(ctx, func(err error) { t.Error(err) })
		}()
		synctest.Wait()
		j := c.start()
		synctest.Wait() // no time passes: it is woken
		if got := c.job(j.ID); got.State != JobDone {
			t.Errorf("job %+v", got)
		}
		cancel()
		<-done
		time.Sleep(JobLife)
		_, err := c.svc.Job(t.Context(), c.app, j.ID)
		wantRefusal(t, err, "there is no job")
	})
}

func TestRunGivesJobsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newJobCase(t)
		j := c.start()
		ctx, cancel := context.WithCancel(t.Context())
		held := &beforeApply{Store: c.svc.store, do: cancel}
		stopped := node(t, held, c.a)
		runQueue(stopped, ctx)
		if errs := runQueue(node(t, c.svc.store, c.a), t.Context()); len(errs) != 0 { // at once
			t.Fatal(errs)
		}
		if got := c.job(j.ID); got.State != JobDone || got.Progress.Done != 7 {
			t.Errorf("job %+v", got)
		}
	})
}

// Nobody is blocked whose block would have ended already.
func TestJobPastItsEnd(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	if _, err := c.svc.editJob(t.Context(), c.app, j.ID, func(j *storedJob) error { j.Ends = 1; return nil }); err != nil {
		t.Fatal(err)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if j = c.job(j.ID); j.State != JobFailed || j.Problem != ProblemLate || j.Progress.Done != 0 {
		t.Errorf("job %+v", j)
	}
}

func TestJobWithoutItsList(t *testing.T) {
	c := newJobCase(t)
	j := c.start()
	if err := drop(t.Context(), c.svc.store, kindJobList, c.app, j.ID); err != nil {
		t.Fatal(err)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if j = c.job(j.ID); j.State != JobFailed || !strings.Contains(j.Problem, "the list of the job is gone") || j.Active() {
		t.Errorf("job %+v", j)
	}
}

func TestTheLongestNameFitsIntoAnActor(t *testing.T) {
	if id := "job:" + newJobID(strings.Repeat("a", operators.MaxOperatorName), time.Now()); len(id) > mpblock.MaxActor {
		t.Errorf("the actor %s has %d bytes", id, len(id))
	}
}
