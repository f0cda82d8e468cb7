package admin

import (
	"context"
	"net/http"
	"time"

	"mpblock/internal/jobs"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/stage"
)

// Job is a job of an account as an admin sees it.
type Job struct {
	ID      string        `json:"id"`
	Action  string        `json:"action"`
	Reason  string        `json:"reason,omitempty"`
	By      string        `json:"by"`
	State   jobs.JobState `json:"state"`
	Created time.Time     `json:"created"`
	Ended   time.Time     `json:"ended,omitzero"`
	Problem string        `json:"problem,omitempty"`
	Total   int           `json:"total"`
	Done    int           `json:"done"`
	Already int           `json:"already"`
	Refused int           `json:"refused"`
	Codes   map[int]int   `json:"codes,omitempty"` // of those refused, the platform's codes

	Platform *stage.Stage `json:"platform,omitempty"` // what is in its way there; null: nothing
}

// maxJobs is how many jobs are listed.
const maxJobs = 50

func (h *handler) jobs(r *http.Request, _ none) ([]Job, error) {
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return nil, err
	}
	all, err := h.rules.Jobs.Jobs(r.Context(), a.AppID, "", maxJobs)
	if err != nil {
		return nil, err
	}
	var there *upstream.State
	var now time.Time
	if a.Upstream != "" {
		st, err := h.rules.Upstream.State(r.Context(), a.AppID)
		if err != nil {
			return nil, err
		}
		there, now = &st, h.rules.Upstream.Now()
	}
	views := make([]Job, 0, len(all))
	for _, j := range all {
		views = append(views, jobView(j, there, now))
	}
	return views, nil
}

func jobView(j jobs.Job, there *upstream.State, now time.Time) Job {
	v := Job{
		ID: j.ID, Action: j.Action.String(), Reason: j.Reason, By: j.By, State: j.State, Created: j.Created, Ended: j.Ended, Problem: j.Problem,
		Total: j.Progress.Total, Done: j.Progress.Done, Already: j.Progress.Already, Codes: j.Codes,
		Refused: j.Progress.Refused + j.Preview.Malformed + j.Preview.Foreign,
	}
	if there == nil || !j.Active() {
		return v
	}
	if s := stage.Of(*there, "job:"+j.ID, j.Action, (*stage.Delay)(j.Delay), now); s.Name != "" {
		v.Platform = &s
	}
	return v
}

// Jobs returns the newest jobs of an account, the newest first.
func (c *Client) Jobs(ctx context.Context, app string) (all []Job, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/jobs", nil, &all)
	return all, err
}
