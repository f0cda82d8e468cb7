package lists

import (
	"context"

	"mpblock"
	"mpblock/internal/lists/standing"
)

// Standing is what became of a change.
type Standing = standing.Standing

// stand fills in how changes stand.
func (svc *Service) stand(ctx context.Context, app mpblock.AppID, rows []ChangeRow) error {
	of := make([]standing.Of, len(rows))
	for i := range rows {
		of[i] = standing.Of{Seq: rows[i].Seq, Standing: &rows[i].Standing}
	}
	return standing.Find(ctx, svc.store, app, of)
}

// Row returns a change without all of its OpenIDs, and how it stands.
func (svc *Service) Row(ctx context.Context, app mpblock.AppID, c mpblock.Change) (ChangeRow, error) {
	rows := []ChangeRow{rowOf(c)}
	err := svc.stand(ctx, app, rows)
	return rows[0], err
}
