package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"mpblock/bench/load"
	"mpblock/bench/process"
)

const walkers = 100

// start measures how long the server takes to be ready, what it keeps in memory
// while many clients walk the whole list, and what the list takes on disk.
func (l *list) start(ctx context.Context) error {
	if err := l.diskBytes("served"); err != nil {
		return err
	}
	if err := l.restart("after a clean stop", l.server.Stop); err != nil {
		return err
	}
	if err := l.walkMemory(ctx); err != nil {
		return err
	}
	// Writes until the moment of the kill leave a log to be replayed.
	token, err := accessToken(l.server.Addr)
	if err != nil {
		return err
	}
	s, err := batchRound(target{name: "mpblock", addr: l.server.Addr, token: token}, 64, load.Limit{Time: l.round})
	if err != nil {
		return err
	}
	before, err := total(l.server.Addr, token)
	if err != nil {
		return err
	}
	if err := l.restart(fmt.Sprintf("after SIGKILL behind %d batches", s.Calls), l.server.Kill); err != nil {
		return err
	}
	after, err := total(l.server.Addr, token)
	if err == nil && after != before {
		err = fmt.Errorf("%d entries before the kill, %d after it", before, after)
	}
	return err
}

// restart ends the server in some way and measures the start after it.
func (l *list) restart(how string, end func() error) error {
	l.say("start on %d entries %s", l.entries, how)
	if err := end(); err != nil {
		return err
	}
	var err error
	if l.server, err = l.startMpblock(l.dir, filepath.Join(l.dir, "served")); err != nil {
		return err
	}
	seconds := l.server.Took.Seconds()
	l.figure("time to the ready line "+how, l.entries, fmt.Sprintf("%.0f ms", seconds*1000))
	l.atMost(fmt.Sprintf("start on %d entries %s", l.entries, how), seconds, 0.5, " s")
	begin := time.Now()
	token, err := accessToken(l.server.Addr)
	if err == nil {
		_, err = total(l.server.Addr, token)
	}
	l.figure("first token and first page "+how, l.entries, fmt.Sprintf("%.0f ms", time.Since(begin).Seconds()*1000))
	return err
}

// walkMemory has clients walk the whole list at once, each from another place, and
// watches the server's memory.
func (l *list) walkMemory(ctx context.Context) error {
	l.say("%d clients walk %d entries", walkers, l.entries)
	token, err := accessToken(l.server.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	peak := watchMemory(ctx, l.server.Cmd.Process.Pid)
	begin := time.Now()
	errs := make([]error, walkers+1)
	var wg sync.WaitGroup
	for w := range walkers {
		wg.Go(func() { errs[w] = l.walk(target{addr: l.server.Addr, token: token}, w) })
	}
	wg.Wait()
	took := time.Since(begin)
	cancel()
	rss, err := peak()
	errs[walkers] = err
	if err := errors.Join(errs...); err != nil {
		return err
	}
	hwm, err := process.Value(l.server.Cmd.Process.Pid, "status", "VmHWM")
	if err != nil {
		return err
	}
	pages := float64(walkers * l.entries / pageSize)
	over := float64(rss)/1024 - float64(l.cache)
	l.figure(fmt.Sprintf("%d full walks at once", walkers), l.entries, fmt.Sprintf("%.1f s, %.0f pages/s", took.Seconds(), pages/took.Seconds()))
	l.figure("resident memory meanwhile", l.entries, fmt.Sprintf("highest VmRSS %d MiB, VmHWM %d MiB, --cache-size %d: %.0f MiB above it", rss>>10, hwm>>10, l.cache, over))
	l.atMost(fmt.Sprintf("resident memory over --cache-size, %d walks of %d entries at once", walkers, l.entries), float64(hwm)/1024-float64(l.cache), 150, " MiB")
	return nil
}

// walk reads every page once and holds its end to the list.
func (l *list) walk(t target, from int) error {
	c, err := load.Dial(t.addr)
	if err != nil {
		return err
	}
	defer c.Close()             //nolint:errcheck // it has been read from
	pages := int(l.fullPages()) //nolint:gosec // not negative
	for i := range pages {
		at := (i + from*pages/walkers) % pages
		cursor := ""
		if at > 0 {
			cursor = l.ids[at*pageSize-1].String()
		}
		c.Request = load.AppendPost(c.Request[:0], t.path("getblacklist"), `{"begin_openid":"`+cursor+`"}`)
		body, err := c.Exchange(c.Request, true)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(body, []byte(`{"total":`)) {
			return fmt.Errorf("a page that begins with %.100q", body)
		}
		if l.does("batches") { // the list has grown between its first entries
			if err := l.checkChanging(at*pageSize, body); err != nil {
				return err
			}
			continue
		}
		last := l.ids[(at+1)*pageSize-1]
		if !bytes.HasSuffix(body, append([]byte(`"next_openid":"`), append(last[:], `"}`...)...)) {
			return fmt.Errorf("a page that ends with %.60q and not with %s", body[len(body)-60:], last)
		}
	}
	return nil
}

// watchMemory reads the resident memory of a process ten times a second until its
// context ends, and then tells the highest, in KiB.
func watchMemory(ctx context.Context, pid int) (peak func() (int64, error)) {
	var highest int64
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			rss, err := process.Value(pid, "status", "VmRSS")
			if err != nil {
				failed = err
				return
			}
			highest = max(highest, rss)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() (int64, error) {
		<-done
		return highest, failed
	}
}

// diskBytes measures what a data directory takes.
func (l *list) diskBytes(name string) error {
	size, err := bytesOf(filepath.Join(l.dir, name))
	l.figure("on disk, with history and log", l.entries, fmt.Sprintf("%d MB, %.1f bytes an entry", size/1_000_000, float64(size)/float64(l.entries)))
	return err
}

func bytesOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the store has replaced it meanwhile
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
