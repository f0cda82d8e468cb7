package bulk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/client"
)

// A journal is a text file, written from its beginning to its end:
//
//	mpblock job 1 SERVER APPID
//	STATUS ACTION OPENID [CODE]     the plan, one line an OpenID; STATUS and ACTION one character
//	---
//	> PLACE...                      these are about to be sent, in one call
//	STATUS PLACE... [:CODE]         this has become of them
//
// Places count the lines of the plan from 0. What was about to be sent and has no
// later line is unknown. A line that the end of the process has cut is no line.

const journalHead = "mpblock job 1 "

// Job is a plan with its journal.
type Job struct {
	Name          string // of the journal's file
	Server, AppID string
	Items         []Item
	file          *os.File
}

var actionLetters = map[mpblock.Action]string{mpblock.Block: "b", mpblock.Unblock: "u"}

// Create writes a plan to a new journal. A file that is there already is an error.
func Create(name, server, appID string, p *Plan) (*Job, error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-")
	if err != nil {
		return nil, fmt.Errorf("begin the journal of the job: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its own name by then, or is of no use
	j := &Job{Name: name, Server: server, AppID: appID, Items: p.Items, file: f}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err = j.writePlan(); err == nil {
		// A plan has its name once it is whole, and never takes another's.
		err = os.Link(f.Name(), name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin the journal of the job: %w", err), f.Close())
	}
	return j, nil
}

func (j *Job) writePlan() error {
	w := bufio.NewWriter(j.file)
	fmt.Fprintf(w, "%s%s %s\n", journalHead, j.Server, j.AppID)
	for _, it := range j.Items {
		fmt.Fprintf(w, "%c %s %s", it.Status, actionLetters[it.Action], strconv.Quote(string(it.OpenID)))
		if it.Status == Refused {
			fmt.Fprintf(w, " %d", it.Code)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "---")
	return errors.Join(w.Flush(), j.file.Sync())
}

// Load reads a journal. With write set the job can go on, and no other process can
// have it at the same time.
func Load(name string, write bool) (*Job, error) {
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(name, mode, 0) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	j := &Job{Name: name, file: f}
	if write {
		if err := lockFile(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	end, err := j.read(bufio.NewReader(f))
	if err == nil && write { // what follows is a line that was cut
		if err = f.Truncate(end); err == nil {
			_, err = f.Seek(end, io.SeekStart)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return j, nil
}

// errNoJob is wrapped by Load when a file is no journal.
var errNoJob = errors.New("this is not the journal of a job")

// read reads all whole lines and returns where they end.
func (j *Job) read(r *bufio.Reader) (end int64, err error) {
	planned := false
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if !planned {
				return end, errNoJob
			}
			return end, nil
		}
		if err != nil {
			return end, err
		}
		end += int64(len(line))
		line = strings.TrimSuffix(line, "\n")
		switch {
		case n == 1:
			err = j.readHead(line)
		case line == "---":
			planned = true
		case planned:
			err = j.readEvent(line)
		default:
			err = j.readItem(line)
		}
		if err != nil {
			return end, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func (j *Job) readHead(line string) error {
	rest, ok := strings.CutPrefix(line, journalHead)
	if !ok {
		return errNoJob
	}
	if j.Server, j.AppID, ok = strings.Cut(rest, " "); !ok {
		return errNoJob
	}
	return nil
}

var errLine = errors.New("the line cannot be read")

func (j *Job) readItem(line string) error {
	f := strings.SplitN(line, " ", 3)
	if len(f) != 3 || len(f[0]) != 1 {
		return errLine
	}
	quoted, err := strconv.QuotedPrefix(f[2])
	if err != nil {
		return errLine
	}
	id, err := strconv.Unquote(quoted)
	if err != nil {
		return errLine
	}
	it := Item{OpenID: client.OpenID(id), Status: Status(f[0][0])}
	switch f[1] {
	case "b":
		it.Action = mpblock.Block
	case "u":
		it.Action = mpblock.Unblock
	default:
		return errLine
	}
	if it.Status == Refused {
		if it.Code, err = strconv.Atoi(strings.TrimSpace(f[2][len(quoted):])); err != nil {
			return errLine
		}
	}
	j.Items = append(j.Items, it)
	return nil
}

func (j *Job) readEvent(line string) error {
	words := strings.Fields(line)
	if len(words) < 2 || len(words[0]) != 1 {
		return errLine
	}
	status, code := Status(words[0][0]), 0
	if status == '>' {
		status = Unknown
	}
	for _, w := range words[1:] {
		if c, ok := strings.CutPrefix(w, ":"); ok {
			n, err := strconv.Atoi(c)
			if err != nil {
				return errLine
			}
			code = n
			continue
		}
		at, err := strconv.Atoi(w)
		if err != nil || at < 0 || at >= len(j.Items) {
			return errLine
		}
		j.Items[at].Status = status
	}
	if code != 0 {
		for _, w := range words[1 : len(words)-1] {
			at, _ := strconv.Atoi(w) // it has been read above
			j.Items[at].Code = code
		}
	}
	return nil
}

// sending writes that a batch is about to be sent; the caller sends it only when
// that is on the disk.
func (j *Job) sending(places []int) error {
	for _, at := range places {
		j.Items[at].Status = Unknown
	}
	return j.write('>', places, 0)
}

// became writes what has become of a batch.
func (j *Job) became(places []int, s Status, code int) error {
	for _, at := range places {
		j.Items[at].Status, j.Items[at].Code = s, code
	}
	return j.write(byte(s), places, code)
}

func (j *Job) write(kind byte, places []int, code int) error {
	b := []byte{kind}
	for _, at := range places {
		b = strconv.AppendInt(append(b, ' '), int64(at), 10)
	}
	if code != 0 {
		b = strconv.AppendInt(append(b, " :"...), int64(code), 10)
	}
	_, err := j.file.Write(append(b, '\n'))
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the journal %s: %w", j.Name, err)
	}
	return nil
}

// Counts returns how many OpenIDs are in each state.
func (j *Job) Counts() Counts { return count(j.Items) }

// Close closes the journal.
func (j *Job) Close() error { return j.file.Close() }
