package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
)

// Delay is why a job that runs does not go on for now, where the account's list lies
// elsewhere. It is tried again by itself.
type Delay struct {
	Since time.Time `json:"since"`          // when it was met first
	Last  time.Time `json:"last"`           // and last
	Done  int       `json:"done,omitempty"` // by then, of the chunk under way

	// What was in the way, as an mpblock.Error says it, and in English.
	Key  string   `json:"key"`
	Args []string `json:"args,omitempty"`
	Text string   `json:"text"`
}

// delayed notes why a job does not go on. What came of the chunk under way is not counted
// yet: the log has it.
func (svc *Service) delayed(ctx context.Context, l *lease, err error) {
	j, now := l.now(), svc.clock.Now().UTC()
	a, failed := svc.account(ctx, j.app)
	var why *mpblock.Error
	if failed != nil || a.Upstream == "" || !errors.As(err, &why) {
		return
	}
	d := Delay{Since: now, Last: now, Key: why.Key, Text: why.Message()}
	for _, arg := range why.Args {
		d.Args = append(d.Args, fmt.Sprint(arg))
	}
	if ids, err := svc.chunkIDs(ctx, &j); err == nil {
		did, _, _ := svc.ownChanges(ctx, &j, ids) // as far as can be read
		d.Done = len(did)
	}
	_ = l.write(ctx, func(j *storedJob) { // if that fails, it is noted the next time
		if was := j.Delay; was != nil && was.Key == d.Key {
			d.Since = was.Since
		}
		j.Delay = &d
	})
}
