// Package days puts the ratios of all runs whose results are kept into one table, so that
// it is seen what counts on every day and what one good day had.
package days

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ratio is what is compared: mpblock's rate to that of another program.
type ratio struct{ what, entries, conns, program string }

// wanted are the ratios that targets are stated of.
var wanted = []ratio{
	{"getblacklist", "1000000", "1", "bare handler"},
	{"getblacklist", "1000000", "16", "bare handler"},
	{"getblacklist, list changes by 1", "1000000", "16", "bare handler, undisturbed"},
	{"getblacklist, list changes by 20", "1000000", "16", "bare handler, undisturbed"},
	{"batchblacklist", "1000000", "1", "the store alone"},
	{"batchblacklist", "1000000", "64", "the store alone"},
	{"batchblacklist", "1000000", "64", "Redis"},
	{"batchblacklist", "1000000", "64", "MariaDB"},
	{"import", "1000000", "64", "the store alone"},
	{"check", "1000000", "1", "Redis"},
	{"check", "1000000", "64", "Redis"},
	{"check", "1000000", "1", "OpenFGA"},
	{"check", "1000000", "64", "OpenFGA"},
}

// run is what one file of results has.
type run struct {
	name   string
	ratios map[ratio]float64
}

// Print reads all results of a directory and prints their table: of a file with several
// tables the last one counts.
func Print(w io.Writer, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return err
	}
	var runs []run
	for _, file := range files {
		r, err := read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if slices.ContainsFunc(wanted, func(one ratio) bool { return r.ratios[one] > 0 }) {
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 {
		return errors.New(dir + " has no results of any of these ratios")
	}
	slices.SortFunc(runs, func(a, b run) int { return strings.Compare(a.name, b.name) })
	fmt.Fprint(w, "| mpblock ÷ | entries | conns |")
	for _, r := range runs {
		fmt.Fprintf(w, " %s |", r.name)
	}
	fmt.Fprintf(w, " median |\n|---|---:|---:|%s---:|\n", strings.Repeat("---:|", len(runs)))
	for _, one := range wanted {
		printRow(w, one, runs)
	}
	return nil
}

func printRow(w io.Writer, one ratio, runs []run) {
	var all []float64
	cells := make([]string, len(runs))
	for i, r := range runs {
		if v, ok := r.ratios[one]; ok {
			all = append(all, v)
			cells[i] = fmt.Sprintf("%.2f", v)
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	fmt.Fprintf(w, "| %s: %s | %s | %s | %s | %.2f |\n", one.what, one.program, one.entries, one.conns, strings.Join(cells, " | "), (all[(len(all)-1)/2]+all[len(all)/2])/2)
}

// read reads the rows of a file's tables by the names of their columns.
func read(file string) (run, error) {
	r := run{name: strings.TrimSuffix(filepath.Base(file), ".txt"), ratios: map[ratio]float64{}}
	text, err := os.ReadFile(file) //nolint:gosec // results of ours
	if err != nil {
		return r, err
	}
	var columns map[string]int
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] == "measured" || cells[0] == "wanted" {
			columns = map[string]int{}
			for i, name := range cells {
				columns[name] = i
			}
			continue
		}
		at, ok := columns["mpblock ÷ this"]
		if !ok || at >= len(cells) || cells[at] == "" {
			continue
		}
		v, err := strconv.ParseFloat(cells[at], 64)
		if err != nil {
			return r, err
		}
		r.ratios[ratio{cells[0], cells[columns["entries"]], cells[columns["conns"]], cells[columns["program"]]}] = v
	}
	return r, nil
}
