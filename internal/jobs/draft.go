package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/record"
)

// Draft reads a list, keeps it for DraftLife and says what is in it. An empty
// line counts as none. A list with more than MaxJob OpenIDs or MaxJobBad bad lines,
// or without any OpenID of the account, or with which the account's drafts would hold
// more than MaxDrafts, is a refusal; an error of the source is returned as it is.
func (svc *Service) Draft(ctx context.Context, a *mpblock.Account, by string, action mpblock.Action, source Source) (Job, error) {
	if action != mpblock.Block && action != mpblock.Unblock {
		return Job{}, errJobAction
	}
	if err := source.Receive(); err != nil {
		return Job{}, err
	}
	select {
	case svc.drafting <- struct{}{}:
		defer func() { <-svc.drafting }()
	case <-ctx.Done():
		return Job{}, ctx.Err()
	}
	l := list{account: a}
	read, err := source.Read(func(line lines.Line) error { return errors.Join(ctx.Err(), l.add(line)) })
	if err != nil {
		return Job{}, err
	}
	if err := l.finish(); err != nil {
		return Job{}, err
	}
	now := svc.clock.Now()
	if err := svc.roomFor(ctx, a.AppID, len(l.items), now); err != nil {
		return Job{}, err
	}
	j := &storedJob{app: a.AppID, id: newJobID(by, now), expires: now.Add(DraftLife), jobRecord: jobRecord{
		Action: action, By: by, State: JobDraft, Created: now.UnixMilli(), Preview: l.preview, Read: read,
		Chunks: (len(l.items) + svc.chunk - 1) / svc.chunk, Progress: JobProgress{Total: len(l.items)},
	}}
	if err := svc.keepList(ctx, j, &l); err != nil {
		return Job{}, err
	}
	return j.view(), svc.putJob(ctx, j)
}

// roomFor refuses so many OpenIDs if the drafts of the account hold too many already:
// each of them takes some 33 bytes of the store. It looks at the jobs of the last
// DraftLife alone.
func (svc *Service) roomFor(ctx context.Context, app mpblock.AppID, items int, now time.Time) error {
	oldest := string(app) + "/" + jobTime(now.Add(-DraftLife-time.Minute))
	held := 0
	for e, err := range kindJob.UnderAfter(ctx, svc.store, string(app)+"/", oldest, recordsAtOnce) {
		if err != nil {
			return err
		}
		if e.Value.State == JobDraft {
			held += e.Value.Preview.Total
		}
	}
	if held+items > MaxDrafts {
		return errDraftsFull.With(items, held, MaxDrafts)
	}
	return nil
}

// list is the list of a job while it is read.
type list struct {
	account *mpblock.Account
	items   []item.Item
	bad     []RefusedLine
	preview JobPreview
}

// longList is how many OpenIDs a list has before it gets room for as many as it may
// have, at once: a slice that grows takes twice its memory meanwhile.
const longList = 1 << 16

// add takes in a line.
func (l *list) add(line lines.Line) error {
	_, err := lists.Own(l.account, line.Text)
	refused := RefusedLine{Line: line.Number, Source: line.Source, Text: line.Text, Why: WhyMalformed}
	switch p := line.Problem; {
	case p != nil:
		l.preview.Malformed++
		refused.Detail, refused.Key = p.Error(), p.Key
		for _, a := range p.Args {
			refused.Args = append(refused.Args, fmt.Sprint(a))
		}
		l.bad = append(l.bad, refused)
	case errors.Is(err, lists.ErrForeign):
		l.preview.Foreign++
		refused.Why = WhyForeign
		l.bad = append(l.bad, refused)
	case err != nil:
		return err
	default:
		if len(l.items) == cap(l.items) && len(l.items) >= longList {
			l.items = slices.Grow(l.items, MaxJob+1-len(l.items))
		}
		l.items = append(l.items, item.Item{ID: line.OpenID, Line: uint32(line.Number)}) //nolint:gosec // the two limits below keep it small
	}
	if len(l.bad) > MaxJobBad {
		return errListBad.With(MaxJobBad, l.bad[0].Line, l.bad[0].Text)
	}
	if len(l.items) > MaxJob {
		return errListLong.With(MaxJob)
	}
	return nil
}

// finish sorts the OpenIDs and leaves each in once, with the first line it stands in.
func (l *list) finish() error {
	if len(l.items) == 0 && len(l.bad) > 0 {
		return errListForeign.With(l.bad[0].Line, l.bad[0].Text)
	}
	if len(l.items) == 0 {
		return errListEmpty
	}
	slices.SortFunc(l.items, func(a, b item.Item) int {
		if c := a.ID.Compare(b.ID); c != 0 {
			return c
		}
		return int(a.Line) - int(b.Line)
	})
	read := len(l.items)
	l.items = slices.CompactFunc(l.items, func(a, b item.Item) bool { return a.ID == b.ID })
	l.preview.Total = len(l.items)
	l.preview.Duplicates = read - len(l.items)
	return nil
}

// keepList writes the list of a job, and counts what it would do. The job itself is
// written after it: without that, the records are nothing and end by themselves.
func (svc *Service) keepList(ctx context.Context, j *storedJob, l *list) error {
	expires := svc.clock.Now().Add(DraftLife + listLife)
	for n := range j.Chunks {
		items := l.items[n*svc.chunk : min((n+1)*svc.chunk, len(l.items))]
		if err := svc.previewItems(ctx, j, items, l.account.AnyFollower); err != nil {
			return err
		}
		r := record.Entry[[]byte]{Key: j.chunkKey(n), Value: item.Encode(items), Expires: expires}
		if _, err := kindJobList.Put(ctx, svc.store, r); err != nil {
			return err
		}
	}
	n := 0
	for bad := range slices.Chunk(l.bad, badSize) {
		r := record.Entry[[]RefusedLine]{Key: j.chunkKey(n), Value: bad, Expires: expires.Add(JobLife)}
		if _, err := kindJobBad.Put(ctx, svc.store, r); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (svc *Service) previewItems(ctx context.Context, j *storedJob, items []item.Item, anyFollower bool) error {
	states, err := svc.store.States(ctx, j.app, item.IDs(items))
	for _, s := range states {
		switch {
		case !anyFollower && !s.Follower && !s.Blocked:
			j.Preview.Unknown++
		case s.Blocked == (j.Action == mpblock.Block):
			j.Preview.Already++
		default:
			j.Preview.New++
		}
	}
	return err
}
