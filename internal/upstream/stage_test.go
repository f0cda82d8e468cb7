package upstream_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/stage"
	"mpblock/mpblocktest"
)

// stage returns a job and how far it is.
func (w *world) stage(g *gateway, id string) (jobs.Job, stage.Stage) {
	w.Helper()
	j, err := g.jobs.Job(w.Context(), w.account.AppID, id)
	if err != nil {
		w.Fatal(err)
	}
	st, err := g.upstream.State(w.Context(), w.account.AppID)
	if err != nil {
		w.Fatal(err)
	}
	return j, stage.Of(st, "job:"+j.ID, j.Action, (*stage.Delay)(j.Delay), time.Now())
}

// held starts a job that something is in the way of, and returns how far it is once that
// was met; and again after a restart, which has to say the same.
func (w *world) held(g *gateway, ids ...string) (jobs.Job, stage.Stage) {
	w.Helper()
	j, err := w.start(g, mpblock.Block, "spam", ids...)
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
	j, was := w.stage(g, j.ID)
	g.close()
	again := w.gateway()
	defer again.close()
	time.Sleep(5 * time.Minute)
	then, now := w.stage(again, j.ID)
	was.Until, now.Until = was.Until.Truncate(time.Hour), now.Until.Truncate(time.Hour)
	if a, b := text(w, was), text(w, now); a != b || then.Progress != j.Progress {
		w.Errorf("before the restart %s, %+v; after it %s, %+v", a, j.Progress, b, then.Progress)
	}
	return j, was
}

func text(w *world, s stage.Stage) string {
	w.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}

// goesOn has nothing in the way of a job any more, and waits for its end.
func (w *world) goesOn(id string, want jobs.JobProgress) {
	w.Helper()
	w.platform.Fail()
	time.Sleep(24 * time.Hour)
	g := w.gateway()
	defer g.close()
	if err := g.upstream.SetLimits(w.Context(), w.account.AppID, budget.Limits{}); err != nil {
		w.Fatal(err)
	}
	if j := w.await(g, id); j.State != jobs.JobDone || j.Delay != nil || j.Progress != want {
		w.Errorf("%+v, %+v", j.Progress, j.Delay)
	}
	if _, s := w.stage(g, id); s.Name != "" {
		w.Errorf("at its end it is %s", text(w, s))
	}
	w.settled()
}

var (
	blocks = mpblocktest.Match{Path: "*/batchblacklist"}
	reads  = mpblocktest.Match{Path: "*/getblacklist"}
	lost   = mpblocktest.Effect{Reset: mpblocktest.After}
)

// A job says what is in its way: each of the stages, kept over a restart.
func TestStages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits budget.Limits
		rules  []mpblocktest.Rule
		want   stage.Stage // without its times and words
		done   int
		text   string
	}{
		"the day's calls are used up": {limits: budget.Limits{Day: 4}, want: stage.Stage{Name: stage.Waiting, Why: stage.WhyDay}, done: 60},
		"the platform says so": {
			rules: []mpblocktest.Rule{{Match: blocks, Effect: mpblocktest.Errcode(45009)}},
			want:  stage.Stage{Name: stage.Waiting, Why: stage.WhyDay},
		},
		"busy": {
			rules: []mpblocktest.Rule{{Match: blocks, Effect: mpblocktest.Errcode(-1)}},
			want:  stage.Stage{Name: stage.Waiting, Why: stage.WhyFailing, Code: -1}, text: "-1",
		},
		"barred": {
			rules: []mpblocktest.Rule{{Match: blocks, Effect: mpblocktest.Errcode(48004)}},
			want:  stage.Stage{Name: stage.Refused, Code: 48004}, text: "48004",
		},
		"lost": {
			rules: []mpblocktest.Rule{{Match: blocks, Effect: lost}, {Match: reads, Effect: lost}},
			want:  stage.Stage{Name: stage.Unknown, OpenIDs: 100},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				g := w.gateway()
				if err := g.upstream.SetLimits(t.Context(), w.account.AppID, c.limits); err != nil {
					t.Fatal(err)
				}
				w.platform.Fail(c.rules...)
				j, s := w.held(g, w.platform.Followers(100)...)
				if j.Progress.Done != c.done || !strings.Contains(s.Text, c.text) || s.Since.IsZero() && s.Until.IsZero() {
					t.Errorf("%+v: %s", j.Progress, text(w, s))
				}
				s.Since, s.Until, s.Text, s.Key, s.Args = time.Time{}, time.Time{}, "", "", nil
				if a, b := text(w, s), text(w, c.want); a != b {
					t.Errorf("it is %s, want %s", a, b)
				}
				w.goesOn(j.ID, jobs.JobProgress{Total: 100, Done: 100})
			})
		})
	}
}

// What others wait for that is in doubt is settled before them; and a change by hand of
// which nothing is known says so too.
func TestStageOfWhatWaitsForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := w.gateway()
		fans := w.platform.Followers(45)
		w.platform.Fail(mpblocktest.Rule{Match: blocks, Effect: lost}, mpblocktest.Rule{Match: reads, Effect: lost})
		if err := g.lists.Change(t.Context(), w.account, mpblock.ActorAPI, mpblock.Block, fans[40:]); err == nil {
			t.Fatal("it was answered")
		}
		j, s := w.held(g, fans[:40]...)
		if s.Name != stage.Waiting || s.Why != stage.WhyBefore {
			t.Errorf("the job is %s", text(w, s))
		}
		g = w.gateway()
		st, err := g.upstream.State(context.Background(), w.account.AppID)
		if err != nil || st.Unsettled == nil {
			t.Fatal(err)
		}
		if s := stage.Left(st.Unsettled); s.Name != stage.Unknown || s.OpenIDs != 5 || s.Since.IsZero() {
			t.Errorf("the change is %s", text(w, s))
		}
		for at, is := range map[int]bool{0: false, 44: true} {
			id, err := mpblock.ParseOpenID(fans[at])
			if err != nil {
				t.Fatal(err)
			}
			u, err := g.upstream.UnsettledOf(context.Background(), w.account.AppID, id)
			if err != nil || (u != nil) != is || is && (u.OpenIDs != 1 || u.Unknown != 1 || u.Lost.IsZero() || u.Actor != mpblock.ActorAPI) {
				t.Errorf("of %d: %+v, %v", at, u, err)
			}
		}
		g.close()
		w.goesOn(j.ID, jobs.JobProgress{Total: 40, Done: 40})
	})
}
