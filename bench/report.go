package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"mpblock/bench/disk"
	"mpblock/bench/fga"
	"mpblock/bench/load"
	"mpblock/bench/peer"
	"mpblock/internal/testserver"
)

// report is what a run has found.
type report struct {
	table   []row
	figures [][3]string // what, entries, value
	goals   []goal
}

// row is one line of the table: one program, measured as one thing.
type row struct {
	what        string
	entries     int
	conns       int
	program     string
	load.Sample // with the ratio of mpblock to this one
}

// goal is something that was to be reached, and whether it was.
type goal struct {
	what, got, want string
	met             bool
}

// rows keeps what was measured in turns, mpblock first.
func (r *report) rows(what string, entries, conns int, subjects []load.Subject, samples []load.Sample) {
	for i, s := range subjects {
		r.table = append(r.table, row{what: what, entries: entries, conns: conns, program: s.Name, Sample: samples[i]})
	}
}

func (r *report) figure(what string, entries int, value string) {
	r.figures = append(r.figures, [3]string{what, fmt.Sprint(entries), value})
}

// atLeast and atMost keep a goal.
func (r *report) atLeast(what string, got, want float64) {
	r.goals = append(r.goals, goal{what, number(got), fmt.Sprintf("at least %g", want), got >= want})
}

func (r *report) atMost(what string, got, want float64, unit string) {
	r.goals = append(r.goals, goal{what, number(got) + unit, fmt.Sprintf("at most %g%s", want, unit), got <= want})
}

// number writes a number with as many digits as mean something.
func number(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// find returns a row of the table.
func (r *report) find(what string, entries, conns int, program string) (row, bool) {
	for _, one := range r.table {
		if one.what == what && one.entries == entries && one.conns == conns && one.program == program {
			return one, true
		}
	}
	return row{}, false
}

// targets holds what was measured to what was to be reached.
func (b *bench) targets() {
	ratio := func(what string, entries, conns int, program string, want float64) {
		if one, found := b.find(what, entries, conns, program); found {
			b.atLeast(fmt.Sprintf("%s, %d entries, %d connections: mpblock ÷ %s%s", what, entries, conns, program, b.bound(one)), one.Ratio, want)
		}
	}
	ratio(pagesName, b.middle(), 1, bareName, 0.9)
	ratio(pagesName, b.middle(), 16, bareName, 0.92)
	ratio(changedName+" by 1", b.middle(), 16, "bare handler, undisturbed", 0.75)
	ratio(changedName+" by 20", b.middle(), 16, "bare handler, undisturbed", 0.6)
	short, some := b.find(pagesName, slices.Min(b.entries), 16, "mpblock")
	long, more := b.find(pagesName, b.largest(), 16, "mpblock")
	if some && more {
		b.atMost(fmt.Sprintf("a page of %d entries costs what one of %d does, times", b.largest(), slices.Min(b.entries)), short.Rate/long.Rate, 1.2, "")
	}
	ratio(batchName, b.middle(), 1, aloneName, 0.8)
	ratio(batchName, b.middle(), 64, aloneName, 0.7)
	ratio(batchName, b.middle(), 64, "Redis", 1.5)
	ratio(batchName, b.middle(), 64, "MariaDB", 3)
	ratio(batchName, b.middle(), 1, disk.Append, 0.8)
	ratio(batchName, b.middle(), 1, disk.Overwrite, 0.8)
	b.checkGoals()
	for _, one := range b.table {
		underLoad := one.conns >= 16 && one.entries == b.middle() && (one.what == batchName || strings.HasPrefix(one.what, pagesName))
		if underLoad && one.program == "mpblock" {
			b.atMost(fmt.Sprintf("%s, %d entries, %d connections: p99 ÷ median%s", one.what, one.entries, one.conns, b.noise(one)), one.Spread(), 5, "")
		}
	}
}

// bound tells what the best of servers could come to beside what a batch waits for:
// one that does it behind what the bare handler does, and nothing else.
func (b *bench) bound(one row) string {
	if one.what != batchName || !slices.Contains([]string{aloneName, disk.Append, disk.Overwrite}, one.program) {
		return ""
	}
	bare, found := b.find(one.what, one.entries, one.conns, bareName)
	if !found {
		return ""
	}
	return fmt.Sprintf(" (the bare handler and it, one after the other: %.2f)", bare.Rate/(bare.Rate+one.Rate))
}

// noise tells what the machine does to those that have nothing to wait for.
func (b *bench) noise(one row) string {
	for _, program := range []string{"bare handler, undisturbed", bareName, aloneName} {
		if r, found := b.find(one.what, one.entries, one.conns, program); found {
			return fmt.Sprintf(" (%s: %.1f)", program, r.Spread())
		}
	}
	return ""
}

// print prints the run, the goals and what is slower than a peer first.
func (b *bench) print(w io.Writer) {
	b.targets()
	fmt.Fprintf(w, "%s\n\nMedians of %d rounds of %v, in turns; a ratio is the median of those within a round; load and servers on the same machine. The run took %.0f s.\n",
		strings.Join(b.facts(), "\n"), b.rounds, b.round, time.Since(b.began).Seconds())
	b.printDisturbed(w)
	b.printSlower(w)
	if len(b.goals) > 0 {
		fmt.Fprint(w, "\n| wanted | measured | target | |\n|---|---:|---:|---|\n")
		for _, g := range b.goals {
			met := "met"
			if !g.met {
				met = "NOT MET"
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", g.what, g.got, g.want, met)
		}
	}
	if len(b.table) > 0 {
		fmt.Fprint(w, "\n| measured | entries | conns | program | calls/s | p50 ms | p99 ms | p99 ÷ p50 | changes/s | mpblock ÷ this | others, % |\n|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---|\n")
		for _, r := range b.table {
			ratio, changes := "", ""
			if r.program != "mpblock" {
				ratio = fmt.Sprintf("%.2f", r.Ratio)
			}
			if r.Changes > 0 {
				changes = fmt.Sprintf("%.0f", r.Changes)
			}
			fmt.Fprintf(w, "| %s | %d | %d | %s | %.0f | %s | %s | %.1f | %s | %s | %s |\n",
				r.what, r.entries, r.conns, r.program, r.Rate, ms(r.P50), ms(r.P99), r.Spread(), changes, ratio, strings.Trim(fmt.Sprint(r.Others), "[]"))
		}
	}
	if len(b.figures) > 0 {
		fmt.Fprint(w, "\n| measured | entries | |\n|---|---:|---|\n")
		for _, f := range b.figures {
			fmt.Fprintf(w, "| %s | %s | %s |\n", f[0], f[1], f[2])
		}
	}
}

// printDisturbed says how much of the run was measured while others took the machine.
func (b *bench) printDisturbed(w io.Writer) {
	rounds, disturbed := 0, 0
	for _, r := range b.table {
		for _, o := range r.Others {
			rounds++
			if o.Disturbed() {
				disturbed++
			}
		}
	}
	fmt.Fprintf(w, "The last column is what others took of the cores in each round, other programs and the machine's host. Disturbed rounds, of more than 10 %%, bear a mark: %d of %d.\n", disturbed, rounds)
}

// printSlower says first where another program is faster.
func (b *bench) printSlower(w io.Writer) {
	var slower []string
	for _, r := range b.table {
		if r.program != "mpblock" && r.Ratio < 1 {
			slower = append(slower, fmt.Sprintf("- %s, %d entries, %d connections: %.2f of %s", r.what, r.entries, r.conns, r.Ratio, r.program))
		}
	}
	if len(slower) > 0 {
		fmt.Fprintf(w, "\nWhere mpblock is slower than what it is held against:\n%s\n", strings.Join(slower, "\n"))
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/1e6) }

// facts describes the machine and the programs.
func (b *bench) facts() []string {
	line := func(name string, command ...string) string {
		out, err := exec.Command(command[0], command[1:]...).Output() //nolint:gosec // constants
		if err != nil {
			return name + ": not known"
		}
		return name + ": " + strings.TrimSpace(string(out))
	}
	facts := []string{
		"date: " + time.Now().UTC().Format(time.DateOnly),
		line("commit", "git", "rev-parse", "--short", "HEAD"),
		fmt.Sprintf("go: %s %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		line("cpu", "sh", "-c", "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1"),
		line("memory", "sh", "-c", "awk '/MemTotal/ {printf \"%.0f GiB\", $2/1048576}' /proc/meminfo"),
		line("kernel", "uname", "-r"),
		line("file system", "stat", "-f", "-c", "%T", os.TempDir()),
		fmt.Sprintf("mpblock: serve --cache-size %d, account %s takes any follower", b.cache, testserver.DemoAppID),
	}
	facts = append(append(facts, peer.Facts()...), fga.Facts())
	return append(facts, "nginx: "+peer.Version("nginx", "-v")+"; "+nginxSettings)
}
