package console

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/platform"
)

// bulkPage takes a list and shows the jobs of the account.
type bulkPage struct {
	frame
	Unblock bool
	MaxSize int // MiB
	Jobs    []jobView
	Pager   pager
}

// jobRows is how many jobs a page lists.
const jobRows = 20

func (c *console) bulk(v *visit) error { return v.bulkForm(http.StatusOK) }

func (v *visit) bulkForm(status int) error {
	p := &bulkPage{MaxSize: maxList >> 20}
	jobs, err := v.desk.Jobs(v.ctx(), v.account.AppID, v.r.URL.Query().Get("after"), jobRows)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		p.Jobs = append(p.Jobs, v.jobView(j))
	}
	next := ""
	if len(jobs) == jobRows {
		next = jobs[jobRows-1].ID
	}
	p.Pager = v.pagerOf(len(jobs), next)
	return v.page(status, "bulk", v.say(msg("nav.bulk")), p)
}

// draft reads a list as it comes in, keeps it as a job that has not started, and
// shows what it would do.
func (c *console) draft(v *visit) error {
	_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(longTime)) // where there is none, there is no need
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(longTime))
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxList)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return invalid(v.say(msg("error.form")))
	}
	action, err := actionOf(parts)
	var job platform.Job
	if err == nil {
		job, err = v.desk.DraftJob(v.ctx(), v.account.AppID, action, listLines(parts))
	}
	if err != nil {
		return v.again(v.listProblem(err), v.bulkForm)
	}
	return v.see(v.base() + "/jobs/" + job.ID)
}

// listProblem turns what can be wrong with the coming in of a list into words.
func (v *visit) listProblem(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return invalid(v.say(msg("bulk.large"), maxList>>20))
	case errors.Is(err, bufio.ErrTooLong):
		return invalid(v.say(msg("bulk.long")))
	case errors.Is(err, errForm), errors.Is(err, io.ErrUnexpectedEOF):
		return invalid(v.say(msg("error.form")))
	}
	return err
}

var errForm = errors.New("console: a form that is not as the page has it")

// actionOf reads the first field of the form, which says what to do.
func actionOf(parts *multipart.Reader) (mpblock.Action, error) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "action" {
		return 0, errForm
	}
	text, err := io.ReadAll(io.LimitReader(part, 16))
	if err != nil {
		return 0, err
	}
	switch string(text) {
	case "block":
		return mpblock.Block, nil
	case "unblock":
		return mpblock.Unblock, nil
	}
	return 0, errForm
}

// maxLine is how long a line of a list may be, in bytes.
const maxLine = 64 << 10

// listLines yields the lines of what was pasted and of the file, one after the
// other: of each the first column.
func listLines(parts *multipart.Reader) iter.Seq2[platform.Line, error] {
	return func(yield func(platform.Line, error) bool) {
		number := 0
		for {
			part, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(platform.Line{}, err)
				return
			}
			if name := part.FormName(); name != "list" && name != "file" {
				continue
			}
			s := bufio.NewScanner(part)
			s.Buffer(make([]byte, 0, 4096), maxLine)
			for s.Scan() {
				number++
				text := firstColumn(s.Text(), number)
				if text != "" && !yield(platform.Line{Number: number, Text: text}, nil) {
					return
				}
			}
			if err := s.Err(); err != nil {
				yield(platform.Line{}, err)
				return
			}
		}
	}
}

// firstColumn returns what stands in the first column of a line of CSV; the heading
// of an export counts as an empty line.
func firstColumn(line string, number int) string {
	if number == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	if i := strings.IndexAny(line, ",;\t"); i >= 0 {
		line = line[:i]
	}
	line = strings.Trim(strings.TrimSpace(line), `"`)
	if number == 1 && strings.EqualFold(line, "openid") {
		return ""
	}
	return line
}
