// Package logend reads the newest log of a Pebble store to its end.
//
// Pebble takes what it cannot read at the end of its newest log for a write that the
// machine went down in, and opens without it. It may as well be a flipped bit, or a file
// that was cut, and behind it what was acknowledged: so that is told.
package logend

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Form of a log: blocks of chunks, none of which goes beyond its block. A chunk has a
// checksum, its length, its kind and the number of its log.
const (
	logBlock     = 32 << 10
	chunkHeader  = 11 // up to the number of the log, and 8 bytes more for the newer kinds
	firstKind    = 5  // with a number of the log
	firstNewKind = 9
	lastKind     = 12
)

// End is what the newest log ends with.
type End struct {
	File   string
	Unread int64 // bytes behind what can be read
}

// Read reads the newest log of a directory, and hands over each key that it sets.
func Read(fs vfs.FS, dir string, set func(key, value []byte)) (end End, err error) {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil || len(logs) == 0 {
		return end, err
	}
	log := logs[len(logs)-1]
	r := log.OpenForRead()
	defer func() { err = errors.Join(err, r.Close()) }()
	_, end.File = log.SegmentLocation(log.NumSegments() - 1)
	for {
		rec, at, err := r.NextRecord()
		switch {
		case errors.Is(err, io.EOF):
			return end, nil
		case record.IsInvalidRecord(err), errors.Is(err, record.ErrInvalidChunk), errors.Is(err, record.ErrZeroedChunk):
			end.Unread, err = behind(fs, end.File, at.Physical, uint32(log.Num)) //nolint:gosec // as the log itself does
			return end, err
		case err != nil:
			return end, err
		}
		b, err := io.ReadAll(rec)
		if err != nil {
			return end, err
		}
		sets(b, set)
	}
}

// sets hands over what a write of the log sets.
func sets(b []byte, set func(key, value []byte)) {
	if len(b) < batchrepr.HeaderLen {
		return
	}
	for r := batchrepr.Read(b); ; {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return
		}
		if kind == pebble.InternalKeyKindSet {
			set(key, value)
		}
	}
}

// behind returns how many bytes of a log follow a point from which on it cannot be read,
// 0 if only those that a log before it has left in the file, which is used again.
func behind(fs vfs.FS, name string, at int64, number uint32) (int64, error) {
	file, err := fs.Open(name)
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
