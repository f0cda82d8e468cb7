package lists

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/storetest"
)

// The blacklist's rows take two reads, however many changes they are of.
func TestEntriesOnASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(t, 100)
		for i := range l.ids {
			l.apply(mpblock.Block, "api", fmt.Sprint("reason ", i), i, i+1)
		}
		slow := storetest.NewSlow(l.svc.store, time.Second)
		l.on(slow)
		for byID, most := range map[bool]int{true: 2, false: 4} {
			before := reads(slow)
			page, err := l.svc.Entries(t.Context(), l.app, EntryQuery{ByID: byID, Limit: MaxRows})
			if err != nil || len(page.Rows) != 100 {
				t.Fatal(len(page.Rows), err)
			}
			for _, row := range page.Rows {
				if want := fmt.Sprint("reason ", l.index(row.OpenID)); row.Reason != want || row.Seq == 0 {
					t.Errorf("%+v, want %s", row, want)
				}
			}
			if n := reads(slow) - before; n > most {
				t.Errorf("by OpenID %t: %d reads, want at most %d", byID, n, most)
			}
		}
	})
}

// reads returns how often a store was asked for states and changes.
func reads(slow *storetest.Slow) int {
	calls := slow.Calls()
	return calls["States"] + calls["ChangeHeads"] + calls["ChangesOf"] + calls["Changes"]
}
