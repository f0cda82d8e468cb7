package logend

import (
	"encoding/binary"
	"fmt"
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

// Said returns what the log is to say of an end that cannot be read.
func (c *Changes) Said(dir string) []any {
	said := []any{"dir", dir, "file", c.File, "unread_bytes", c.Unread, "changes_at_most", c.Unread/leastChange + 1}
	if c.last.Seq != 0 {
		said = append(said, "last_appid", c.app, "last_change", c.last.Seq, "last_time", c.last.Time.Format(time.RFC3339))
	}
	return said
}

// Explain says where the log is damaged that Pebble has met with an error.
func (c *Changes) Explain(err error) error {
	return fmt.Errorf("%d bytes behind change %d of account %s cannot be read: %w", c.Unread, c.last.Seq, c.app, err)
}
