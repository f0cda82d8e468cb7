package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mpblock/bench/load"
	"mpblock/bench/people"
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
	conns := make([]*load.Conn, changers)
	for i := range conns {
		one, err := load.Dial(c.addr)
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
func (c *changer) run(one *load.Conn) error {
	var blocked []byte
	for !c.over.Load() {
		due := c.begin.Add(time.Duration(c.due.Add(1)-1) * time.Second / changesWanted) //nolint:gosec // small
		time.Sleep(time.Until(due))
		call := "batchunblacklist"
		if blocked == nil {
			call = "batchblacklist"
			blocked = people.AppendBatch(nil, people.Prefix, c.size)
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

func (c *changer) change(one *load.Conn, call string, body []byte) error {
	one.Request = append(load.AppendHead(one.Request[:0], c.path(call), len(body)), body...)
	answer, err := one.Exchange(one.Request, false)
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
