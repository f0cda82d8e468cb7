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
	"strconv"
	"strings"
	"syscall"
	"time"

	"mpblock/bench/days"
	"mpblock/bench/fga"
	"mpblock/bench/load"
	"mpblock/bench/process"
	"mpblock/internal/testserver"
)

// options bound what a run costs.
type options struct {
	rounds  int
	round   time.Duration
	entries []int // lengths of the lists that pages and batches are measured on
	small   bool
	only    []string
	bases   bool   // Redis, MariaDB and OpenFGA are measured too
	against string // binary of another build of mpblock, measured in the same turns; "": none
	imports int    // OpenIDs of an import
	tenants int    // accounts that share so many
	cache   int    // MiB, as given to the server; 0: its own default
	stores  string
	results string
	into    string // directory for profiles
}

// parts are what -only picks from: what is measured, what takes too long for that, and
// profiles.
var (
	measured = []string{"pages", "batches", "check", "feed", "replica", "start", "import", "size"}
	parts    = append(slices.Clone(measured), "large", "profiles")
)

func (o options) turns() load.Turns { return load.Turns{Rounds: o.rounds, Round: o.round} }

func (o options) does(part string) bool { return slices.Contains(o.only, part) }

// filledUpTo is the longest list that Redis and MariaDB are filled with. A longer
// one is there to show what mpblock costs at ten times as much.
const filledUpTo = 1_000_000

// middle is the length at which most targets are stated: the longest one that all
// programs have.
func (o options) middle() int {
	longest := 0
	for _, n := range o.entries {
		if n <= filledUpTo {
			longest = max(longest, n)
		}
	}
	return longest
}

// largest is the length that start and memory are measured on.
func (o options) largest() int { return slices.Max(o.entries) }

func main() {
	peer := flag.String("peer", "", "internal: serve as this peer")
	at := flag.String("at", "", "internal: what the peer serves from")
	database := flag.String("database", "", "internal: the peer's database")
	table := flag.Bool("days", false, "print one table of all results that are kept, and measure nothing")
	o, err := parse()
	fail(err)
	if *table {
		fail(days.Print(os.Stdout, o.results))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if *peer != "" {
		fail(servePeer(ctx, *peer, *at, *database))
		return
	}
	debug.SetGCPercent(400) // the load's own garbage is paid by the server on the same cores
	err = run(ctx, o)
	stop()
	fail(err)
}

// parse reads the options of the command line.
func parse() (o options, err error) {
	only := flag.String("only", strings.Join(measured, ","), "parts to run, of "+strings.Join(parts, ","))
	entries := flag.String("entries", "10000,1000000,10000000", "lengths of the lists for pages, batches and start, in multiples of 10000")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each measurement; the median counts")
	flag.DurationVar(&o.round, "round", time.Second, "length of a round")
	flag.BoolVar(&o.small, "small", false, "lists of 10000 and 100000, a tenth of the import")
	flag.BoolVar(&o.bases, "databases", true, "measure Redis, MariaDB and OpenFGA too")
	flag.IntVar(&o.cache, "cache-size", 0, "--cache-size of the server in MiB; 0: its default")
	flag.IntVar(&o.imports, "import", 1_000_000, "OpenIDs of the import, and over many accounts: a multiple of 20 for each of these")
	flag.IntVar(&o.tenants, "accounts", 10_000, "how many accounts are many")
	flag.StringVar(&o.against, "against", "", "binary of another build of mpblock, to be held against this one in the same turns, for pages and batches")
	flag.StringVar(&o.stores, "stores", "", "directory where filled stores are kept for the next run; none if empty")
	flag.StringVar(&o.into, "profiles", ".", "directory for profiles")
	flag.StringVar(&o.results, "results", "results", "directory for the results; none if empty")
	flag.Parse()
	if o.small {
		*entries, o.imports, o.tenants = "10000,100000", 100_000, 1000
	}
	o.only = strings.Split(*only, ",")
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			return o, fmt.Errorf("no part is called %q: they are %s", part, strings.Join(parts, ", "))
		}
	}
	for _, s := range strings.Split(*entries, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < pageSize || n%pageSize != 0 {
			return o, fmt.Errorf("a list of %q entries: want multiples of %d, such as -entries 10000,1000000", s, pageSize)
		}
		o.entries = append(o.entries, n)
	}
	if o.tenants < 1 || o.imports < 1 || o.imports%(o.tenants*batchSize) != 0 {
		return o, fmt.Errorf("%d OpenIDs over %d accounts: want a multiple of %d for each", o.imports, o.tenants, batchSize)
	}
	if o.rounds < 1 || o.round <= 0 {
		return o, errors.New("nothing is measured in no rounds: want -rounds 1 and -round 100ms, or more")
	}
	return o, nil
}

// resultsName is a name of its own for each day, and for each choice of parts.
func (o options) resultsName() string {
	name := time.Now().UTC().Format(time.DateOnly)
	if !slices.Equal(o.only, measured) {
		name += "-" + strings.Join(o.only, "-")
	}
	return name + ".txt"
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// needed fails before anything is measured if a program is missing.
func (o options) needed() (err error) {
	need := func(program, debian string) {
		_, missing := process.Need(program, debian)
		err = errors.Join(err, missing)
	}
	lists := o.does("pages") || o.does("batches")
	if lists {
		need("nginx", "nginx")
	}
	if o.bases && (lists || o.does("check")) {
		need("redis-server", "redis-server")
	}
	if o.bases && o.does("check") {
		err = errors.Join(err, fga.Need())
	}
	if o.bases && lists {
		need("mariadbd", "mariadb-server")
	}
	return err
}

func run(ctx context.Context, o options) (err error) {
	if err := o.needed(); err != nil {
		return err
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
		f, err := os.Create(filepath.Join(o.results, o.resultsName()))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // the table is on stdout too
		out = io.MultiWriter(out, f)
	}
	b.print(out)
	return nil
}
