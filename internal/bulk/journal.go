package bulk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"mpblock"
	"mpblock/client"
)

// A journal is a text file, written from its beginning to its end:
//
//	mpblock job 1 SERVER APPID
//	with REASON UNTIL FOR           each quoted, "" for none; the line is absent where all are
//	STATUS ACTION OPENID [CODE]     the plan, one line an OpenID; STATUS and ACTION one character
//	---
//	> PLACE...                      these are about to be sent, in one call
//	STATUS PLACE... [:CODE [DETAIL]]  this has become of them; DETAIL is quoted
//
// Places count the lines of the plan from 0. What was about to be sent and has no
// later line is unknown. A line that the end of the process has cut is no line.

// syncNames makes the names in a directory durable; a test looks on.
var syncNames = syncDir

const (
	journalHead  = "mpblock job 1 "
	journalTerms = "with "
)

// File is a job whose journal is a file.
type File struct {
	*Job
	Name          string // of the file
	Server, AppID string // where it was to run, as the file says
	Terms         Terms
	file          *os.File

	writing sync.Mutex // of all below, and of the file's end
	written uint64     // lines
	failed  error      // of a write or a sync: no later one makes up for it

	syncing sync.Mutex
	synced  uint64 // lines that are on the disk
}

var actionLetters = map[mpblock.Action]string{mpblock.Block: "b", mpblock.Unblock: "u"}

// Create writes a plan to a new file. A file that is there already is an error.
func Create(name, server, appID string, p *Plan) (*File, error) {
	if _, err := os.Lstat(name); err == nil {
		return nil, fmt.Errorf("the journal %s: %w: name another one, or go on with it", name, fs.ErrExist)
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-")
	if err != nil {
		return nil, fmt.Errorf("begin the journal %s: %w", name, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its own name by then, or is of no use
	j := &File{Name: name, Server: server, AppID: appID, Terms: p.Terms, file: f}
	j.Job = New(p.Items, j)
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err = j.writePlan(); err == nil {
		// A plan has its name once it is whole, and never takes another's.
		err = os.Link(f.Name(), name)
	}
	if err == nil {
		err = syncNames(filepath.Dir(name)) // a name that a power loss takes away takes the job with it
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin the journal of the job: %w", err), f.Close())
	}
	return j, nil
}

func (j *File) writePlan() error {
	w := bufio.NewWriter(j.file)
	fmt.Fprintf(w, "%s%s %s\n", journalHead, j.Server, j.AppID)
	if t := j.Terms; t != (Terms{}) {
		until := ""
		if !t.Until.IsZero() {
			until = t.Until.Format(time.RFC3339Nano)
		}
		fmt.Fprintf(w, "%s%q %q %q\n", journalTerms, t.Reason, until, t.For)
	}
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

// Load reads the file of a job. With write set the job can go on, and no other
// process can have it at the same time. A file that is no journal is ErrNoJob, and
// one with a line that nobody can have written ErrDamaged.
func Load(name string, write bool) (*File, error) {
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(name, mode, 0) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	j := &File{Name: name, file: f}
	j.Job = New(nil, j)
	if write {
		if err := lockFile(f); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
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
	j.counts = count(j.Items)
	return j, nil
}

// Errors of Load.
var (
	ErrNoJob   = errors.New("this is not the journal of a job")
	ErrDamaged = errors.New("the journal is damaged")
)

// read reads all whole lines and returns where they end.
func (j *File) read(r *bufio.Reader) (end int64, err error) {
	planned := false
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if !planned {
				return end, ErrNoJob
			}
			return end, nil
		}
		if err != nil {
			return end, err
		}
		end += int64(len(line))
		line = strings.TrimSuffix(line, "\n")
		ok := true
		switch {
		case n == 1:
			if !j.readHead(line) {
				return end, ErrNoJob
			}
		case n == 2 && strings.HasPrefix(line, journalTerms):
			ok = j.readTerms(line)
		case line == "---":
			planned = true
		case planned:
			ok = j.readEvent(line)
		default:
			ok = j.readItem(line)
		}
		if !ok {
			return end, fmt.Errorf("line %d: %w", n, ErrDamaged)
		}
	}
}

func (j *File) readHead(line string) (ok bool) {
	if line, ok = strings.CutPrefix(line, journalHead); ok {
		j.Server, j.AppID, ok = strings.Cut(line, " ")
	}
	return ok
}

func (j *File) readTerms(line string) bool {
	var until string
	n, err := fmt.Sscanf(line, journalTerms+"%q %q %q", &j.Terms.Reason, &until, &j.Terms.For)
	if err == nil && until != "" {
		j.Terms.Until, err = time.Parse(time.RFC3339Nano, until)
	}
	return n == 3 && err == nil
}

func (j *File) readItem(line string) bool {
	f := strings.SplitN(line, " ", 3)
	if len(f) != 3 || len(f[0]) != 1 {
		return false
	}
	quoted, err := strconv.QuotedPrefix(f[2])
	if err != nil {
		return false
	}
	id, err := strconv.Unquote(quoted)
	if err != nil {
		return false
	}
	it := Item{OpenID: client.OpenID(id), Status: Status(f[0][0])}
	switch f[1] {
	case "b":
		it.Action = mpblock.Block
	case "u":
		it.Action = mpblock.Unblock
	default:
		return false
	}
	if it.Status == Refused {
		if it.Code, err = strconv.Atoi(strings.TrimSpace(f[2][len(quoted):])); err != nil {
			return false
		}
	}
	j.Items = append(j.Items, it)
	return it.Status.known()
}

func (j *File) readEvent(line string) bool {
	line, quoted, detailed := strings.Cut(line, ` "`)
	words := strings.Fields(line)
	if len(words) < 2 || len(words[0]) != 1 {
		return false
	}
	status, why := Status(words[0][0]), Refusal{}
	if status == '>' {
		status = Unknown
	}
	if detailed {
		var err error
		if why.Detail, err = strconv.Unquote(`"` + quoted); err != nil {
			return false
		}
	}
	if !status.known() {
		return false
	}
	places := words[1:]
	if c, ok := strings.CutPrefix(places[len(places)-1], ":"); ok {
		n, err := strconv.Atoi(c)
		if err != nil {
			return false
		}
		why.Code, places = n, places[:len(places)-1]
	}
	for _, w := range places {
		at, err := strconv.Atoi(w)
		if err != nil || at < 0 || at >= len(j.Items) {
			return false
		}
		j.put(at, status, why)
	}
	return true
}

// Sending writes that a batch is about to be sent.
func (j *File) Sending(places []int) error { return j.write('>', places, Refusal{}) }

// Became writes what has become of a batch.
func (j *File) Became(places []int, s Status, r Refusal) error { return j.write(byte(s), places, r) }

func (j *File) write(kind byte, places []int, why Refusal) error {
	b := []byte{kind}
	for _, at := range places {
		b = strconv.AppendInt(append(b, ' '), int64(at), 10)
	}
	if why.Code != 0 {
		b = strconv.AppendInt(append(b, " :"...), int64(why.Code), 10)
	}
	if why.Detail != "" {
		b = strconv.AppendQuote(append(b, ' '), why.Detail)
	}
	j.writing.Lock()
	if j.failed == nil {
		_, j.failed = j.file.Write(append(b, '\n'))
	}
	j.written++
	line := j.written
	j.writing.Unlock()
	if err := j.sync(line); err != nil {
		return fmt.Errorf("write the journal %s: %w", j.Name, err)
	}
	return nil
}

// sync returns once a line is on the disk. Lines that were written while others
// were waited for share one sync.
func (j *File) sync(line uint64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.writing.Lock()
	written, err := j.written, j.failed
	j.writing.Unlock()
	if err != nil || j.synced >= line {
		return err
	}
	if err = j.file.Sync(); err != nil {
		j.writing.Lock()
		j.failed = err
		j.writing.Unlock()
		return err
	}
	j.synced = written
	return nil
}

// Close closes the file.
func (j *File) Close() error { return j.file.Close() }
