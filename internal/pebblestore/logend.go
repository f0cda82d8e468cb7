package pebblestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/wal"

	"mpblock"
)

// Pebble takes what it cannot read at the end of its newest log for a write that the
// machine went down in, and opens without it. It may as well be a flipped bit, or a file
// that was cut, and behind it what was acknowledged: so that is told.

// Form of a log: blocks of chunks, none of which goes beyond its block. A chunk has a
// checksum, its length, its kind and the number of its log.
const (
	logBlock     = 32 << 10
	chunkHeader  = 11 // up to the number of the log, and 8 bytes more for the newer kinds
	firstKind    = 5  // with a number of the log
	firstNewKind = 9
	lastKind     = 12
)

// leastChange is about how many bytes of a log the smallest change takes.
const leastChange = 100

// logEnd is what the newest log ends with.
type logEnd struct {
	file   string
	unread int64 // bytes behind what can be read
	app    mpblock.AppID
	last   mpblock.Change // the last that can be read, without OpenIDs; Seq 0: none is in this log
}

// tellLogEnd says in the log if the end of the newest log cannot be read. What hinders it
// is left to Pebble, which is about to read the same.
func (s *Store) tellLogEnd() {
	end, err := s.readLogEnd()
	if err != nil || end.unread == 0 {
		return
	}
	said := []any{"dir", s.dir, "file", end.file, "unread_bytes", end.unread, "changes_at_most", end.unread/leastChange + 1}
	if end.last.Seq != 0 {
		said = append(said, "last_appid", end.app, "last_change", end.last.Seq, "last_time", end.last.Time.Format(time.RFC3339))
	}
	s.tell.Warn("the end of the store's log cannot be read, as after a power cut in the middle of a write. If it was none, so many changes that were acknowledged may be lost with it: "+
		"compare the last change with what callers know, and go back to a backup where it is needed. The store opens as of that change", said...)
}

// readLogEnd reads the newest log to its end.
func (s *Store) readLogEnd() (end logEnd, err error) {
	logs, err := wal.Scan(wal.Dir{FS: s.fs, Dirname: s.dir})
	if err != nil || len(logs) == 0 {
		return end, err
	}
	log := logs[len(logs)-1]
	r := log.OpenForRead()
	defer func() { err = errors.Join(err, r.Close()) }()
	_, end.file = log.SegmentLocation(log.NumSegments() - 1)
	for {
		rec, at, err := r.NextRecord()
		switch {
		case errors.Is(err, io.EOF):
			return end, nil
		case record.IsInvalidRecord(err), errors.Is(err, record.ErrInvalidChunk), errors.Is(err, record.ErrZeroedChunk):
			end.unread, err = s.behind(end.file, at.Physical, uint32(log.Num)) //nolint:gosec // as the log itself does
			return end, err
		case err != nil:
			return end, err
		}
		b, err := io.ReadAll(rec)
		if err != nil {
			return end, err
		}
		end.note(b)
	}
}

// explainOpen is explain for an error of opening the store, where it may be the log.
func (s *Store) explainOpen(err error) error {
	if !pebble.IsCorruptionError(err) || pebble.ExtractDataCorruptionInfo(err) != nil {
		return s.explain(err)
	}
	end, other := s.readLogEnd()
	if other != nil || end.unread == 0 {
		return s.explain(err)
	}
	return &DamagedError{s.dir, end.file, fmt.Errorf("%d bytes behind change %d of account %s cannot be read: %w", end.unread, end.last.Seq, end.app, err)}
}

// note takes in a write of the log.
func (e *logEnd) note(b []byte) {
	if len(b) < batchrepr.HeaderLen {
		return
	}
	for r := batchrepr.Read(b); ; {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return
		}
		if kind == pebble.InternalKeyKindSet && len(key) == len(changeKey("", 0))+mpblock.AppIDLen && key[0] == changeKeys {
			e.app = mpblock.AppID(key[1 : 1+mpblock.AppIDLen])
			e.last, _, _ = decodeChangeHead(binary.BigEndian.Uint64(key[1+mpblock.AppIDLen:]), value)
		}
	}
}

// behind returns how many bytes of a log follow a point from which on it cannot be read,
// 0 if only those that a log before it has left in the file, which is used again.
func (s *Store) behind(name string, at int64, number uint32) (int64, error) {
	file, err := s.fs.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // of a file that is read
	b, err := io.ReadAll(file)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	if at > int64(len(b)) {
		return 0, nil
	}
	b = bytes.TrimRight(b, "\x00")
	end, before := int64(0), false
	for begin := at; begin < int64(len(b)); begin = begin/logBlock*logBlock + logBlock {
		ours, others := chunks(b[begin:min((begin/logBlock+1)*logBlock, int64(len(b)))], number)
		if ours > 0 {
			end = begin + int64(ours)
		}
		before = before || others && begin > at
	}
	switch {
	case end > at:
		return end - at, nil
	case before:
		return 0, nil
	}
	return max(int64(len(b))-at, 0), nil
}

// chunks returns how far the chunks of a log reach that a block begins with, and whether
// those of an earlier log follow at once.
func chunks(block []byte, number uint32) (ours int, earlier bool) {
	for p := 0; p+chunkHeader <= len(block); {
		length, kind := int(binary.LittleEndian.Uint16(block[p+4:])), block[p+6]
		of := binary.LittleEndian.Uint32(block[p+7:])
		if kind < firstKind || kind > lastKind || of != number {
			return ours, kind >= firstKind && kind <= lastKind && of != 0 && of < number
		}
		p += chunkHeader + length
		if kind >= firstNewKind {
			p += 8
		}
		ours = min(p, len(block))
	}
	return ours, false
}
