package copystore

import (
	"context"

	"mpblock"
)

// requestsAtOnce is how many requests are read at a time.
const requestsAtOnce = 1_000

// requests are those that an account remembers.
type requests struct {
	all []mpblock.Request // in the order of their keys
	of  map[uint64]mpblock.RequestID
}

func readRequests(ctx context.Context, s mpblock.Store, app mpblock.AppID) (requests, error) {
	out := requests{of: map[uint64]mpblock.RequestID{}}
	for after := ([16]byte{}); ; {
		some, err := s.Requests(ctx, app, after, requestsAtOnce)
		if err != nil || len(some) == 0 {
			return out, err
		}
		for _, r := range some {
			if after = r.ID.Key; r.Seq != 0 {
				out.of[r.Seq] = r.ID
			}
		}
		out.all = append(out.all, some...)
	}
}

// requests copies those that changed nothing, and compares the others, which came with
// their changes. One that the target lacks has been forgotten there, or is too old to be
// remembered by anybody.
func (cp *copier) requests(ctx context.Context, app mpblock.AppID, want requests) error {
	there, err := readRequests(ctx, cp.to, app)
	if err != nil {
		return err
	}
	got := make(map[[16]byte]mpblock.Request, len(there.all))
	for _, r := range there.all {
		got[r.ID.Key] = r
	}
	for _, r := range want.all {
		g, ok := got[r.ID.Key]
		switch {
		case ok && (g.ID != r.ID || g.Seq != r.Seq || !g.Time.Equal(r.Time)):
			return cp.different("the request %x of account %s differs", r.ID.Key, app)
		case ok || r.Seq != 0 || !mpblock.ClockOr(nil).Now().Before(r.Time.Add(mpblock.KeepRequests)):
			continue
		}
		if err := cp.mayWrite("account %s remembers fewer requests", app); err != nil {
			return err
		}
		// It changes nothing here either: nobody has that OpenID.
		if _, err := cp.to.Apply(ctx, app, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: make([]mpblock.OpenID, 1), Actor: mpblock.ActorAPI, Time: r.Time, ID: r.ID}); err != nil {
			return err
		}
	}
	return nil
}
