// Package spool takes in the lists of operations that come as a body of any length, however
// slowly they come. How many may come in at once, it leaves to others.
package spool

import (
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// Time is how long a list may take to come, and so long again to be read.
const Time = 10 * time.Minute

// maxUploads is how many lists come in at once, of different accounts.
const maxUploads = 4

var (
	errUpload  = mpblock.NewError(mpblock.Unavailable, "operation.account", "another list of account %s is coming in: send this one when that has been answered")
	errUploads = mpblock.NewError(mpblock.Unavailable, "operation.full", "%d lists are coming in at this node, the most there can be: send this one again in a while")
)

// Extend gives a call as much of the machine's time as a list may take. Where there is no
// connection, there is no need.
func Extend(w http.ResponseWriter) {
	control, now := http.NewResponseController(w), time.Now()
	_, _ = control.SetReadDeadline(now.Add(Time)), control.SetWriteDeadline(now.Add(2*Time))
}

// Spool is a body with an OpenID a line: a jobs.Source. It lies in a file without a place in
// any directory until it is closed, so that it does not matter how slowly it comes.
type Spool struct {
	Body io.Reader
	data *os.File
}

// Receive implements jobs.Source.
func (s *Spool) Receive() error {
	var err error
	if s.data, err = os.CreateTemp("", "mpblock-batch-"); err != nil {
		return err
	}
	if err := os.Remove(s.data.Name()); err != nil {
		return err
	}
	_, err = io.Copy(s.data, s.Body)
	return err
}

// Close gives back what the list takes of the disk, read or not: whoever sent it may have
// gone while it waited to be.
func (s *Spool) Close() error {
	if s.data == nil {
		return nil
	}
	return s.data.Close()
}

// Read implements jobs.Source.
func (s *Spool) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	if _, err := s.data.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	sum, err := lines.Read(s.data, lines.Options{Format: lines.NDJSON}, each)
	return []lines.Summary{sum}, err
}

// Listed are the OpenIDs of a body that has been read: a jobs.Source.
type Listed struct{ All []string }

// Receive implements jobs.Source.
func (*Listed) Receive() error { return nil }

// Read implements jobs.Source.
func (t *Listed) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	for i, s := range t.All {
		line := lines.Line{Number: i + 1, Text: lists.Clip(s)}
		id, err := mpblock.ParseOpenID(s)
		if line.OpenID = id; err != nil {
			line.Problem = &lines.Problem{Key: lines.BadNone}
		}
		if err := each(line); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Uploads are the accounts of which a list comes in: of each one list at a time, since all
// lie on the disk until they have been read.
type Uploads struct {
	mu  sync.Mutex
	now map[mpblock.AppID]bool
}

// Enter makes room for a list of an account, which is to Leave.
func (u *Uploads) Enter(app mpblock.AppID) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now[app] {
		return errUpload.With(app)
	}
	if len(u.now) >= maxUploads {
		return errUploads.With(maxUploads)
	}
	if u.now == nil {
		u.now = map[mpblock.AppID]bool{}
	}
	u.now[app] = true
	return nil
}

// Leave takes the room back.
func (u *Uploads) Leave(app mpblock.AppID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.now, app)
}
