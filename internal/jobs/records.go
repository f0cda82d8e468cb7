package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/record"
)

// The kinds of records of jobs. A list and what came of it are cut into chunks,
// each small against mpblock.MaxValue and worked through by one Apply. Keys are
// AppID, id and, where there are several, a number.
const (
	kindJob       = record.Kind[jobRecord]("job")
	kindJobList   = record.Kind[[]byte]("joblist")        // OpenIDs with the numbers of their lines
	kindJobBad    = record.Kind[[]RefusedLine]("jobbad")  // lines that are no OpenID of the account
	kindJobResult = record.Kind[chunkResult]("jobresult") // of a chunk
)

const (
	chunkSize   = 2_000
	badSize     = 2_000               // bad lines a record, at most some 300 bytes each
	listLife    = 30 * 24 * time.Hour // within which a job has to end
	maxDrafting = 1
)

// jobRecord is a job as the store keeps it. Times are Unix milliseconds.
type jobRecord struct {
	Action  mpblock.Action `json:"action"`
	Ends    int64          `json:"ends,omitempty"` // when what it blocks ends; 0: never
	Reason  string         `json:"reason,omitempty"`
	By      string         `json:"by"`
	State   JobState       `json:"state"`
	UndoOf  string         `json:"undo_of,omitempty"`
	Undo    string         `json:"undo,omitempty"`  // the last job that undoes it
	Undos   []string       `json:"undos,omitempty"` // those before it, of which this one may have left nothing to do
	Created int64          `json:"created"`
	Started int64          `json:"started,omitempty"`
	Ended   int64          `json:"ended,omitempty"`
	Problem string         `json:"problem,omitempty"`
	Preview JobPreview     `json:"preview"`

	Read []lines.Summary `json:"read,omitempty"`

	Progress JobProgress `json:"progress"`
	Chunks   int         `json:"chunks"`
	Codes    map[int]int `json:"codes,omitempty"`
	Delay    *Delay      `json:"delay,omitempty"` // until a chunk is counted
	Next     int         `json:"next"`            // chunk to be worked through; those before it are in Progress
	From     uint64      `json:"from"`            // a seq: what the job has not counted yet comes behind it

	// Holder is the run that works on the job, until a time: after it, another may
	// take over.
	Holder string `json:"holder,omitempty"`
	Until  int64  `json:"until,omitempty"`
}

// storedJob is a job as it was read.
type storedJob struct {
	jobRecord
	app     mpblock.AppID
	id      string
	version uint64
	expires time.Time
}

func (j *storedJob) actor() string { return "job:" + j.id }

func (j *storedJob) key() string { return string(j.app) + "/" + j.id }

func (j *storedJob) chunkKey(n int) string { return chunkKey(j.app, j.id, n) }

func chunkKey(app mpblock.AppID, id string, n int) string {
	return fmt.Sprintf("%s/%s/%06d", app, id, n)
}

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (j *storedJob) view() Job {
	v := Job{
		ID: j.id, AppID: j.app, Action: j.Action, Reason: j.Reason, Ends: at(j.Ends), By: j.By, State: j.State, UndoOf: j.UndoOf,
		Created: at(j.Created), Started: at(j.Started), Ended: at(j.Ended), Problem: j.Problem,
		Read: j.Read, Preview: j.Preview, Progress: j.Progress, Codes: j.Codes, Delay: j.Delay,
	}
	if j.Delay != nil {
		v.Progress.Done += j.Delay.Done
	}
	return v
}

// newJobID returns an id that sorts by time and names who started the job, since its
// changes outlive its record.
func newJobID(operator string, now time.Time) string {
	return fmt.Sprintf("%s-%s-%s", jobTime(now), randomHex(3), operator)
}

// jobTime is the beginning of the ids of jobs of a time.
func jobTime(t time.Time) string { return t.UTC().Format("060102150405") }

func (svc *Service) readJob(ctx context.Context, app mpblock.AppID, id string) (*storedJob, error) {
	if id == "" || len(id) > mpblock.MaxActor {
		return nil, noJob(id)
	}
	e, err := kindJob.Get(ctx, svc.store, string(app)+"/"+id)
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, noJob(id)
	}
	if err != nil {
		return nil, err
	}
	return jobOf(e, app, id), nil
}

func noJob(id string) error {
	return errNoJob.With(lists.Clip(id), int(DraftLife.Hours()), int(JobLife.Hours()/24))
}

func jobOf(e record.Entry[jobRecord], app mpblock.AppID, id string) *storedJob {
	return &storedJob{app: app, id: id, version: e.Version, expires: e.Expires, jobRecord: e.Value}
}

// entry is the job as it is written.
func (j *storedJob) entry() record.Entry[jobRecord] {
	return record.Entry[jobRecord]{Key: j.key(), Version: j.version, Expires: j.expires, Value: j.jobRecord}
}

// putJob writes a job if it is as it was read.
func (svc *Service) putJob(ctx context.Context, j *storedJob) error {
	e, err := kindJob.Put(ctx, svc.store, j.entry())
	if err == nil {
		j.version = e.Version
	}
	return err
}

// editJob changes a job; edit may be called again if another node wrote in between.
func (svc *Service) editJob(ctx context.Context, app mpblock.AppID, id string, edit func(*storedJob) error) (*storedJob, error) {
	if id == "" || len(id) > mpblock.MaxActor {
		return nil, noJob(id)
	}
	e, err := kindJob.Edit(ctx, svc.store, string(app)+"/"+id, func(e *record.Entry[jobRecord]) error {
		if e.Version == 0 {
			return noJob(id)
		}
		j := jobOf(*e, app, id)
		if err := edit(j); err != nil {
			return err
		}
		*e = j.entry()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return jobOf(e, app, id), nil
}

// chunkResult is what came of a chunk.
type chunkResult struct {
	Seqs    []uint64      `json:"seqs,omitempty"` // of the changes that the job made
	Refused []RefusedLine `json:"refused,omitempty"`

	done, already int
	codes         map[int]int          // of those refused where the list lies
	seen          uint64               // the last change that was seen of its OpenIDs
	list          record.Entry[[]byte] // which it has worked through, if it was one
}
