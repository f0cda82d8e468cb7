package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mpblock"
	"mpblock/internal/bulk"
	"mpblock/internal/lines"
)

// maxShownBad is how many bad lines are told of on stderr; more are in the plan of
// --json and in the file of what was refused.
const maxShownBad = 5

// reading is what was read of the inputs of a command.
type reading struct {
	ids   []string
	bad   []badLine
	files []lines.Summary
}

// badLine is a line that is no OpenID, as --json prints it.
type badLine struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"` // the beginning of it
	Why  string `json:"why"`
}

// read reads all OpenIDs of some files, and says what it read of each, and which
// lines are bad.
func read(t terminal, files []string, format string) (*reading, error) {
	r := &reading{}
	for _, name := range files {
		sum, err := r.file(t, name, lines.Format(format))
		if err != nil {
			return nil, explainRead(name, err)
		}
		fmt.Fprintf(t.err, "%s: %s\n", inputName(name), printable(sum.String()))
		r.show(t, sum)
		if sum.OpenIDs == 0 && sum.Bad > 0 {
			return nil, failed(codeUsage, "", "there is no OpenID in %s", inputName(name))
		}
		r.files = append(r.files, sum)
	}
	return r, nil
}

func (r *reading) file(t terminal, name string, format lines.Format) (lines.Summary, error) {
	in, err := openInput(t, name)
	if err != nil {
		return lines.Summary{}, err
	}
	defer in.Close() //nolint:errcheck // it was read
	return lines.Read(in, lines.Options{Name: name, Format: format}, func(l lines.Line) error {
		if l.Problem == nil {
			r.ids = append(r.ids, l.Text)
		} else {
			r.bad = append(r.bad, badLine{name, l.Number, l.Text, l.Problem.Error()})
		}
		return nil
	})
}

// openInput opens a file, or standard input for "-". A directory is an error.
func openInput(t terminal, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(t.in), nil
	}
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(errDirectory, err, f.Close())
	}
	return f, nil
}

var errDirectory = errors.New("it is a directory, want a file")

// show tells of the bad lines of an input, the last of those that were read.
func (r *reading) show(t terminal, sum lines.Summary) {
	bad := r.bad[len(r.bad)-sum.Bad:]
	for _, b := range bad[:min(len(bad), maxShownBad)] {
		fmt.Fprintf(t.err, "%s: line %d: %q: %s\n", inputName(sum.Name), b.Line, b.Text, b.Why)
	}
	if more := len(bad) - maxShownBad; more > 0 {
		fmt.Fprintf(t.err, "%s: and %s\n", inputName(sum.Name), many(more, "more malformed line"))
	}
}

// inputName is what messages call an input.
func inputName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// explainRead says of which input an error is, and what to do about it. What is wrong
// with an input is wrong usage.
func explainRead(name string, err error) error {
	var e *lines.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &e):
		return failed(codeUsage, e.Hint, "%s: %w", inputName(name), err)
	case errors.Is(err, errDirectory):
		return failed(codeUsage, "", "%s: %w", inputName(name), errDirectory)
	case errors.As(err, &path):
		return failed(codeUsage, "", "%w", path)
	}
	return fmt.Errorf("read %s: %w", inputName(name), err)
}

// wishes are what a job is asked to do with what was read. A bad line stands for
// itself: the plan refuses it, and so it is in the report.
func (r *reading) wishes(action mpblock.Action) []bulk.Wish {
	all := make([]bulk.Wish, 0, len(r.ids)+len(r.bad))
	for _, id := range r.ids {
		all = append(all, bulk.Wish{OpenID: id, Action: action})
	}
	for _, b := range r.bad {
		all = append(all, bulk.Wish{OpenID: b.Text, Action: action})
	}
	return all
}
