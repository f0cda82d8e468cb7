package jobs

import (
	"context"
	"errors"
	"slices"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/jobs/own"
)

// runChunk works through one chunk of a job. It may be called again for a chunk that
// was applied and not counted: what the job itself has changed is known from the log.
// resumed tells that this may be so.
func (svc *Service) runChunk(ctx context.Context, j *storedJob, resumed bool) (chunkResult, error) {
	if j.UndoOf != "" {
		return svc.undoChunk(ctx, j)
	}
	items, list, err := svc.items(ctx, j, j.Next)
	if err != nil {
		return chunkResult{}, err
	}
	a, err := svc.accountOf(ctx, j)
	if err != nil {
		return chunkResult{}, err
	}
	c := chunk{svc: svc, job: j, account: a, known: !a.AnyFollower, lines: make(map[mpblock.OpenID]uint32, len(items))}
	c.result.list = list
	for _, it := range items {
		c.lines[it.ID] = it.Line
	}
	pending := item.IDs(items)
	if resumed {
		// First what was under way: changed by somebody else once it is in the log, it
		// would be done again.
		if err := svc.lists.Finish(ctx, a); err != nil {
			return chunkResult{}, err
		}
		if pending, err = c.takeOwn(ctx, pending); err != nil {
			return chunkResult{}, err
		}
	}
	pending, err = c.apply(ctx, pending)
	if err != nil {
		return chunkResult{}, err
	}
	// Where two nodes work on the job, the other one may have applied what this one
	// found done: the job has done that, too.
	pending, err = c.takeOwn(ctx, pending)
	c.result.already = len(pending)
	return c.result, err
}

// chunk is one chunk on its way.
type chunk struct {
	svc     *Service
	job     *storedJob
	account *mpblock.Account
	known   bool
	lines   map[mpblock.OpenID]uint32
	result  chunkResult
}

// takeOwn counts those OpenIDs as done that the job itself has changed, and returns
// the others.
func (c *chunk) takeOwn(ctx context.Context, ids []mpblock.OpenID) ([]mpblock.OpenID, error) {
	did, seen, err := c.svc.ownChanges(ctx, c.job, ids)
	if err != nil {
		return nil, err
	}
	c.result.seen = max(c.result.seen, seen)
	var others []mpblock.OpenID
	for _, id := range ids {
		if seq := did[id]; seq != 0 {
			c.did(seq, 1)
		} else {
			others = append(others, id)
		}
	}
	return others, nil
}

func (c *chunk) did(seq uint64, n int) {
	c.result.done += n
	c.result.seen = max(c.result.seen, seq)
	if !slices.Contains(c.result.Seqs, seq) {
		c.result.Seqs = append(c.result.Seqs, seq)
	}
}

// ownChanges returns what the job has changed of the chunk under way, as own.Changes does.
func (svc *Service) ownChanges(ctx context.Context, j *storedJob, ids []mpblock.OpenID) (map[mpblock.OpenID]uint64, uint64, error) {
	return own.Changes(ctx, svc.store, svc.lists, own.Job{App: j.app, Actor: j.actor(), From: j.From}, ids)
}

// begun tells whether the chunk under way has been applied.
func (svc *Service) begun(ctx context.Context, j *storedJob) (bool, error) {
	a, err := svc.accountOf(ctx, j)
	if err == nil {
		err = svc.lists.Finish(ctx, a)
	}
	if err != nil {
		return false, err
	}
	ids, err := svc.chunkIDs(ctx, j)
	if err != nil {
		return false, err
	}
	did, _, err := svc.ownChanges(ctx, j, ids)
	return len(did) > 0, err
}

// chunkIDs returns the OpenIDs of the chunk under way.
func (svc *Service) chunkIDs(ctx context.Context, j *storedJob) ([]mpblock.OpenID, error) {
	if j.UndoOf == "" {
		items, _, err := svc.items(ctx, j, j.Next)
		return item.IDs(items), err
	}
	changes, err := svc.changesOfChunk(ctx, j.app, j.UndoOf, j.Next)
	var ids []mpblock.OpenID
	for _, c := range changes {
		ids = append(ids, c.OpenIDs...)
	}
	return ids, err
}

// apply changes those OpenIDs that are known, refuses the others, and returns those
// on which it had no effect.
func (c *chunk) apply(ctx context.Context, ids []mpblock.OpenID) ([]mpblock.OpenID, error) {
	if c.known && len(ids) > 0 {
		states, err := c.svc.store.States(ctx, c.job.app, ids)
		if err != nil {
			return nil, err
		}
		var known []mpblock.OpenID
		for i, id := range ids {
			if states[i].Follower || states[i].Blocked {
				known = append(known, id)
			} else {
				c.unknown(id)
			}
		}
		ids = known
	}
	for len(ids) > 0 {
		change, err := c.svc.lists.Apply(ctx, c.account, mpblock.Batch{
			Action: c.job.Action, OpenIDs: ids, Actor: c.job.actor(), Reason: c.job.Reason, Until: at(c.job.Ends), Known: c.known,
		})
		if change.Seq != 0 { // beside an error too, where the list lies elsewhere
			c.did(change.Seq, len(change.OpenIDs))
		}
		var unknown *mpblock.UnknownError
		var there *mpblock.RefusedError
		switch {
		case errors.As(err, &unknown): // gone since it was looked up
			c.unknown(ids[unknown.Index])
			ids = mpblock.Without(ids, ids[unknown.Index:unknown.Index+1])
			continue
		case errors.As(err, &there):
			return c.reportRefused(mpblock.Without(ids, change.OpenIDs), there.Refused), nil
		}
		return mpblock.Without(ids, change.OpenIDs), err
	}
	return nil, nil
}

// reportRefused refuses those of some that lists has refused, and returns the others.
func (c *chunk) reportRefused(ids []mpblock.OpenID, refused []mpblock.Refused) []mpblock.OpenID {
	codes := map[int]int{}
	for _, r := range refused {
		if rest := mpblock.Without(ids, []mpblock.OpenID{r.OpenID}); len(rest) < len(ids) {
			c.result.Refused = append(c.result.Refused, item.RefusedAt(int(c.lines[r.OpenID]), r))
			if ids = rest; r.Err == nil {
				codes[r.Code]++
			}
		}
	}
	c.result.codes = item.SumCodes(c.result.codes, codes)
	return ids
}

func (c *chunk) unknown(id mpblock.OpenID) {
	c.result.Refused = append(c.result.Refused, RefusedLine{Line: int(c.lines[id]), Text: id.String(), Why: WhyUnknown})
}

// changesOfChunk returns the changes that a chunk of a job has made.
func (svc *Service) changesOfChunk(ctx context.Context, app mpblock.AppID, id string, n int) ([]mpblock.Change, error) {
	result, err := kindJobResult.Get(ctx, svc.store, chunkKey(app, id, n))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, errListGone
	}
	if err != nil {
		return nil, err
	}
	changes := make([]mpblock.Change, 0, len(result.Value.Seqs))
	for _, seq := range result.Value.Seqs {
		c, err := svc.lists.ChangeAt(ctx, app, seq)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// undoChunk undoes what a chunk of another job has done.
func (svc *Service) undoChunk(ctx context.Context, j *storedJob) (chunkResult, error) {
	changes, err := svc.changesOfChunk(ctx, j.app, j.UndoOf, j.Next)
	if err != nil {
		return chunkResult{}, err
	}
	a, err := svc.accountOf(ctx, j)
	if err != nil {
		return chunkResult{}, err
	}
	c := chunk{svc: svc, job: j, account: a}
	for _, change := range changes {
		made, err := svc.lists.TakeBack(ctx, a, change, j.actor(), j.Reason)
		var there *mpblock.RefusedError
		if err != nil && !errors.As(err, &there) {
			return chunkResult{}, err
		}
		if made.Seq != 0 {
			c.did(made.Seq, len(made.OpenIDs))
		}
		left, err := c.takeOwn(ctx, mpblock.Without(change.OpenIDs, made.OpenIDs))
		if err != nil {
			return chunkResult{}, err
		}
		if there != nil {
			left = c.reportRefused(left, there.Refused)
		}
		for _, id := range left {
			c.result.Refused = append(c.result.Refused, RefusedLine{Text: id.String(), Why: WhyChanged})
		}
	}
	return c.result, nil
}
