package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/storetest"
)

const (
	changesWanted = 1000 // a second
	changers      = 64   // connections, so that a slow answer holds up none of the next
)

// changer changes a list at a steady pace over the API: each of its connections
// blocks OpenIDs that are new, and unblocks the same with its next call, so that
// the list keeps its length.
type changer struct {
	target
	list *list
	size int

	begin   time.Time
	wg      sync.WaitGroup
	over    atomic.Bool
	due     atomic.Uint64
	done    atomic.Uint64
	failure atomic.Pointer[error]
}

func (c *changer) start() error {
	conns := make([]*conn, changers)
	for i := range conns {
		one, err := dial(c.addr)
		if err != nil {
			return err
		}
		conns[i] = one
	}
	c.begin = time.Now()
	for _, one := range conns {
		c.wg.Go(func() {
			defer one.Close() //nolint:errcheck // it has been read from
			if err := c.run(one); err != nil {
				c.failure.CompareAndSwap(nil, &err)
			}
		})
	}
	return nil
}

// run makes every change that falls to this connection when its time has come, and
// leaves nothing blocked behind.
func (c *changer) run(one *conn) error {
	var blocked []byte
	for !c.over.Load() {
		due := c.begin.Add(time.Duration(c.due.Add(1)-1) * time.Second / changesWanted) //nolint:gosec // small
		time.Sleep(time.Until(due))
		call := "batchunblacklist"
		if blocked == nil {
			call = "batchblacklist"
			blocked = appendBatch(nil, accountPrefix, c.size)
		}
		if err := c.change(one, call, blocked); err != nil {
			return err
		}
		if c.done.Add(1); call == "batchunblacklist" {
			blocked = nil
		}
	}
	if blocked == nil {
		return nil
	}
	return c.change(one, "batchunblacklist", blocked)
}

func (c *changer) change(one *conn, call string, body []byte) error {
	one.request = append(appendHead(one.request[:0], c.path(call), len(body)), body...)
	answer, err := one.exchange(one.request, false)
	if err == nil && !bytes.HasPrefix(answer, []byte(`{"errcode":0,`)) {
		err = fmt.Errorf("a change was answered with %.100q", answer)
	}
	return err
}

// stop returns how many changes a second were made until now.
func (c *changer) stop() (rate float64, err error) {
	rate = float64(c.done.Load()) / time.Since(c.begin).Seconds()
	c.over.Store(true)
	c.wg.Wait()
	if failure := c.failure.Load(); failure != nil {
		return rate, fmt.Errorf("change: %w", *failure)
	}
	if rate == 0 {
		return rate, errors.New("not one change was made")
	}
	return rate, nil
}

// appendBatch appends the body of a batch of OpenIDs that nobody has blocked yet.
func appendBatch(b []byte, prefix mpblock.Prefix, size int) []byte {
	first := fresh.Add(uint64(size)) //nolint:gosec // not negative
	b = append(b, `{"openid_list":[`...)
	for i := range size {
		id := newOpenID(prefix, first+uint64(i))
		b = append(b, '"')
		b = append(b, id[:]...)
		b = append(b, `",`...)
	}
	return append(b[:len(b)-1], `]}`...)
}

// accountPrefix is that of the account whose list is measured.
var accountPrefix = storetest.Numbered(0).Prefix()

// newOpenIDs returns OpenIDs that nobody has blocked yet.
func newOpenIDs(size int) []mpblock.OpenID {
	first := fresh.Add(uint64(size)) //nolint:gosec // not negative
	ids := make([]mpblock.OpenID, size)
	for i := range ids {
		ids[i] = newOpenID(accountPrefix, first+uint64(i))
	}
	return ids
}
