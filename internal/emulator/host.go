package emulator

import (
	"context"

	"mpblock/internal/lists"
)

// Host is a server that emulates, as its doors work on it.
type Host interface {
	Emulator() *Emulator
	Lists() *lists.Service

	Reset(ctx context.Context) error
	SaveSnapshot(ctx context.Context, name string) error
	RestoreSnapshot(ctx context.Context, name string) error
	RemoveSnapshot(name string) error
	Snapshots() []Snapshot
}
