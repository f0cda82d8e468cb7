package ui

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// The least time between two drawings of a bar, and between two lines where there
// is none.
const (
	betweenBars  = 100 * time.Millisecond
	betweenLines = 10 * time.Second
)

// leastColumns is how wide a terminal must be for a bar.
const leastColumns = 40

// Progress shows how far a job is: a bar on a terminal, else a line now and then,
// so that a log has news and no flood.
type Progress struct {
	out         io.Writer
	bar         *progressbar.ProgressBar // nil: lines
	narrow      bool                     // there is no room for words beside the bar
	total       int
	first, last int // settled at the beginning, and now
	began       time.Time
	shown       string    // title of the bar
	next        time.Time // when something is to be shown
}

// NewProgress begins to show a job, on a terminal of so many columns; 0 is none.
func NewProgress(out io.Writer, columns, settled, total int) *Progress {
	now := time.Now()
	p := &Progress{out: out, narrow: columns < 70, total: total, first: settled, last: settled, began: now, next: now.Add(betweenLines)}
	room := columns - len(p.title()) - len("  100% || (/)  ") - 2*len(fmt.Sprint(total)) // beside per cent and counts
	if columns < leastColumns || room <= 0 || settled == total {
		return p
	}
	p.bar = progressbar.NewOptions(total, progressbar.OptionSetDescription(p.title()), progressbar.OptionSetWriter(out),
		progressbar.OptionSetWidth(min(room, 40)), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionUseANSICodes(runtime.GOOS != "windows"),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(out) }))
	p.draw()
	return p
}

// Columns returns how wide the terminal is that a person watches, 0 if nobody does.
func (t Terminal) Columns() int {
	f, ok := t.Err.(*os.File)
	if !ok || !t.IsTerminal() {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// title says what is counted, and how long it takes yet if that is known. It is
// always of the same length.
func (p *Progress) title() string {
	if p.narrow {
		return ""
	}
	return fmt.Sprintf("OpenIDs %-13s", p.left())
}

// left returns how long it takes yet at the speed so far, "" while that is unknown.
func (p *Progress) left() string {
	took := time.Since(p.began)
	if p.last == p.first || p.last == p.total || took < time.Second {
		return ""
	}
	rest := time.Duration(float64(took) / float64(p.last-p.first) * float64(p.total-p.last))
	return fmt.Sprintf("%s left", roughly(rest))
}

// roughly rounds a time to what somebody who waits wants to know.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second+1)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute+1)
	case d < 100*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour+1)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour)+1)
}

// Set shows how many are settled by now, if it is time to.
func (p *Progress) Set(settled int) {
	p.last = settled
	now := time.Now()
	switch {
	case now.Before(p.next):
	case p.bar != nil:
		p.draw()
	default:
		p.next = now.Add(betweenLines)
		line := fmt.Sprintf("%s of %s settled", Grouped(settled), Many(p.total, "OpenID"))
		if left := p.left(); left != "" {
			line += ", about " + left
		}
		fmt.Fprintln(p.out, line)
	}
}

func (p *Progress) draw() {
	p.next = time.Now().Add(betweenBars)
	if title := p.title(); title != p.shown { // each of the two draws
		p.shown = title
		p.bar.Describe(title)
	}
	_ = p.bar.Set(p.last)
}

// Say prints a line, which does not run into the bar.
func (p *Progress) Say(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.out, Printable(text))
}

// End leaves the bar where the job is.
func (p *Progress) End() {
	if p.bar == nil {
		return
	}
	if !p.bar.IsFinished() {
		p.draw()
	}
	if !p.bar.IsFinished() {
		_ = p.bar.Exit()
	}
}
