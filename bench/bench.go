package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/pebblestore"
	"mpblock/internal/platform"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
	"mpblock/internal/wire"
)

// bench measures with a blacklist of one length.
type bench struct {
	options
	dir     string
	binary  string
	entries int
	fresh   atomic.Uint64 // numbers OpenIDs that nobody has blocked yet
}

const pageSize = 10_000

func (b *bench) run(ctx context.Context) (rows []row, err error) {
	served, alone := filepath.Join(b.dir, "served"), filepath.Join(b.dir, "alone")
	for _, dir := range []string{served, alone} {
		if err := b.fill(ctx, dir); err != nil {
			return nil, err
		}
	}
	server, err := testserver.Start(b.binary, "serve", "--listen", "127.0.0.1:0", "--data", served)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	token, err := server.Token()
	if err != nil {
		return nil, err
	}
	pages, err := b.pages(server, token)
	if err != nil {
		return nil, err
	}
	store, err := pebblestore.Open(alone, pebblestore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	batches, err := b.batches(ctx, server, token, store)
	return append(pages, batches...), err
}

// fill makes a store with an account that takes any OpenID of its prefix, so that
// batches of new ones need no registration first.
func (b *bench) fill(ctx context.Context, dir string) error {
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		return err
	}
	p, err := platform.Open(ctx, store, platform.Options{})
	if err == nil {
		prefix := storetest.Numbered(0).Prefix()
		_, _, err = p.AddAccount(ctx, platform.NewAccount{
			AppID: testserver.DemoAppID, Secret: testserver.DemoSecret, Prefix: &prefix, AnyFollower: true,
		})
	}
	if err == nil {
		err = storetest.Fill(ctx, store, testserver.DemoAppID, b.entries)
	}
	return errors.Join(err, store.Close())
}

// pages measures getblacklist against a bare handler that writes the same bytes.
func (b *bench) pages(s *testserver.Server, token string) ([]row, error) {
	cursors, page, err := b.walk(s, token)
	if err != nil {
		return nil, err
	}
	bare, stop, err := b.startBare(page)
	if err != nil {
		return nil, err
	}
	defer stop()
	var rows []row
	for _, conns := range []int{1, 16} {
		l := newLoad(conns, b.round)
		body := func(n uint64) string { return `{"begin_openid":"` + cursors[n%uint64(len(cursors))] + `"}` }
		got, peer, err := inTurns(b.rounds,
			func() (sample, error) {
				return l.post(s.Base+"/cgi-bin/tags/members/getblacklist?access_token="+token, body, `"count":10000`)
			},
			func() (sample, error) { return l.post(bare, body, `"count":10000`) })
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{name: "getblacklist", entries: b.entries, conns: conns, got: got, peer: peer, peerName: "bare handler"})
	}
	return rows, nil
}

// walk returns the cursors of all full pages, and the bytes of the first.
func (b *bench) walk(s *testserver.Server, token string) (cursors []string, first []byte, err error) {
	for after := ""; ; {
		a, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":"`+after+`"}`)
		if err != nil {
			return nil, nil, err
		}
		if a.Count < pageSize {
			break
		}
		if first == nil {
			var ids []mpblock.OpenID
			for _, id := range a.Data.Openid {
				ids = append(ids, mpblock.OpenID([]byte(id)))
			}
			first = bytes.Join(wire.AppendPage(nil, mpblock.NewPage(ids, a.Total, 0)), nil)
		}
		cursors, after = append(cursors, after), a.Next
	}
	if len(cursors) != b.entries/pageSize {
		return nil, nil, fmt.Errorf("%d full pages, want %d", len(cursors), b.entries/pageSize)
	}
	return cursors, first, nil
}

// batches measures batchblacklist against the store without a server.
func (b *bench) batches(ctx context.Context, s *testserver.Server, token string, store mpblock.Store) ([]row, error) {
	var rows []row
	for _, conns := range []int{1, 64} {
		l := newLoad(conns, b.round)
		got, peer, err := inTurns(b.rounds,
			func() (sample, error) {
				return l.post(s.Base+"/cgi-bin/tags/members/batchblacklist?access_token="+token, func(uint64) string {
					ids := b.newOpenIDs()
					texts := make([]string, len(ids))
					for i, id := range ids {
						texts[i] = id.String()
					}
					return testserver.Batch(texts)
				}, `"errcode":0`)
			},
			func() (sample, error) {
				return l.measure(func(uint64) error {
					c, err := store.Apply(ctx, testserver.DemoAppID, mpblock.Batch{
						Action: mpblock.Block, OpenIDs: b.newOpenIDs(), Actor: mpblock.ActorAPI, Time: time.Now(),
					})
					if err == nil && len(c.OpenIDs) != platform.MaxList {
						err = fmt.Errorf("%d were blocked, want %d", len(c.OpenIDs), platform.MaxList)
					}
					return err
				})
			})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{name: "batchblacklist", entries: b.entries, conns: conns, got: got, peer: peer, peerName: "the store alone"})
	}
	return rows, nil
}

func (b *bench) newOpenIDs() []mpblock.OpenID {
	first := 1<<40 + b.fresh.Add(platform.MaxList)
	ids := make([]mpblock.OpenID, platform.MaxList)
	for i := range ids {
		ids[i] = storetest.Numbered(first + uint64(i))
	}
	return ids
}

// startBare starts this program again as the bare handler, so that it has a
// process of its own as mpblock has.
func (b *bench) startBare(page []byte) (url string, stop func(), err error) {
	file := filepath.Join(b.dir, "page.json")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		return "", nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, "-bare", file) //nolint:gosec // this very program
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the bare handler: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// serveBare is the bare handler: the same bytes for every request, from memory.
func serveBare(file string) error {
	page, err := os.ReadFile(file) //nolint:gosec // written by the parent
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	length := strconv.Itoa(len(page))
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; encoding=utf-8")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(page)
	})}
	return s.Serve(l)
}
