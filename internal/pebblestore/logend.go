package pebblestore

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/logend"
)

// leastChange is about how many bytes of a log the smallest change takes.
const leastChange = 100

// logEnd is what the newest log ends with.
type logEnd struct {
	logend.End
	app  mpblock.AppID
	last mpblock.Change // the last that can be read, without OpenIDs; Seq 0: none is in this log
}

// tellLogEnd says in the log if the end of the newest log cannot be read. What hinders it
// is left to Pebble, which is about to read the same.
func (s *Store) tellLogEnd() {
	end, err := s.readLogEnd()
	if err != nil || end.Unread == 0 {
		return
	}
	said := []any{"dir", s.dir, "file", end.File, "unread_bytes", end.Unread, "changes_at_most", end.Unread/leastChange + 1}
	if end.last.Seq != 0 {
		said = append(said, "last_appid", end.app, "last_change", end.last.Seq, "last_time", end.last.Time.Format(time.RFC3339))
	}
	s.tell.Warn("the end of the store's log cannot be read, as after a power cut in the middle of a write. If it was none, so many changes that were acknowledged may be lost with it: "+
		"compare the last change with what callers know, and go back to a backup where it is needed. The store opens as of that change", said...)
}

// explainOpen is explain for an error of opening the store, where it may be the log.
func (s *Store) explainOpen(err error) error {
	if !pebble.IsCorruptionError(err) || pebble.ExtractDataCorruptionInfo(err) != nil {
		return s.explain(err)
	}
	end, other := s.readLogEnd()
	if other != nil || end.Unread == 0 {
		return s.explain(err)
	}
	return &DamagedError{Dir: s.dir, File: end.File, Err: fmt.Errorf("%d bytes behind change %d of account %s cannot be read: %w", end.Unread, end.last.Seq, end.app, err)}
}

// readLogEnd reads the newest log to its end.
func (s *Store) readLogEnd() (end logEnd, err error) {
	end.End, err = logend.Read(s.fs, s.dir, func(key, value []byte) {
		if len(key) == len(codec.ChangeKey("", 0))+mpblock.AppIDLen && key[0] == codec.ChangeKeys {
			end.app = mpblock.AppID(key[1 : 1+mpblock.AppIDLen])
			end.last, _, _ = codec.DecodeChangeHead(binary.BigEndian.Uint64(key[1+mpblock.AppIDLen:]), value)
		}
	})
	return end, err
}
