package pebblestore

import (
	"github.com/cockroachdb/pebble/v2"

	"mpblock/internal/pebblestore/logend"
)

// tellLogEnd says in the log if the end of the newest log cannot be read. What hinders it
// is left to Pebble, which is about to read the same.
func (s *Store) tellLogEnd() {
	end, err := logend.ReadChanges(s.fs, s.dir)
	if err != nil || end.Unread == 0 {
		return
	}
	s.tell.Warn("the end of the store's log cannot be read, as after a power cut in the middle of a write. If it was none, so many changes that were acknowledged may be lost with it: "+
		"compare the last change with what callers know, and go back to a backup where it is needed. The store opens as of that change", end.Said(s.dir)...)
}

// explainOpen is explain for an error of opening the store, where it may be the log.
func (s *Store) explainOpen(err error) error {
	if !pebble.IsCorruptionError(err) || pebble.ExtractDataCorruptionInfo(err) != nil {
		return s.explain(err)
	}
	end, other := logend.ReadChanges(s.fs, s.dir)
	if other != nil || end.Unread == 0 {
		return s.explain(err)
	}
	return &DamagedError{Dir: s.dir, File: end.File, Err: end.Explain(err)}
}
