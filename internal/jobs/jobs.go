package jobs

import (
	"time"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/jobs/listing"
	"mpblock/internal/lines"
)

// Limits of jobs.
const (
	MaxJob    = listing.Most        // OpenIDs
	MaxJobBad = listing.MostBad     // lines that are no OpenID of the account
	MaxDrafts = 2 * MaxJob          // OpenIDs of all drafts of an account
	DraftLife = 24 * time.Hour      // of a list that is not started
	JobLife   = 90 * 24 * time.Hour // of a job that has ended
)

// JobState is where a job is.
type JobState string

// The states, in their order.
const (
	JobDraft    JobState = "draft"    // previewed, not started
	JobQueued   JobState = "queued"   // waits for a node
	JobRunning  JobState = "running"  //
	JobStopping JobState = "stopping" // will stop after the batch under way
	JobStopped  JobState = "stopped"  // by an operator
	JobDone     JobState = "done"
	JobFailed   JobState = "failed" // cannot go on, see Problem
)

// Source has the inputs of a list.
type Source interface {
	// Receive takes the inputs in. It may last as long as who sends them likes: no
	// other list waits for it.
	Receive() error

	// Read hands over what is in the inputs, line by line, and says at the end what
	// was read of each. It is called once, after Receive.
	Read(each func(lines.Line) error) ([]lines.Summary, error)
}

// Job is a change of many OpenIDs at once.
type Job struct {
	ID     string // its changes bear the actor "job:" and this
	AppID  mpblock.AppID
	Action mpblock.Action
	Reason string
	Ends   time.Time // when what it blocks ends; zero: never
	By     string    // operator
	State  JobState
	UndoOf string // the job that this one undoes; "" if it does not

	// What became of it, as lists.Standing says it of a change.
	UndoneBy, RedoneBy string
	Redoes             bool
	Last               string // the job to undo for whoever wants this one undone, or redone
	Undoable           bool   // Last has ended and done something

	Created time.Time
	Started time.Time // zero: not yet
	Ended   time.Time // zero: not yet
	Problem string    // with JobFailed: why, in English: ProblemGone, ProblemLate

	Read     []lines.Summary // of its inputs; none with an undo
	Preview  JobPreview
	Progress JobProgress
	Codes    map[int]int // of those refused, the ones that the platform has refused, by its codes
	Delay    *Delay      // why it does not go on for now; nil: it does
}

// JobPreview is what the list of a job holds.
type JobPreview = listing.Preview

// The Problems: of a job whose list has ended before it was run, and of one that came to
// the end of what it blocks.
const (
	ProblemGone = "the list of the job is gone: it was not run within 30 days"
	ProblemLate = "the end of what the job blocks came before the job was done: the others are not blocked"
)

// JobProgress is what a job has done so far, exact at any time and after any crash:
// each OpenID is counted once.
type JobProgress struct {
	Total   int // to be worked through
	Done    int // changed by this job
	Already int // were so already
	Refused int // unknown, or with an undo changed since
}

// Seen returns how many of Total have been worked through.
func (p JobProgress) Seen() int { return p.Done + p.Already + p.Refused }

// Active tells whether the job has started and not ended.
func (j Job) Active() bool {
	return j.State == JobQueued || j.State == JobRunning || j.State == JobStopping
}

// RefusedWhy is why a line or an OpenID of a job was refused.
type RefusedWhy = item.Why

// Why something was refused.
const (
	WhyMalformed = item.Malformed
	WhyForeign   = item.Foreign
	WhyUnknown   = item.Unknown
	WhyChanged   = item.Changed
	WhyPlatform  = item.Platform
	WhyProtected = item.Protected
)

// RefusedLine is something that a job did not do.
type RefusedLine = item.Refused
