// Package jobs works through lists of any length on the server: a list is read and
// previewed, kept as a draft, started, and then changed a chunk at a time in the
// background, on any node, until it is done or an operator stops it; and it is undone
// in the same way.
//
// It promises that a job goes on after any crash, that each of its OpenIDs is changed
// once and counted once, and that at most one node works on a job: it holds a lease
// (lease.go) and stops when that is lost. What a chunk does is one Apply of the package
// lists, with the job as its actor.
//
// Who may do so it leaves to the package desk; what a change is, to lists.
package jobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"

	"mpblock"
	"mpblock/internal/jobs/queue"
	"mpblock/internal/lists"
)

// Options are the settings of a Service.
type Options struct {
	// Chunk is how many OpenIDs of a list are changed at once, 1 to 2,000; 0
	// means 2,000.
	Chunk int
	// Clock dates jobs and ends what is kept of them; nil: the system's.
	Clock mpblock.Clock
}

// Accounts returns an account, or an error.
type Accounts func(context.Context, mpblock.AppID) (*mpblock.Account, error)

// Service has the jobs of a store. Its methods are safe for concurrent use.
type Service struct {
	store    mpblock.Store
	lists    *lists.Service
	account  Accounts
	drafting chan struct{} // held while a list is read: one takes up to 64 MB
	queue    *queue.Queue
	jobs     chan struct{} // has a word in it when a job was started here
	running  sync.Map      // ids of the jobs that this node runs
	chunk    int           // OpenIDs of a list that a job changes at once
	clock    mpblock.Clock
}

// New returns the jobs of a store. See Run.
func New(store mpblock.Store, l *lists.Service, account Accounts, opts Options) *Service {
	if opts.Chunk == 0 {
		opts.Chunk = chunkSize
	}
	return &Service{
		store: store, lists: l, account: account, chunk: opts.Chunk, clock: mpblock.ClockOr(opts.Clock),
		drafting: make(chan struct{}, maxDrafting), queue: queue.New(store), jobs: make(chan struct{}, 1),
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// accountOf returns the account of a job. One that has been removed is as one that is
// retired: the job stops.
func (svc *Service) accountOf(ctx context.Context, j *storedJob) (*mpblock.Account, error) {
	a, err := svc.account(ctx, j.app)
	if mpblock.KindOf(err) == mpblock.NotFound {
		err = mpblock.ErrRetired.With(string(j.app))
	}
	return a, err
}
