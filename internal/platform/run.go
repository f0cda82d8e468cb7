package platform

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// How often Run does what nobody waits for.
const (
	callsEvery  = 10 * time.Second
	digestEvery = time.Minute
)

// Run does what nobody waits for, until ctx ends: it runs jobs, counts changes for
// the overview, and writes down the calls. It is to run on every node, once; nodes
// share the work. Report is told of errors that it will try to overcome by itself;
// it may be called from several goroutines. Run returns once all of it has stopped,
// at most after the batches under way.
func (p *Platform) Run(ctx context.Context, report func(error)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { p.runJobs(ctx, report) })
	wg.Go(func() { every(ctx, callsEvery, "write down the calls", p.writeCalls, report) })
	wg.Go(func() { every(ctx, digestEvery, "count the changes", p.digestAll, report) })
}

// every does something now and then until ctx ends.
func every(ctx context.Context, interval time.Duration, what string, do func(context.Context) error, report func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			report(fmt.Errorf("%s: %w", what, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
