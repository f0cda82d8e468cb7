package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/lines"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
)

// The demo account is the example of the platform's own document: 23,000 of 30,000
// followers are blocked. All of it but its words is the same every time, so that tests
// and documents can rely on it.
const (
	DemoAppID     = mpblock.AppID("wxdec0dedec0dedec0")
	DemoSecret    = "5eedda7a5eedda7a5eedda7a5eedda7a"
	DemoFollowers = 30_000
	DemoBlocked   = 23_000
)

// Languages of the demo's words.
const (
	DemoEnglish = "en"
	DemoChinese = "zh"
)

var (
	demoPrefix = mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}
	demoKey    = mpblock.Key([]byte("mpblock-demo-key"))
)

// DemoOpenID returns the OpenID of the n-th user of the demo, from 1 on. The first
// DemoBlocked are blocked at the beginning.
func DemoOpenID(n int) mpblock.OpenID {
	return mpblock.Mint(demoPrefix, demoKey, fmt.Sprintf("demo-%05d", n))
}

func demoOpenIDs(first, last int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, 0, last-first+1)
	for n := first; n <= last; n++ {
		ids = append(ids, DemoOpenID(n))
	}
	return ids
}

// fillDemo puts the demo into a store that does not hold its account. The account is
// written behind its lists, so a demo that was interrupted is completed the next time;
// what only makes it livelier comes after that.
func (r *rules) fillDemo(ctx context.Context, now time.Time, lang string) error {
	if _, err := r.access.Account(ctx, DemoAppID); !errors.Is(err, access.ErrNoAccount) {
		return err
	}
	words := demoWords[DemoEnglish]
	if lang == DemoChinese {
		words = demoWords[DemoChinese]
	}
	for n := 1; n <= DemoFollowers; n += mpblock.MaxWrite {
		if _, err := r.store.AddFollowers(ctx, DemoAppID, demoOpenIDs(n, n+mpblock.MaxWrite-1)); err != nil {
			return err
		}
	}
	if err := r.demoChanges(ctx, now, words); err != nil {
		return err
	}
	a, _, err := r.access.AddAccount(ctx, access.NewAccount{
		AppID: DemoAppID, Name: "Demo 演示", Secret: DemoSecret, Prefix: &demoPrefix, Key: &demoKey,
	})
	if err != nil {
		return err
	}
	for _, name := range []string{demoLin, demoMaya} { // who come in once they are given a link
		_, _, err := r.operators.AddOperator(ctx, operators.NewOperator{Name: name, Role: operators.RoleOperator})
		if err != nil && mpblock.KindOf(err) != mpblock.Conflict {
			return err
		}
	}
	var rows []remarks.Row
	for i, p := range words.people { // some who are blocked, and some who are not
		rows = append(rows, remarks.Row{OpenID: DemoOpenID(DemoBlocked - 3 + i), Remark: p})
	}
	if err := r.remarks.Import(ctx, a, "console:"+demoLin, rows); err != nil {
		return err
	}
	return r.demoJob(ctx, a, words.job)
}

// demoChanges makes the changes of demoPast.
func (r *rules) demoChanges(ctx context.Context, now time.Time, words demoText) error {
	blocked, slips := 0, DemoFollowers
	for i, p := range demoPast {
		b := mpblock.Batch{
			Action: mpblock.Block, Actor: "console:" + p.who, Time: now.AddDate(0, 0, -p.ago).Add(-time.Duration(len(demoPast)-i) * 5 * time.Minute),
		}
		switch {
		case p.why == none:
			b.Actor = mpblock.ActorAPI
		case p.what == back:
			b.Reason = words.back
		default:
			b.Reason = words.reasons[p.why]
		}
		switch p.what {
		case blocks:
			b.OpenIDs = demoOpenIDs(blocked+1, blocked+p.n)
			blocked += p.n
		case slipped:
			b.OpenIDs = demoOpenIDs(slips-p.n+1, slips)
		case back:
			b.Action, b.OpenIDs = mpblock.Unblock, demoOpenIDs(slips-p.n+1, slips)
			slips -= p.n
		}
		if _, err := r.store.Apply(ctx, DemoAppID, b); err != nil {
			return err
		}
	}
	return nil
}

// demoList is the list of the demo's job.
type demoList []mpblock.OpenID

// Receive implements jobs.Source.
func (demoList) Receive() error { return nil }

// Read implements jobs.Source.
func (l demoList) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	for i, id := range l {
		if err := each(lines.Line{Number: i + 1, OpenID: id, Text: id.String()}); err != nil {
			return nil, err
		}
	}
	return []lines.Summary{{OpenIDs: len(l), Encoding: lines.UTF8}}, nil
}

// demoJob blocks the last of the demo's blocked users by a job, and returns once it has
// ended.
func (r *rules) demoJob(ctx context.Context, a *mpblock.Account, reason string) error {
	j, err := r.jobs.Draft(ctx, a, demoMaya, mpblock.Block, demoList(demoOpenIDs(DemoBlocked-demoByJob+1, DemoBlocked)))
	if err == nil {
		j, err = r.jobs.Start(ctx, DemoAppID, j.ID, reason, time.Time{})
	}
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	var failed error
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { r.jobs.Run(running, func(err error) { failed = err; stop() }) })
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for j.Active() {
		select {
		case <-running.Done():
			stop()
			wg.Wait()
			return errors.Join(ctx.Err(), failed)
		case <-look.C:
		}
		if j, err = r.jobs.Job(ctx, DemoAppID, j.ID); err != nil {
			return err
		}
	}
	return nil
}
