package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/lines"
)

type followerImport struct {
	Where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	Format  string `help:"Form of the input: ${enum}. Default: what it looks like." enum:"auto,text,csv,ndjson" default:"auto"`
	Rejects string `help:"File for the lines that are refused, which can be corrected there and imported. Default: the input's name and .rejects." placeholder:"FILE"`
	File    string `arg:"" help:"Text, CSV with the OpenIDs in any column, JSON, NDJSON or an Excel workbook. - is standard input."`
}

// imported is the outcome of an import, as --json prints it.
type imported struct {
	Lines   int    `json:"lines"` // OpenIDs and malformed lines
	New     int    `json:"new"`
	Known   int    `json:"already_followers"`
	Refused int    `json:"refused"`
	Rejects string `json:"rejects,omitempty"`

	Read lines.Summary `json:"read"`
}

// importer is an import under way.
type importer struct {
	cmd     followerImport
	t       ui.Terminal
	client  *admin.Client
	prefix  mpblock.Prefix
	bar     *progressbar.ProgressBar
	batch   []mpblock.OpenID
	refused string // name of the file for refused lines; it is made for the first one
	rejects *bufio.Writer
	file    *os.File
	sum     imported
	written lines.Line
	last    int // line up to which all good OpenIDs are registered
}

// Run imports followers.
func (c followerImport) Run(ctx context.Context, t ui.Terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a command that waits for its input
	im := &importer{cmd: c, t: t, client: admin.Dial(c.Data)}
	a, err := im.client.Show(ctx, c.Account)
	if err != nil {
		return c.Explain(err)
	}
	if im.prefix, err = mpblock.ParsePrefix(a.Prefix); err != nil {
		return err
	}
	in, size, err := im.openInput()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was read
	im.bar = im.progress(size)
	counted := progressbar.NewReader(in, im.bar)
	if err = im.all(ctx, &counted); err != nil {
		_ = im.bar.Exit() // it stays where it is
	} else {
		_ = im.bar.Finish()
	}
	if closeErr := im.closeRejects(); err == nil {
		err = closeErr
	}
	if err != nil {
		return im.interrupted(err)
	}
	return im.report()
}

// openInput opens the input and settles where its refused lines go; the size is -1
// where it is not known.
func (im *importer) openInput() (in io.ReadCloser, size int64, err error) {
	if im.cmd.File == "-" {
		f, ok := im.t.In.(*os.File)
		if !ok {
			return io.NopCloser(im.t.In), -1, im.chooseRejects(nil)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		return io.NopCloser(f), -1, im.chooseRejects(info)
	}
	f, err := os.Open(im.cmd.File)
	if err != nil {
		return nil, 0, ui.ExplainRead(im.cmd.File, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = ui.ExplainRead(im.cmd.File, ui.ErrDirectory)
	default:
		err = im.chooseRejects(info)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// chooseRejects settles the name of the file for refused lines. What is read from
// a pipe has no name to put one beside.
func (im *importer) chooseRejects(input os.FileInfo) error {
	regular := input != nil && input.Mode().IsRegular()
	switch {
	case im.cmd.Rejects != "":
		im.refused = im.cmd.Rejects
	case im.cmd.File == "-" || !regular:
		im.refused = "stdin.rejects"
	default:
		im.refused = im.cmd.File + ".rejects"
	}
	if old, err := os.Stat(im.refused); err == nil && regular && os.SameFile(old, input) {
		return ui.Failed(ui.CodeUsage, "name another file: --rejects FILE", "%s is the input, and refused lines would take its place", im.refused)
	}
	return nil
}

// progress returns a bar over the bytes of the input, which shows on a terminal alone.
func (im *importer) progress(size int64) *progressbar.ProgressBar {
	if !im.t.IsTerminal() {
		return progressbar.NewOptions64(size, progressbar.OptionSetVisibility(false))
	}
	return progressbar.NewOptions64(size, progressbar.OptionSetDescription("import"), progressbar.OptionSetWriter(im.t.Err),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(65*time.Millisecond), progressbar.OptionFullWidth(), progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // else something beside us draws, for which Clear does not wait
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(im.t.Err) }))
}

func (im *importer) all(ctx context.Context, in io.Reader) error {
	last := 0
	sum, err := lines.Read(in, lines.Options{Name: im.cmd.File, Format: lines.Format(im.cmd.Format)}, func(l lines.Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		last = l.Number
		return im.take(ctx, l)
	})
	im.sum.Read = sum
	if err != nil {
		return im.explainRead(err)
	}
	return im.flush(ctx, last)
}

// explainRead says what is wrong with the input, where that is what is wrong.
func (im *importer) explainRead(err error) error {
	var e *lines.Error
	if errors.As(err, &e) {
		return ui.ExplainRead(im.cmd.File, err)
	}
	return err
}

// take takes in a line.
func (im *importer) take(ctx context.Context, l lines.Line) error {
	im.sum.Lines++
	if err := im.check(l); err != nil {
		return im.reject(l, err)
	}
	if im.batch = append(im.batch, l.OpenID); len(im.batch) < mpblock.MaxWrite {
		return nil
	}
	return im.flush(ctx, l.Number)
}

// check tells what is wrong with a line.
func (im *importer) check(l lines.Line) error {
	switch {
	case l.Problem != nil:
		return l.Problem
	case l.OpenID.Prefix() != im.prefix:
		return fmt.Errorf("an OpenID of another account: its prefix is %s, that of %s is %s", l.OpenID.Prefix(), im.cmd.Account, im.prefix)
	}
	return nil
}

// flush registers what has been gathered.
func (im *importer) flush(ctx context.Context, line int) error {
	if len(im.batch) > 0 {
		n, err := im.client.Follow(ctx, im.cmd.Account, im.batch)
		if err != nil {
			return err
		}
		im.sum.New += n
		im.sum.Known += len(im.batch) - n
		im.batch = im.batch[:0]
	}
	im.last = line
	return nil
}

// reject tells of a bad line and keeps it.
func (im *importer) reject(l lines.Line, why error) error {
	im.sum.Refused++
	if im.rejects == nil {
		if err := im.createRejects(); err != nil {
			return err
		}
	}
	if im.sum.Refused <= ui.MaxShownBad {
		_ = im.bar.Clear()
		fmt.Fprintf(im.t.Err, "line %d: %q: %v\n", l.Number, l.Text, why)
	}
	if im.sum.Refused == ui.MaxShownBad+1 {
		fmt.Fprintf(im.t.Err, "further refused lines are in %s\n", im.sum.Rejects)
	}
	if l.Number == im.written.Number && l.Raw == im.written.Raw { // a row with two of them
		return nil
	}
	text := lines.Refused(l, why)
	if l.Head != im.written.Head {
		text = l.Head + "\n" + text
	}
	im.written = l
	_, err := im.rejects.WriteString(text)
	return cannotReject(err)
}

func cannotReject(err error) error {
	if err == nil {
		return nil
	}
	return ui.Failed(ui.CodeFailed, "name another place for the refused lines, and run it again: --rejects FILE", "the file for refused lines: %w", err)
}

// createRejects makes the file for refused lines.
func (im *importer) createRejects() error {
	f, err := os.Create(im.refused)
	if err != nil {
		return cannotReject(err)
	}
	im.file, im.rejects, im.sum.Rejects = f, bufio.NewWriter(f), im.refused
	return nil
}

func (im *importer) closeRejects() error {
	if im.rejects == nil {
		return nil
	}
	return cannotReject(errors.Join(im.rejects.Flush(), im.file.Close()))
}

// again is how to go on with an import.
const again = "run the same command again: what is registered counts as already there"

// interrupted says what an import that cannot go on has done.
func (im *importer) interrupted(err error) error {
	f := ui.Failure{Code: ui.CodePartly, Hint: "once that is mended and the server runs, " + again}
	var known ui.Failure
	switch {
	case errors.Is(err, context.Canceled):
		f.Code, f.Hint, err = ui.CodeCancelled, again, errors.New("cancelled")
	case im.sum.New+im.sum.Known == 0:
		return im.cmd.Explain(err)
	case errors.As(err, &known):
		f.Hint = known.Hint
	}
	f.Err = fmt.Errorf("%w; up to line %s all is registered or refused (%s new, %s already)", err, ui.Grouped(im.last), ui.Grouped(im.sum.New), ui.Grouped(im.sum.Known))
	return f
}

func (im *importer) report() error {
	s := im.sum
	if im.cmd.JSON {
		if err := im.t.JSON(s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(im.t.Err, "%s: %s\n", ui.InputName(im.cmd.File), ui.Printable(s.Read.String()))
		im.t.Printf("%s read: %s, %s already, %s refused\n", ui.Grouped(s.Lines), ui.Many(s.New, "new follower"), ui.Grouped(s.Known), ui.Grouped(s.Refused))
	}
	if s.Refused > 0 {
		return ui.Failed(ui.CodePartly, fmt.Sprintf("correct them there, then: mpblock follower import --data %s --account %s %s",
			im.cmd.Data, im.cmd.Account, s.Rejects), "%s of %s refused; they are in %s", ui.Grouped(s.Refused), ui.Grouped(s.Lines), s.Rejects)
	}
	return nil
}
