package logend

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// leastChange is about how many bytes of a log the smallest change takes.
const leastChange = 100

// Changes is what the newest log of the store ends with.
type Changes struct {
	End
	app  mpblock.AppID
	last mpblock.Change // the last that can be read, without OpenIDs; Seq 0: none is in this log
}

// ReadChanges reads the newest log of the store in a directory to its end.
func ReadChanges(fs vfs.FS, dir string) (c Changes, err error) {
	c.End, err = Read(fs, dir, func(key, value []byte) {
		if len(key) == len(codec.ChangeKey("", 0))+mpblock.AppIDLen && key[0] == codec.ChangeKeys {
			c.app = mpblock.AppID(key[1 : 1+mpblock.AppIDLen])
			c.last, _, _ = codec.DecodeChangeHead(binary.BigEndian.Uint64(key[1+mpblock.AppIDLen:]), value)
		}
	})
	return c, err
}

// Tell says in the log of an end that cannot be read.
func (c *Changes) Tell(log *slog.Logger, dir string) {
	said := []any{"dir", dir, "file", c.File, "unread_bytes", c.Unread, "changes_at_most", c.most()}
	if c.last.Seq != 0 {
		said = append(said, "last_appid", c.app, "last_change", c.last.Seq, "last_time", c.last.Time.Format(time.RFC3339))
	}
	log.Warn("the end of the store's log cannot be read, as after a power cut in the middle of a write. If it was none, so many changes that were acknowledged may be lost with it: "+
		"compare the last change with what callers know, and go back to a backup where it is needed. The store opens as of that change", said...)
}

func (c *Changes) most() int64 { return c.Unread/leastChange + 1 }

// String says of an end that cannot be read what it is; "" if it can.
func (c *Changes) String() string {
	if c.Unread == 0 {
		return ""
	}
	behind := ""
	if c.last.Seq != 0 {
		behind = fmt.Sprintf(", behind change %d of account %s, made at %s", c.last.Seq, c.app, c.last.Time.Format(time.RFC3339))
	}
	return fmt.Sprintf("%d bytes at the end of %s cannot be read%s: after a crash or a power cut, a write that was not acknowledged; "+
		"if there was none, up to %d acknowledged changes are lost: go back to a backup", c.Unread, c.File, behind, c.most())
}

// Explain says where the log is damaged that Pebble has met with an error.
func (c *Changes) Explain(err error) error {
	return fmt.Errorf("%d bytes behind change %d of account %s cannot be read: %w", c.Unread, c.last.Seq, c.app, err)
}
