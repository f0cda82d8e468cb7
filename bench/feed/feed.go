// Package feed follows the changes of an account over many connections at once, as programs
// do, and measures when each of them hears of a change.
package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"mpblock/bench/load"
	"mpblock/internal/testserver"
)

// patience is how long all consumers together may take to hear of a change.
const patience = time.Minute

// Consumers follow the changes of the account, each over a stream of its own.
type Consumers struct {
	conns []*load.Conn
	heard chan time.Time
	lost  chan error
}

// Follow has so many consumers follow what changes from now on, and returns once all do.
func Follow(addr, token string, consumers int) (c *Consumers, err error) {
	c = &Consumers{heard: make(chan time.Time, consumers), lost: make(chan error, consumers)}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	ready := make(chan struct{}, consumers)
	for range consumers {
		one, err := load.Dial(addr)
		if err != nil {
			return c, err
		}
		c.conns = append(c.conns, one)
		if _, err := fmt.Fprintf(one, "GET /v1/accounts/%s/changes?after=now HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n", testserver.DemoAppID, token); err != nil {
			return c, err
		}
		go c.read(one, ready)
	}
	for range consumers {
		select {
		case <-ready:
		case err := <-c.lost:
			return c, err
		case <-time.After(patience):
			return c, errors.New("not all consumers follow after a minute")
		}
	}
	return c, nil
}

// read tells of each change that a consumer hears of.
func (c *Consumers) read(one *load.Conn, ready chan<- struct{}) {
	lines := bufio.NewReader(one)
	status, err := lines.ReadSlice('\n')
	if err == nil && !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		err = fmt.Errorf("a consumer was answered with %q", status)
	}
	for err == nil {
		var line []byte
		line, err = lines.ReadSlice('\n')
		switch {
		case bytes.HasPrefix(line, []byte("event: checkpoint")) && ready != nil: // the first: it is up to date
			ready <- struct{}{}
			ready = nil
		case bytes.HasPrefix(line, []byte("data: ")) && bytes.Contains(line, []byte(`"openids"`)):
			c.heard <- time.Now()
		}
	}
	c.lost <- err
}

// Times are how long after the call of a change was sent consumers have heard of it.
type Times struct{ First, Median, Last time.Duration }

// Hear makes a change and waits until all have heard of it.
func (c *Consumers) Hear(change func() error) (Times, error) {
	begin := time.Now()
	if err := change(); err != nil {
		return Times{}, err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	all := make([]time.Duration, 0, len(c.conns))
	for range c.conns {
		select {
		case at := <-c.heard:
			all = append(all, at.Sub(begin))
		case err := <-c.lost:
			return Times{}, fmt.Errorf("a consumer ended: %w", err)
		case <-late.C:
			return Times{}, fmt.Errorf("after a minute %d of %d consumers have heard of a change", len(all), len(c.conns))
		}
	}
	slices.Sort(all)
	return Times{all[0], all[len(all)/2], all[len(all)-1]}, nil
}

// Close ends all streams.
func (c *Consumers) Close() {
	for _, one := range c.conns {
		_ = one.Close()
	}
}
