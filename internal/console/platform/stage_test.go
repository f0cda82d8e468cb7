package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/mpblocktest"
)

type pasted string

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	sum, err := lines.Read(strings.NewReader(string(p)), lines.Options{}, each)
	return []lines.Summary{sum}, err
}

// queued starts a job, which nobody runs.
func (w *world) queued(ids ...string) jobs.Job {
	w.Helper()
	a, err := w.access.Account(w.Context(), w.app)
	w.must(err)
	j, err := w.jobs.Draft(w.Context(), a, "operator", mpblock.Block, pasted(strings.Join(ids, "\n")))
	w.must(err)
	j, err = w.jobs.Start(w.Context(), w.app, j.ID, "spam", time.Time{})
	w.must(err)
	return j
}

// edit writes more into the record of a job, as whoever runs it does.
func (w *world) edit(id string, fields map[string]any) {
	w.Helper()
	r, err := w.store.Get(w.Context(), "job", string(w.app)+"/"+id)
	w.must(err)
	all := map[string]any{}
	w.must(json.Unmarshal(r.Value, &all))
	for name, value := range fields {
		all[name] = value
	}
	r.Value, err = json.Marshal(all)
	w.must(err)
	_, err = w.store.Put(w.Context(), r)
	w.must(err)
}

// What is in the way of a job on the platform is said on its page and in the list of jobs,
// in both languages.
func TestStagesOfJobs(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("operator")
	b.post(w.base() + "/platform/sync")
	for _, c := range []struct {
		delay          jobs.Delay
		label, en, cn  string
		stage, zhLabel string
	}{
		{jobs.Delay{Key: "upstream.day", Args: []string{"00:00"}}, "Waiting for the platform", "calls for today are used up, or left to people", "最迟", "waiting", "等待平台"},
		{jobs.Delay{Key: "upstream.minute"}, "Waiting for the platform", "calls for this minute are used up", "这一分钟", "waiting", "等待平台"},
		{jobs.Delay{Key: "upstream.down", Args: []string{"no route"}}, "Waiting for the platform", "no route", "no route", "waiting", "等待平台"},
		{jobs.Delay{Key: "upstream.refused", Args: []string{"48004", "no"}}, "Refused by the platform", "(48004): The account is barred from this call", "（48004）：公众号因违规被封禁此接口", "refused", "平台拒绝"},
		{jobs.Delay{Key: "upstream.refused", Args: []string{"45009", "no"}}, "Waiting for the platform", "calls for today are used up", "最迟", "waiting", "等待平台"},
		{jobs.Delay{Key: "upstream.refused", Args: []string{"99999", "odd"}}, "Refused by the platform", "(99999)", "odd", "refused", "平台拒绝"},
		{jobs.Delay{Key: "later.key", Text: "something new"}, "Waiting for the platform", "something new", "something new", "waiting", "等待平台"},
	} {
		j := w.queued(w.fans[40:]...)
		c.delay.Since, c.delay.Last, c.delay.Done = w.clock.now, w.clock.now, 7
		w.edit(j.ID, map[string]any{"state": "running", "delay": c.delay})
		at := w.base() + "/jobs/" + j.ID
		b.get(at).holds(`data-stage="`+c.stage+`"`, c.label, c.en, "7 / 20")
		b.get(w.base() + "/bulk").holds(c.label)
		b.get(w.base()+"/openids/"+w.fans[41]).holds(`data-way data-stage="`+c.stage+`"`, c.label, c.en, at)
		b.post("/language", "lang", "zh-CN", "back", "/")
		b.get(at+"/progress").holds(`data-stage="`+c.stage+`"`, c.zhLabel, c.cn).lacks("%!")
		b.get(w.base() + "/bulk").holds(c.zhLabel)
		b.post("/language", "lang", "en", "back", "/")
		w.edit(j.ID, map[string]any{"state": "stopped"})
		b.get(at).lacks("data-stage")
	}
}

// An answer that was lost is shown as unknown, on the page of its job and in the history,
// until it is settled; then the change is one that the platform has acknowledged.
func TestStageUnknown(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("operator")
	b.post(w.base() + "/platform/sync")
	j := w.queued(w.fans[40:]...)
	a, err := w.access.Account(t.Context(), w.app)
	w.must(err)
	batch := mpblock.Batch{Action: mpblock.Block, Actor: "job:" + j.ID, Reason: "spam"}
	for _, text := range w.fans[40:] {
		id, err := mpblock.ParseOpenID(text)
		w.must(err)
		batch.OpenIDs = append(batch.OpenIDs, id)
	}
	lost := mpblocktest.Effect{Reset: mpblocktest.After}
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batch*"}, Effect: lost}, mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: lost})
	if _, err := w.up.Apply(t.Context(), a, batch, false); mpblock.KindOf(err) != mpblock.Unavailable {
		t.Fatal(err)
	}
	w.edit(j.ID, map[string]any{"state": "running", "delay": jobs.Delay{Key: "upstream.lost", Since: w.clock.now, Last: w.clock.now}})
	at := w.base() + "/jobs/" + j.ID
	b.get(at).holds(`data-stage="unknown"`, "Unknown, being checked", "answer about 20 users was lost", `data-kind="unknown"`)
	person := w.base() + "/openids/" + w.fans[40]
	b.get(person).holds(`data-way data-stage="unknown"`, "On the way to the platform", "answer about 1 user was lost", at)
	b.get(w.base() + "/openids/" + w.fans[0]).lacks("data-way")
	b.get(w.base()+"/history").holds(`id="left" data-stage="unknown"`, "20 users", "answer about 20 users was lost", at)
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(at).holds("结果未知，核对中", "对 20 位用户的操作没有收到平台的应答")
	b.post("/language", "lang", "en", "back", "/")
	w.clock.now = w.clock.now.Add(time.Hour)
	w.platform.Fail(listOf(100, w.fans[:40]))
	w.must(ignored(w.up.Finish(context.WithoutCancel(t.Context()), a)))
	b.get(at).holds(`data-stage="unknown"`, "its list is not believed", w.base()+"/platform")
	w.platform.Fail()
	w.clock.now = w.clock.now.Add(time.Hour)
	w.must(w.up.Finish(t.Context(), a))
	b.get(at).lacks("data-stage")
	b.get(person).lacks("data-way")
	b.get(w.base() + "/history").lacks(`id="left"`).holds("once the platform has acknowledged it")
	b.get(w.base() + "/history/2").holds("Acknowledged by the platform")
}

// listOf answers the list with fewer than it says itself.
func listOf(total int, ids []string) mpblocktest.Rule {
	text, _ := json.Marshal(map[string]any{"total": total, "count": len(ids), "data": map[string]any{"openid": ids}, "next_openid": ""})
	return mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: string(text)}}
}

func ignored(err error) error {
	if err == nil {
		return errors.New("the list was believed")
	}
	return nil
}

// What the platform has refused is counted by its codes, with what they mean, and listed.
func TestRefusedOfJobs(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("operator")
	j := w.queued(w.fans[40:]...)
	w.edit(j.ID, map[string]any{
		"state": "done", "next": 1, "codes": map[int]int{40003: 2, 50002: 1}, "progress": jobs.JobProgress{Total: 20, Done: 17, Refused: 3},
	})
	lines := []jobs.RefusedLine{
		{Line: 1, Text: w.fans[41], Why: jobs.WhyPlatform, Detail: "40003"}, {Line: 2, Text: w.fans[42], Why: jobs.WhyPlatform, Detail: "50002"},
		{Line: 9, Text: w.fans[43], Why: jobs.WhyUnknown},
	}
	value, err := json.Marshal(map[string]any{"refused": lines})
	w.must(err)
	_, err = w.store.Put(t.Context(), mpblock.Record{Kind: "jobresult", Key: string(w.app) + "/" + j.ID + "/000000", Value: value})
	w.must(err)
	at := w.base() + "/jobs/" + j.ID
	b.get(at).holds("Of them with 40003: The platform does not know this OpenID", "Of them with 50002: The platform has limited this user",
		`openids/`+w.fans[41], "50002").lacks("openids/"+w.fans[43], "40,003")
	b.get(w.base() + "/bulk").holds("3 refused by the platform")
	b.get(at+"/refused").holds(w.fans[41]+",1,Refused by the platform", w.fans[43]+",9,Unknown")
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(at).holds("其中 40003：平台不认识此 OpenID", "平台拒绝")
}
