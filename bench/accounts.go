package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mpblock"
	"mpblock/bench/load"
	"mpblock/bench/people"
	"mpblock/bench/process"
	"mpblock/internal/access"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

// tenant is one of many accounts.
type tenant struct {
	app    mpblock.AppID
	prefix mpblock.Prefix
	path   string // of its batches, token included
	pages  string // of its list
}

// accounts measures the import of as many OpenIDs over many accounts, and then
// start, memory, pages and batches of these.
func (b *bench) accounts(ctx context.Context) (err error) {
	dir := filepath.Join(b.dir, "accounts")
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tenants, err := b.addTenants(ctx, data)
	if err != nil {
		return err
	}
	server, err := b.startMpblock(dir, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := b.tokens(server.Addr, tenants); err != nil {
		return err
	}
	n := b.imports
	name := fmt.Sprintf(" over %d accounts", len(tenants))
	b.say("import of %d OpenIDs%s", n, name)
	s, err := load.Post(server.Addr, 64, load.Limit{Calls: uint64(n / batchSize)}, tenantBatches(tenants), batchCheck) //nolint:gosec // not negative
	if err != nil {
		return err
	}
	b.figure("import through the API"+name, n, fmt.Sprintf("%.0f OpenIDs/s", s.Rate*batchSize))
	if err := process.Settle(server.Cmd.Process.Pid); err != nil {
		return err
	}
	size, err := bytesOf(data)
	if err != nil {
		return err
	}
	b.figure("on disk"+name, n, fmt.Sprintf("%d MB, %.1f bytes an entry", size/1_000_000, float64(size)/float64(n)))
	if err := server.Stop(); err != nil {
		return err
	}
	if server, err = b.startMpblock(dir, data); err != nil {
		return err
	}
	b.figure("time to the ready line"+name, n, fmt.Sprintf("%.0f ms", server.Took.Seconds()*1000))
	return b.tenantCalls(server, tenants, n)
}

// tenantCalls measures pages and batches that go round all accounts.
func (b *bench) tenantCalls(server *process.Process, tenants []tenant, n int) error {
	each := n / len(tenants)
	pages := []load.Subject{{Name: "mpblock", Round: func(until load.Limit) (load.Sample, error) {
		return load.Post(server.Addr, 16, until, tenantPages(tenants), tenantCheck(each))
	}}}
	batches := []load.Subject{{Name: "mpblock", Round: func(until load.Limit) (load.Sample, error) {
		return load.Post(server.Addr, 64, until, tenantBatches(tenants), batchCheck)
	}}}
	b.say("pages and batches of %d accounts", len(tenants))
	samples, err := load.InTurns(b.turns(), pages)
	if err != nil {
		return err
	}
	b.rows(fmt.Sprintf("getblacklist, %d accounts of %d", len(tenants), each), n, 16, pages, samples)
	if samples, err = load.InTurns(b.turns(), batches); err != nil {
		return err
	}
	b.rows(fmt.Sprintf("batchblacklist, %d accounts of %d", len(tenants), each), n, 64, batches, samples)
	hwm, err := process.Value(server.Cmd.Process.Pid, "status", "VmHWM")
	b.figure(fmt.Sprintf("resident memory over %d accounts", len(tenants)), n, fmt.Sprintf("VmHWM %d MiB, --cache-size %d", hwm>>10, b.cache))
	return err
}

// addTenants adds the accounts to a new store, many at once.
func (b *bench) addTenants(ctx context.Context, data string) ([]tenant, error) {
	tenants := make([]tenant, b.tenants)
	b.say("adding %d accounts", len(tenants))
	store, err := pebblestore.Open(data, pebblestore.Options{})
	if err != nil {
		return nil, err
	}
	accounts, err := access.Open(ctx, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	_, err = load.Measure(64, load.Limit{Calls: uint64(len(tenants))}, func(_ int, n uint64) error {
		t := &tenants[n]
		binary.BigEndian.PutUint32(t.prefix[:], uint32(n+1)) //nolint:gosec // small
		t.app = mpblock.AppID(fmt.Sprintf("wx%016x", n+1))
		_, _, err := accounts.AddAccount(ctx, access.NewAccount{AppID: t.app, Secret: testserver.DemoSecret, Prefix: &t.prefix, AnyFollower: true})
		return err
	})
	return tenants, errors.Join(err, store.Close())
}

// tokens gets an access token for each account.
func (b *bench) tokens(addr string, tenants []tenant) error {
	conns := make([]*load.Conn, 16)
	for i := range conns {
		c, err := load.Dial(addr)
		if err != nil {
			return err
		}
		defer c.Close() //nolint:errcheck // it has been read from
		conns[i] = c
	}
	begin := time.Now()
	_, err := load.Measure(len(conns), load.Limit{Calls: uint64(len(tenants))}, func(caller int, n uint64) error {
		t := &tenants[n]
		c := conns[caller]
		c.Request = load.AppendPost(c.Request[:0], "/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":"%s","secret":"%s"}`, t.app, testserver.DemoSecret))
		body, err := c.Exchange(c.Request, true)
		if err != nil {
			return err
		}
		_, rest, found := strings.Cut(string(body), `"access_token":"`)
		token, _, ended := strings.Cut(rest, `"`)
		if !found || !ended {
			return fmt.Errorf("no access token but %.100q", body)
		}
		t.path = target{token: token}.path("batchblacklist")
		t.pages = target{token: token}.path("getblacklist")
		return nil
	})
	b.figure(fmt.Sprintf("first access tokens of %d accounts", len(tenants)), len(tenants), fmt.Sprintf("%.0f/s", float64(len(tenants))/time.Since(begin).Seconds()))
	return err
}

// tenantBatches goes round the accounts with 20 new OpenIDs each.
func tenantBatches(tenants []tenant) load.Requester {
	return func(b []byte, n uint64) []byte {
		t := &tenants[n%uint64(len(tenants))]
		return people.AppendBatch(load.AppendHead(b, t.path, batchLength), t.prefix, batchSize)
	}
}

func tenantPages(tenants []tenant) load.Requester {
	return func(b []byte, n uint64) []byte {
		return load.AppendPost(b, tenants[n*7919%uint64(len(tenants))].pages, `{"begin_openid":""}`)
	}
}

// tenantCheck holds a page to the length of its list.
func tenantCheck(each int) load.Checker {
	head := fmt.Sprintf(`{"total":%d,"count":%d,`, each, each)
	return func(_ uint64, body []byte, _ bool) error {
		if !strings.HasPrefix(string(body[:min(len(body), 60)]), head) {
			return fmt.Errorf("a page that begins with %.60q and not with %s", body, head)
		}
		return nil
	}
}
