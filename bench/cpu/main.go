// Program cpu tells what a durable batch of 20 OpenIDs costs a server of the cores: CPU time
// and context switches, of several binaries in turns. CPU time depends less on what else
// the machine does than rates do; hold binaries of one run against each other.
//
//	go run ./cpu -conns 1,64 BINARY...
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mpblock/bench/load"
	"mpblock/bench/people"
	"mpblock/bench/process"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

func main() {
	conns := flag.String("conns", "1,64", "numbers of connections")
	entries := flag.Uint64("entries", 200_000, "of the list, before anything is measured")
	rounds := flag.Int("rounds", 8, "of each binary")
	calls := flag.Uint64("calls", 3_000, "batches of a round")
	flag.Parse()
	if err := measure(flag.Args(), *conns, *entries, *rounds, *calls); err != nil {
		fmt.Fprintln(os.Stderr, "cpu:", err)
		os.Exit(1)
	}
}

// server is a binary that is measured.
type server struct {
	*process.Process
	head []byte // of a request
}

func measure(binaries []string, conns string, entries uint64, rounds int, calls uint64) (err error) {
	dir, err := os.MkdirTemp("", "mpblock-cpu-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var servers []server
	for i, binary := range binaries {
		s, err := start(dir, strconv.Itoa(i), binary)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		if err := s.batches(64, entries/lists.MaxBatch+1); err != nil {
			return err
		}
		servers = append(servers, s)
	}
	for _, text := range strings.Split(conns, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		if err := inTurns(servers, n, rounds, calls); err != nil {
			return err
		}
	}
	return nil
}

func start(dir, name, binary string) (s server, err error) {
	data := filepath.Join(dir, name)
	if err := makeAccount(data); err != nil {
		return s, err
	}
	if s.Process, err = process.Serve(dir, "server"+name, binary, "serve", "--listen", "127.0.0.1:0", "--data", data); err != nil {
		return s, err
	}
	res, err := http.Get("http://" + s.Addr + "/cgi-bin/token?grant_type=client_credential&appid=" + testserver.DemoAppID + "&secret=" + testserver.DemoSecret)
	if err != nil {
		return s, err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil || t.AccessToken == "" {
		return s, fmt.Errorf("%s gave no access token: %w", binary, err)
	}
	path := "/cgi-bin/tags/members/batchblacklist?access_token=" + t.AccessToken
	s.head = load.AppendHead(nil, path, len(people.AppendBatch(nil, people.Prefix, lists.MaxBatch)))
	return s, nil
}

// makeAccount makes a data directory with an account that takes any OpenID of the load.
func makeAccount(data string) (err error) {
	store, err := pebblestore.Open(data, pebblestore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctx := context.Background()
	accounts, err := access.Open(ctx, store)
	if err != nil {
		return err
	}
	prefix := people.Prefix
	_, _, err = accounts.AddAccount(ctx, access.NewAccount{AppID: testserver.DemoAppID, Secret: testserver.DemoSecret, Prefix: &prefix, AnyFollower: true})
	return errors.Join(err, accounts.Close(ctx))
}

func (s server) batches(conns int, calls uint64) error {
	_, err := load.Post(s.Addr, conns, load.Limit{Calls: calls}, func(b []byte, _ uint64) []byte {
		return people.AppendBatch(append(b, s.head...), people.Prefix, lists.MaxBatch)
	}, func(_ uint64, body []byte, _ bool) error {
		if !bytes.HasPrefix(body, []byte(`{"errcode":0,`)) {
			return fmt.Errorf("a batch was answered with %.100q", body)
		}
		return nil
	})
	return err
}

// inTurns measures each server in each round, after one that does not count.
func inTurns(servers []server, conns, rounds int, calls uint64) error {
	times, switches := make([][]float64, len(servers)), make([][]float64, len(servers))
	for round := range rounds + 1 {
		for k := range servers {
			i := (k + round) % len(servers)
			time, switched, err := servers[i].spent()
			if err == nil {
				err = servers[i].batches(conns, calls)
			}
			if err != nil {
				return err
			}
			timeAfter, switchedAfter, err := servers[i].spent()
			if err != nil {
				return err
			}
			if round > 0 {
				times[i] = append(times[i], (timeAfter-time)/1e3/float64(calls))
				switches[i] = append(switches[i], (switchedAfter-switched)/float64(calls))
			}
		}
	}
	for i, s := range servers {
		slices.Sort(times[i])
		slices.Sort(switches[i])
		fmt.Printf("%2d connections: a batch takes %.0f µs of CPU (least %.0f, most %.0f), %.1f context switches: %s\n",
			conns, times[i][rounds/2], times[i][0], times[i][rounds-1], switches[i][rounds/2], s.Cmd.Path)
	}
	return nil
}

// spent returns the nanoseconds of CPU that a process has had, and how often it was
// switched away from; of threads that are there.
func (s server) spent() (ns, switches float64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", s.Cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, task := range tasks {
		times, err := os.ReadFile(filepath.Join(task, "schedstat")) //nolint:gosec // of the kernel
		if err != nil {
			return 0, 0, err
		}
		ran, _, _ := strings.Cut(string(times), " ")
		n, err := strconv.ParseFloat(ran, 64)
		if err != nil {
			return 0, 0, err
		}
		ns += n
		status, err := os.ReadFile(filepath.Join(task, "status")) //nolint:gosec // of the kernel
		if err != nil {
			return 0, 0, err
		}
		for line := range strings.Lines(string(status)) {
			if name, value, _ := strings.Cut(line, ":"); strings.HasSuffix(name, "ctxt_switches") {
				n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if err != nil {
					return 0, 0, err
				}
				switches += n
			}
		}
	}
	return ns, switches, nil
}
