// Command bench measures the real binary over loopback, beside what bounds it: a
// bare net/http handler that writes the same bytes from memory, and the embedded
// store without a server around it. Every pair is measured in the same run, in
// turns, and told as a ratio of medians. See README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mpblock/internal/testserver"
)

// options bound what a run costs.
type options struct {
	rounds  int
	round   time.Duration
	entries []int
	results string
}

func main() {
	bare := flag.String("bare", "", "internal: serve this file as the bare handler")
	rounds := flag.Int("rounds", 3, "rounds of each measurement; the median counts")
	round := flag.Duration("round", 2*time.Second, "length of a round")
	small := flag.Bool("small", false, "only the list of 10,000")
	results := flag.String("results", "results", "directory for the results, none if empty")
	flag.Parse()
	if *bare != "" {
		fail(serveBare(*bare))
		return
	}
	o := options{rounds: *rounds, round: *round, entries: []int{10_000, 1_000_000}, results: *results}
	if *small {
		o.entries = o.entries[:1]
	}
	fail(run(context.Background(), o))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// row is one line of the table.
type row struct {
	name     string
	entries  int
	conns    int
	got      sample // mpblock
	peer     sample // what it is held against
	peerName string
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "mpblock-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	binary, err := testserver.Build("..", dir)
	if err != nil {
		return err
	}
	var rows []row
	for _, entries := range o.entries {
		fmt.Fprintf(os.Stderr, "filling two stores with %d entries\n", entries)
		b := &bench{options: o, dir: filepath.Join(dir, fmt.Sprint(entries)), binary: binary, entries: entries}
		more, err := b.run(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	out := io.Writer(os.Stdout)
	if o.results != "" {
		f, err := os.Create(filepath.Join(o.results, time.Now().UTC().Format("2006-01-02")+".txt"))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // the table is on stdout too
		out = io.MultiWriter(out, f)
	}
	printTable(out, o, rows)
	return nil
}

func printTable(w io.Writer, o options, rows []row) {
	fmt.Fprintf(w, "%s\n\nMedians of %d rounds of %v, in turns; load and server on the same machine.\n\n", facts(), o.rounds, o.round)
	fmt.Fprintf(w, "| call | entries | conns | mpblock/s | p50 ms | p99 ms | held against | its /s | its p50 | its p99 | ratio |\n")
	fmt.Fprintf(w, "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %d | %d | %.0f | %s | %s | %s | %.0f | %s | %s | %.2f |\n",
			r.name, r.entries, r.conns, r.got.rate, ms(r.got.p50), ms(r.got.p99), r.peerName, r.peer.rate, ms(r.peer.p50), ms(r.peer.p99), r.got.rate/r.peer.rate)
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }

// sample is what a round, or the median of rounds, has measured.
type sample struct {
	rate     float64 // a second
	p50, p99 time.Duration
}

// inTurns measures two things alternately and returns the medians of each.
func inTurns(rounds int, a, b func() (sample, error)) (ma, mb sample, err error) {
	var as, bs []sample
	for range rounds {
		for _, m := range []struct {
			measure func() (sample, error)
			into    *[]sample
		}{{a, &as}, {b, &bs}} {
			s, err := m.measure()
			if err != nil {
				return ma, mb, err
			}
			*m.into = append(*m.into, s)
		}
	}
	return median(as), median(bs), nil
}

func median(s []sample) sample {
	pick := func(f func(sample) float64) float64 {
		v := make([]float64, len(s))
		for i := range s {
			v[i] = f(s[i])
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return sample{
		rate: pick(func(s sample) float64 { return s.rate }),
		p50:  time.Duration(pick(func(s sample) float64 { return float64(s.p50) })),
		p99:  time.Duration(pick(func(s sample) float64 { return float64(s.p99) })),
	}
}
