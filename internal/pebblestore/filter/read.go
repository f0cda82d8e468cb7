package filter

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/known"
)

// readAtOnce is how many OpenIDs are read through one iterator, which keeps alive what the
// store would do without.
const readAtOnce = 10_000

// Read adds to a filter what an account knows, and has it shown. The filter is given up
// where that cannot be read, or stop is closed.
func (f *Filter) Read(db *pebble.DB, app mpblock.AppID, stop <-chan struct{}) {
	last := mpblock.OpenID(bytes.Repeat([]byte{0xff}, mpblock.OpenIDLen))
	var after mpblock.OpenID
	ids := make([]mpblock.OpenID, readAtOnce)
	for n := readAtOnce; n == readAtOnce; {
		select {
		case <-stop:
			f.GiveUp()
			return
		default:
		}
		w, err := known.New(context.Background(), db, app, after, last)
		if err != nil {
			f.GiveUp()
			return
		}
		n = 0
		for id, _, ok := w.Next(); ok; id, _, ok = w.Next() {
			ids[n], after = id, id
			if n++; n == readAtOnce {
				break
			}
		}
		if w.Close() != nil {
			f.GiveUp()
			return
		}
		f.Add(ids[:n])
	}
	f.Show()
}
