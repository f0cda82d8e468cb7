package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/storetest"
)

// slowCase is a node whose store is slow, and a job of two chunks of the full size.
type slowCase struct {
	*logged
	slow *storetest.Slow
	fast mpblock.Store
}

const slowIDs = 2 * chunkSize

// onSlowStore runs a test on a node on stores of several speeds.
func onSlowStore(t *testing.T, test func(*slowCase)) {
	t.Helper()
	for _, delay := range []time.Duration{2 * time.Millisecond, 6 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLogged(t, slowIDs)
				c := &slowCase{l, storetest.NewSlow(l.svc.store, delay), l.svc.store}
				l.on(c.slow)
				l.svc.chunk = chunkSize
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					l.svc.Run(ctx, func(err error) { t.Error(err) })
				}()
				defer func() { cancel(); <-done }() // whatever happens, or time goes on for ever
				test(c)
			})
		})
	}
}

// start starts a job of all followers.
func (c *slowCase) start(action mpblock.Action) Job {
	c.t.Helper()
	draft, err := c.svc.Draft(c.t.Context(), c.a, "anna", action, listOf(c.ids...))
	if err != nil {
		c.t.Fatal(err)
	}
	j, err := c.svc.Start(c.t.Context(), c.app, draft.ID, "many", time.Time{})
	if err != nil {
		c.t.Fatal(err)
	}
	return j
}

// ended waits for the end of a job and holds it to what it has to have done, and to
// calls of the store in proportion to its chunks.
func (c *slowCase) ended(id string, want JobProgress) {
	c.t.Helper()
	c.slow.Calls()
	begin := time.Now()
	j, err := c.job(id)
	for ; err == nil && j.Ended.IsZero(); j, err = c.job(id) {
		if time.Sleep(time.Second); time.Since(begin) > 10*time.Minute {
			c.t.Fatalf("after 10 minutes, of which %v: %+v", c.slow.Calls(), j)
		}
	}
	if err != nil || j.State != JobDone || j.Progress != want {
		c.t.Errorf("%+v, %v, want %+v", j, err, want)
	}
	calls := c.slow.Calls()
	c.few(calls, 2)
	beats := int(time.Since(begin)/beatEvery) + 1
	if calls["Put"] > 10+beats {
		c.t.Errorf("%d writes of records in %v", calls["Put"], time.Since(begin))
	}
}

// few bounds the reads and changes of lists by the chunks of a job.
func (c *slowCase) few(calls map[string]int, chunks int) {
	c.t.Helper()
	for method, most := range map[string]int{"States": 3, "ChangeHeads": 2, "Changes": 1, "ChangesOf": 0, "Blacklist": 1, "Apply": 1, "Get": 6, "Delete": 2} {
		if calls[method] > most*chunks {
			c.t.Errorf("%d calls of %s for %d chunks, want %d a chunk at most: %v", calls[method], method, chunks, most, calls)
		}
	}
}

// job reads a job without delay.
func (c *slowCase) job(id string) (Job, error) {
	e, err := kindJob.Get(c.t.Context(), c.fast, string(c.app)+"/"+id)
	return jobOf(e, c.app, id).view(), err
}

func TestJobsEndOnASlowStore(t *testing.T) {
	onSlowStore(t, func(c *slowCase) {
		blocked := c.start(mpblock.Block)
		c.ended(blocked.ID, JobProgress{Total: slowIDs, Done: slowIDs})
		c.ended(c.start(mpblock.Block).ID, JobProgress{Total: slowIDs, Already: slowIDs})
		undo, err := c.svc.Undo(c.t.Context(), c.app, "anna", blocked.ID, "")
		if err != nil {
			c.t.Fatal(err)
		}
		c.ended(undo.ID, JobProgress{Total: slowIDs, Done: slowIDs})
		c.ended(c.start(mpblock.Unblock).ID, JobProgress{Total: slowIDs, Already: slowIDs}) // of people who are not blocked
	})
}

func TestJobsStopOnASlowStore(t *testing.T) {
	onSlowStore(t, func(c *slowCase) {
		id := c.start(mpblock.Block).ID
		for j, err := c.job(id); j.State != JobRunning; j, err = c.job(id) {
			if err != nil {
				c.t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		c.slow.Calls()
		if _, err := c.svc.Stop(c.t.Context(), c.app, id); err != nil {
			c.t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if j, err := c.job(id); err != nil || j.State != JobStopped || j.Progress.Done == 0 {
			c.t.Errorf("%+v, %v", j, err)
		}
		c.few(c.slow.Calls(), 2)
	})
}

// What an undo would do is known from a few reads, though others have changed all of
// its OpenIDs since.
func TestPreviewUndoOnASlowStore(t *testing.T) {
	onSlowStore(t, func(c *slowCase) {
		blocked := c.start(mpblock.Block)
		c.ended(blocked.ID, JobProgress{Total: slowIDs, Done: slowIDs})
		c.apply(mpblock.Unblock, "api", "", 0, slowIDs)
		c.slow.Calls()
		v, err := c.svc.PreviewUndo(c.t.Context(), c.app, blocked.ID)
		if err != nil || v.Left != slowIDs || len(v.LeftRows) != lists.MaxRows || v.LeftRows[0].By.Actor != "api" || v.LeftRows[0].By.Count != 1 {
			c.t.Errorf("%+v, %v", v, err)
		}
		c.few(c.slow.Calls(), 2)
		page, err := c.svc.lists.Entries(c.t.Context(), c.app, lists.EntryQuery{Limit: lists.MaxRows})
		if err != nil || page.Total != 0 {
			c.t.Errorf("%+v, %v", page, err)
		}
	})
}
