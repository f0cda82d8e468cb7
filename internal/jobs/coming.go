package jobs

import (
	"context"
	"errors"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/jobs/queue"
)

// Coming returns the jobs of an account that have begun and are still to come to an OpenID,
// whose newest change is by an actor; "": it has none. An undo comes to it only as long as
// nobody has changed it since.
func (svc *Service) Coming(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, newest string) ([]Job, error) {
	var all []Job
	for place, err := range queue.Places.Under(ctx, svc.store, "", recordsAtOnce) {
		if err != nil {
			return nil, err
		}
		if place.Value.AppID != app {
			continue
		}
		j, err := svc.readJob(ctx, app, place.Key)
		if err == nil && j.view().Active() && j.actor() != newest {
			var comes bool
			if comes, err = svc.comes(ctx, j, id, newest); comes {
				all = append(all, j.view())
			}
		}
		if err != nil && !errors.Is(err, errNoJob) && !errors.Is(err, errListGone) { // it has ended meanwhile
			return nil, err
		}
	}
	return all, nil
}

func (svc *Service) comes(ctx context.Context, j *storedJob, id mpblock.OpenID, newest string) (bool, error) {
	if j.UndoOf != "" {
		return newest == (&storedJob{id: j.UndoOf}).actor(), nil
	}
	return item.Among(id, j.Next, j.Chunks, func(n int) ([]item.Item, error) {
		items, _, err := svc.items(ctx, j, n)
		return items, err
	})
}
