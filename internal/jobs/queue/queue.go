// Package queue has the places of the jobs that have been started and not ended, so that
// they are found among those that have. It bounds how many an account has: each keeps its
// list in the store until it is done.
package queue

import (
	"context"

	"mpblock"
	"mpblock/internal/record"
)

// Limits of the jobs of an account that have been started and not ended. Nodes count each
// for itself, so that jobs which are started on several at the same moment may be a few more.
const (
	MaxJobs  = 100
	MaxItems = 10_000_000 // OpenIDs of their lists
)

// ErrFull is the error of a job for which there is no room.
var ErrFull = mpblock.NewError(mpblock.Limited, "job.queue_full", "account %s has %d jobs with %d OpenIDs that have not ended, of %d jobs and %d OpenIDs that it may have: wait until one of them has ended, or stop one")

// Places are the kind of the records of places. Their keys are the ids of the jobs.
const Places = record.Kind[Place]("jobqueue")

// Place is a place in the queue.
type Place struct {
	AppID mpblock.AppID `json:"appid"`
	At    int64         `json:"at"`
	Items int           `json:"items,omitempty"` // OpenIDs of its list; 0: it keeps none
}

// AtOnce is how many small records are read at a time.
const AtOnce = 100

// Queue is the queue of a store.
type Queue struct {
	store  mpblock.Records
	taking chan struct{} // held while a place is taken: they are counted before
}

// New returns the queue of a store.
func New(store mpblock.Records) *Queue {
	return &Queue{store: store, taking: make(chan struct{}, 1)}
}

// Take takes a place for a job, or is ErrFull. A job that has one keeps it.
func (q *Queue) Take(ctx context.Context, id string, p Place) error {
	select {
	case q.taking <- struct{}{}:
		defer func() { <-q.taking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := q.Room(ctx, p.AppID, p.Items); err != nil {
		return err
	}
	return Places.Overwrite(ctx, q.store, record.Entry[Place]{Key: id, Value: p})
}

// Room refuses a job of so many OpenIDs if it would be one too many of its account.
func (q *Queue) Room(ctx context.Context, app mpblock.AppID, items int) error {
	jobs, held := 0, 0
	for e, err := range Places.Under(ctx, q.store, "", AtOnce) {
		if err != nil {
			return err
		}
		if e.Value.AppID == app {
			jobs++
			held += e.Value.Items
		}
	}
	if jobs >= MaxJobs || held+items > MaxItems {
		return ErrFull.With(app, jobs, held, MaxJobs, MaxItems)
	}
	return nil
}
