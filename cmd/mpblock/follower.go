package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"

	"mpblock"
	"mpblock/internal/admin"
)

type followerCmd struct {
	Import followerImportCmd `cmd:"" help:"Register the OpenIDs of a file as followers."`
	Mint   followerMintCmd   `cmd:"" help:"Make new followers with OpenIDs of random users, for emulators; prints the OpenIDs."`
}

type followerImportCmd struct {
	where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	Format  string `help:"Form of the input: ${enum}. Default: by the ending of the file's name." enum:"auto,text,csv,ndjson" default:"auto"`
	Rejects string `help:"File for the lines that are refused. Default: the input's name and .rejects." placeholder:"FILE"`
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
	rejects *bufio.Writer
	file    *os.File
	sum     imported
	last    int // line up to which all good OpenIDs are registered
}

// Run imports followers.
func (c followerImportCmd) Run(ctx context.Context, t terminal) error {
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

func (im *importer) openInput() (in io.ReadCloser, size int64, err error) {
	if im.cmd.File == "-" {
		return io.NopCloser(im.t.in), -1, nil
	}
	f, err := os.Open(im.cmd.File)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, want a file", im.cmd.File)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
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
	for lines.next() {
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
		name := im.cmd.Rejects
		if name == "" {
			name = im.cmd.File + ".rejects"
			if im.cmd.File == "-" {
				name = "stdin.rejects"
			}
		}
		f, err := os.Create(name) //nolint:gosec // the user names it
		if err != nil {
			return fmt.Errorf("the file for refused lines: %w", err)
		}
		im.file, im.rejects, im.sum.Rejects = f, bufio.NewWriter(f), name
	}
	if im.sum.Refused <= maxShownRejects {
		_ = im.bar.Clear()
		fmt.Fprintf(im.t.err, "line %d: %v\n", l.number, why)
	}
	if im.sum.Refused == maxShownRejects+1 {
		fmt.Fprintf(im.t.err, "further refused lines are in %s\n", im.sum.Rejects)
	}
	_, err := fmt.Fprintf(im.rejects, "%s\t# line %d: %v\n", l.raw, l.number, why)
	return err
}

func (im *importer) closeRejects() error {
	if im.rejects == nil {
		return nil
	}
	return errors.Join(im.rejects.Flush(), im.file.Close())
}

// interrupted says what an import that cannot go on has done.
func (im *importer) interrupted(err error) error {
	if errors.Is(err, admin.ErrNoServer) || im.sum.New+im.sum.Known > 0 {
		return failed(codeFailed, "start the server and run the same command again: what is registered already counts once",
			"%w; up to line %d all is registered (%s new, %s already)", err, im.last, grouped(im.sum.New), grouped(im.sum.Known))
	}
	return im.cmd.explain(err)
}

func (im *importer) report() error {
	s := im.sum
	if im.cmd.JSON {
		if err := im.t.json(s); err != nil {
			return err
		}
	} else {
		im.t.printf("%s lines: %s new followers, %s already, %s refused\n", grouped(s.Lines), grouped(s.New), grouped(s.Known), grouped(s.Refused))
	}
	if s.Refused > 0 {
		return failed(codePartly, "correct them there and import that file", "%s of %s lines were refused; they are in %s", grouped(s.Refused), grouped(s.Lines), s.Rejects)
	}
	return nil
}

type followerMintCmd struct {
	where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	N       int    `arg:"" name:"n" help:"How many."`
}

// Run mints followers.
func (c followerMintCmd) Run(ctx context.Context, t terminal) error {
	if c.N < 1 {
		return failed(codeUsage, "mpblock follower mint 1000 --account APPID", "%d followers: want 1 or more", c.N)
	}
	client := admin.Dial(c.Data)
	out := bufio.NewWriter(t.out)
	for made := 0; made < c.N; {
		ids, err := client.Mint(ctx, c.Account, min(c.N-made, mpblock.MaxBatch))
		if err != nil {
			return errors.Join(c.explain(err), out.Flush())
		}
		for _, id := range ids {
			if c.JSON {
				id = `{"openid":"` + id + `"}`
			}
			fmt.Fprintln(out, id)
		}
		made += len(ids)
	}
	fmt.Fprintf(t.err, "%s new followers of %s\n", grouped(c.N), c.Account)
	return out.Flush()
}
