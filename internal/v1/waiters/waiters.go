// Package waiters bounds how many callers wait at a node at once.
package waiters

import (
	"sync/atomic"

	"mpblock"
)

var errFull = mpblock.NewError(mpblock.Unavailable, "feed.full", "%d callers wait for changes at this node, the most there can be: wait longer with each call, or raise the limit of open files")

// Room has room for some who wait.
type Room struct {
	Most int64 // 0: there is no limit
	now  atomic.Int64
}

// Enter makes room for one who waits, who is to Leave.
func (r *Room) Enter() error {
	if n := r.now.Add(1); r.Most > 0 && n > r.Most {
		r.Leave()
		return errFull.With(r.Most)
	}
	return nil
}

// Leave takes the room back.
func (r *Room) Leave() { r.now.Add(-1) }
