package jobs

import (
	"context"
	"errors"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/jobs/listing"
	"mpblock/internal/lines"
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
	l := listing.List{Account: a}
	read, err := source.Read(func(line lines.Line) error { return errors.Join(ctx.Err(), l.Add(line)) })
	if err != nil {
		return Job{}, err
	}
	if err := l.Finish(); err != nil {
		return Job{}, err
	}
	now := svc.clock.Now()
	if err := svc.roomFor(ctx, a.AppID, len(l.Items), now); err != nil {
		return Job{}, err
	}
	j := &storedJob{app: a.AppID, id: newJobID(by, now), expires: now.Add(DraftLife), jobRecord: jobRecord{
		Action: action, By: by, State: JobDraft, Created: now.UnixMilli(), Preview: l.Preview, Read: read,
		Chunks: (len(l.Items) + svc.chunk - 1) / svc.chunk, Progress: JobProgress{Total: len(l.Items)},
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

// keepList writes the list of a job, and counts what it would do. The job itself is
// written after it: without that, the records are nothing and end by themselves.
func (svc *Service) keepList(ctx context.Context, j *storedJob, l *listing.List) error {
	expires := svc.clock.Now().Add(DraftLife + listLife)
	for n := range j.Chunks {
		items := l.Items[n*svc.chunk : min((n+1)*svc.chunk, len(l.Items))]
		if err := svc.previewItems(ctx, j, items, l.Account.AnyFollower); err != nil {
			return err
		}
		r := record.Entry[[]byte]{Key: j.chunkKey(n), Value: item.Encode(items), Expires: expires}
		if _, err := kindJobList.Put(ctx, svc.store, r); err != nil {
			return err
		}
	}
	n := 0
	for bad := range slices.Chunk(l.Bad, badSize) {
		r := record.Entry[[]RefusedLine]{Key: j.chunkKey(n), Value: bad, Expires: expires.Add(JobLife)}
		if _, err := kindJobBad.Put(ctx, svc.store, r); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (svc *Service) previewItems(ctx context.Context, j *storedJob, items []item.Item, anyFollower bool) error {
	ids := item.IDs(items)
	states, err := svc.store.States(ctx, j.app, ids)
	protected, failed := svc.lists.Protection().Among(ctx, j.app, ids)
	for i, s := range states {
		_, kept := protected[ids[i]]
		switch {
		case kept && j.Action == mpblock.Block: // also of those who are blocked already, as a job has it
			j.Preview.Protected++
		case !anyFollower && !s.Follower && !s.Blocked:
			j.Preview.Unknown++
		case s.Blocked == (j.Action == mpblock.Block):
			j.Preview.Already++
		default:
			j.Preview.New++
		}
	}
	return errors.Join(err, failed)
}
