package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/schollz/progressbar/v3"

	"mpblock"
	"mpblock/internal/admin"
)

type followerImportCmd struct {
	where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	Format  string `help:"Form of the input: ${enum}. Default: by the ending of the file's name." enum:"auto,text,csv,ndjson" default:"auto"`
	Rejects string `help:"File for the lines that are refused, which can be corrected there and imported. Default: the input's name and .rejects." placeholder:"FILE"`
	File    string `arg:"" help:"One OpenID a line (text); a column openid, or the first (.csv); an object with openid, or a string, a line (.ndjson). - is standard input."`
}

// imported is the outcome of an import, as --json prints it.
type imported struct {
	Lines   int    `json:"lines"` // that are not blank
	New     int    `json:"new"`
	Known   int    `json:"already_followers"`
	Refused int    `json:"refused"`
	Rejects string `json:"rejects,omitempty"`
}

// maxShownRejects is how many bad lines are told of on stderr; all are in the file.
const maxShownRejects = 5

// importer is an import under way.
type importer struct {
	cmd     followerImportCmd
	t       terminal
	client  *admin.Client
	prefix  mpblock.Prefix
	bar     *progressbar.ProgressBar
	batch   []mpblock.OpenID
	refused string // name of the file for refused lines; it is made for the first one
	rejects *bufio.Writer
	file    *os.File
	sum     imported
	last    int // line up to which all good OpenIDs are registered
}

// Run imports followers.
func (c followerImportCmd) Run(ctx context.Context, t terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a command that waits for its input
	im := &importer{cmd: c, t: t, client: admin.Dial(c.Data)}
	a, err := im.client.Show(ctx, c.Account)
	if err != nil {
		return c.explain(err)
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
	err = im.all(ctx, &counted)
	_ = im.bar.Finish()
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
		f, ok := im.t.in.(*os.File)
		if !ok {
			return io.NopCloser(im.t.in), -1, im.chooseRejects(nil)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		return io.NopCloser(f), -1, im.chooseRejects(info)
	}
	f, err := os.Open(im.cmd.File)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, want a file", im.cmd.File)
	}
	if err == nil {
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
		return failed(codeUsage, "name another file: --rejects FILE", "%s is the input, and refused lines would take its place", im.refused)
	}
	return nil
}

// progress returns a bar over the bytes of the input, on a terminal.
func (im *importer) progress(size int64) *progressbar.ProgressBar {
	if !im.t.isTerminal() {
		return progressbar.DefaultBytesSilent(size)
	}
	return progressbar.DefaultBytes(size, "import")
}

func (im *importer) all(ctx context.Context, in io.Reader) error {
	lines := newLines(in, formatOf(im.cmd.Format, im.cmd.File))
	for ctx.Err() == nil && lines.next() {
		im.sum.Lines++
		id, err := im.parse(lines)
		if err != nil {
			if err := im.reject(lines, err); err != nil {
				return err
			}
			continue
		}
		im.batch = append(im.batch, id)
		if len(im.batch) == mpblock.MaxBatch {
			if err := im.flush(ctx, lines.number); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := lines.err; err != nil {
		return fmt.Errorf("read %s: %w", im.cmd.File, err)
	}
	return im.flush(ctx, lines.number)
}

func (im *importer) parse(l *lines) (mpblock.OpenID, error) {
	if l.bad != nil {
		return mpblock.OpenID{}, l.bad
	}
	id, err := mpblock.ParseOpenID(l.openid)
	if err == nil && id.Prefix() != im.prefix {
		err = fmt.Errorf("an OpenID of another account: its prefix is %s, that of %s is %s", id.Prefix(), im.cmd.Account, im.prefix)
	}
	return id, err
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
func (im *importer) reject(l *lines, why error) error {
	im.sum.Refused++
	if im.rejects == nil {
		if err := im.createRejects(l.head); err != nil {
			return err
		}
	}
	if im.sum.Refused <= maxShownRejects {
		_ = im.bar.Clear()
		fmt.Fprintf(im.t.err, "line %d: %v\n", l.number, why)
	}
	if im.sum.Refused == maxShownRejects+1 {
		fmt.Fprintf(im.t.err, "further refused lines are in %s\n", im.sum.Rejects)
	}
	_, err := fmt.Fprintf(im.rejects, "%s%s%d: %v\n", l.raw, refusedMark, l.number, why)
	return cannotReject(err)
}

func cannotReject(err error) error {
	if err == nil {
		return nil
	}
	return failed(codeFailed, "name another place for the refused lines, and run it again: --rejects FILE", "the file for refused lines: %w", err)
}

// createRejects makes the file for refused lines, with the header of the input.
func (im *importer) createRejects(head string) error {
	f, err := os.Create(im.refused)
	if err != nil {
		return cannotReject(err)
	}
	im.file, im.rejects, im.sum.Rejects = f, bufio.NewWriter(f), im.refused
	if head != "" {
		_, err = fmt.Fprintln(im.rejects, head)
	}
	return cannotReject(err)
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
	f := failure{code: codePartly, hint: "once that is mended and the server runs, " + again}
	var known failure
	switch {
	case errors.Is(err, context.Canceled):
		f.code, f.hint, err = codeCancelled, again, errors.New("cancelled")
	case im.sum.New+im.sum.Known == 0:
		return im.cmd.explain(err)
	case errors.As(err, &known):
		f.hint = known.hint
	}
	f.err = fmt.Errorf("%w; up to line %s all is registered or refused (%s new, %s already)", err, grouped(im.last), grouped(im.sum.New), grouped(im.sum.Known))
	return f
}

func (im *importer) report() error {
	s := im.sum
	if im.cmd.JSON {
		if err := im.t.json(s); err != nil {
			return err
		}
	} else {
		im.t.printf("%s: %s, %s already, %s refused\n", many(s.Lines, "line"), many(s.New, "new follower"), grouped(s.Known), grouped(s.Refused))
	}
	if s.Refused > 0 {
		return failed(codePartly, fmt.Sprintf("correct them there, then: mpblock follower import --data %s --account %s --format %s %s",
			im.cmd.Data, im.cmd.Account, formatOf(im.cmd.Format, im.cmd.File), s.Rejects), "%s of %s lines were refused; they are in %s", grouped(s.Refused), grouped(s.Lines), s.Rejects)
	}
	return nil
}
