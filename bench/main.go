// Command bench measures the real binary over loopback, beside what bounds it and
// beside what a user would build instead: a bare net/http handler that writes the
// same bytes from memory, nginx that sends them as a file, the same API over Redis
// and over MariaDB, the embedded store without a server, and the machine's own
// fdatasync. All that is held against each other is measured in the same run, in
// turns, and told as a ratio of medians. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"mpblock/internal/testserver"
)

// options bound what a run costs.
type options struct {
	rounds  int
	round   time.Duration
	small   bool
	only    []string
	cache   int // MiB, as given to the server; 0: its own default
	stores  string
	results string
}

// parts are what -only picks from.
var parts = []string{"pages", "batches", "start", "import", "size"}

func (o options) does(part string) bool { return slices.Contains(o.only, part) }

// sizes are the lengths of the lists that pages and batches are measured on. Redis
// and MariaDB are filled with the first two: the last is there to show what
// mpblock costs at ten times as much.
func (o options) sizes() []int {
	if o.small {
		return []int{10_000, 100_000}
	}
	return []int{10_000, 1_000_000, 10_000_000}
}

// middle is the size at which most targets are stated, largest the one that start
// and memory are measured on.
func (o options) middle() int { return o.sizes()[1] }

func (o options) largest() int { return o.sizes()[len(o.sizes())-1] }

// imported is how many OpenIDs an import has.
func (o options) imported() int {
	if o.small {
		return 100_000
	}
	return 1_000_000
}

func main() {
	var o options
	only := flag.String("only", strings.Join(parts, ","), "parts to run")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement; the median counts")
	flag.DurationVar(&o.round, "round", 2*time.Second, "length of a round")
	flag.BoolVar(&o.small, "small", false, "lists of 10,000 and 100,000 only")
	flag.IntVar(&o.cache, "cache-size", 0, "--cache-size of the server in MiB; 0: its default")
	flag.StringVar(&o.stores, "stores", "", "directory where filled stores are kept for the next run; none if empty")
	flag.StringVar(&o.results, "results", "results", "directory for the results; none if empty")
	peer := flag.String("peer", "", "internal: serve as this peer")
	at := flag.String("at", "", "internal: what the peer serves from")
	database := flag.String("database", "", "internal: the peer's database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if *peer != "" {
		fail(servePeer(ctx, *peer, *at, *database))
		return
	}
	o.only = strings.Split(*only, ",")
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			fail(fmt.Errorf("no part is called %q: they are %s", part, strings.Join(parts, ", ")))
		}
	}
	if o.rounds < 1 || o.round <= 0 {
		fail(errors.New("nothing is measured in no rounds: want -rounds 1 and -round 100ms, or more"))
	}
	debug.SetGCPercent(400) // the load's own garbage is paid by the server on the same cores
	err := run(ctx, o)
	stop()
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.does("pages") || o.does("batches") {
		for program, debian := range map[string]string{"redis-server": "redis-server", "nginx": "nginx", "mariadbd": "mariadb-server"} {
			if _, err := need(program, debian); err != nil {
				return err
			}
		}
	}
	dir, err := os.MkdirTemp("", "mpblock-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir, began: time.Now()}
	if b.binary, err = testserver.Build("..", dir); err != nil {
		return err
	}
	if b.stores = o.stores; b.stores == "" {
		b.stores = filepath.Join(dir, "stores")
	}
	if err := b.cacheSize(); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	out := io.Writer(os.Stdout)
	if o.results != "" {
		f, err := os.Create(filepath.Join(o.results, time.Now().UTC().Format(time.DateOnly)+".txt"))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // the table is on stdout too
		out = io.MultiWriter(out, f)
	}
	b.print(out)
	return nil
}
