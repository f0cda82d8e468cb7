package overapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
	"mpblock/internal/lines"
)

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
func read(t ui.Terminal, files []string, format string) (*reading, error) {
	r := &reading{}
	for _, name := range files {
		sum, err := r.file(t, name, lines.Format(format))
		if err != nil {
			return nil, ui.ExplainRead(name, err)
		}
		fmt.Fprintf(t.Err, "%s: %s\n", ui.InputName(name), ui.Printable(sum.String()))
		r.show(t, sum)
		if sum.OpenIDs == 0 && sum.Bad > 0 {
			return nil, ui.Failed(ui.CodeUsage, "", "there is no OpenID in %s", ui.InputName(name))
		}
		r.files = append(r.files, sum)
	}
	return r, nil
}

func (r *reading) file(t ui.Terminal, name string, format lines.Format) (lines.Summary, error) {
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

// some refuses inputs that have no OpenID: to make the blacklist equal to them would
// unblock everybody.
func (r *reading) some() error {
	for _, sum := range r.files {
		if sum.OpenIDs > 0 {
			return nil
		}
	}
	if len(r.files) == 0 {
		return nil
	}
	return ui.Failed(ui.CodeUsage, "", "there is no OpenID in %s; nothing was done", ui.InputName(r.files[0].Name))
}

// openInput opens a file, or standard input for "-". A directory is an error.
func openInput(t ui.Terminal, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(t.In), nil
	}
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(ui.ErrDirectory, err, f.Close())
	}
	return f, nil
}

// explainWords says of words on the command line that are no OpenIDs why they are none.
func explainWords(t ui.Terminal, words []string) {
	for _, word := range words {
		_, err := lines.Read(strings.NewReader(word), lines.Options{Format: lines.Text}, func(l lines.Line) error {
			if l.Problem != nil {
				return l.Problem
			}
			return nil
		})
		if err != nil {
			fmt.Fprintf(t.Err, "%q: %v\n", word, err)
		}
	}
}

// show tells of the bad lines of an input, the last of those that were read.
func (r *reading) show(t ui.Terminal, sum lines.Summary) {
	bad := r.bad[len(r.bad)-sum.Bad:]
	for _, b := range bad[:min(len(bad), ui.MaxShownBad)] {
		fmt.Fprintf(t.Err, "%s: line %d: %q: %s\n", ui.InputName(sum.Name), b.Line, b.Text, b.Why)
	}
	if more := len(bad) - ui.MaxShownBad; more > 0 {
		fmt.Fprintf(t.Err, "%s: and %s\n", ui.InputName(sum.Name), ui.Many(more, "more malformed line"))
	}
}

// wishes are what a job is asked to do with what was read. A bad line stands for
// itself: the plan refuses it, and so it is in the report.
func (r *reading) wishes(action mpblock.Action) []bulk.Wish {
	all := make([]bulk.Wish, 0, len(r.ids)+len(r.bad))
	for _, id := range r.ids {
		all = append(all, bulk.Wish{OpenID: id, Action: action})
	}
	for _, b := range r.bad {
		all = append(all, bulk.Wish{OpenID: lines.Mentioned(b.Text), Action: action})
	}
	return all
}
