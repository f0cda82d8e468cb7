package v1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
	"mpblock/internal/v1/body"
)

// Limits of the lists of operations.
const (
	maxStream  = 128 << 20 // bytes of a body
	maxErrors  = 1_000     // bad items that are told
	maxRefused = 100       // that an operation shows
	atATime    = 2_000     // OpenIDs that are looked up at once
)

// operation is a job, as the console shows it.
type operation struct {
	ID         string     `json:"id,omitempty"` // absent of a list that was only looked at
	State      string     `json:"state"`
	Done       bool       `json:"done"` // it has ended, well or not
	Action     string     `json:"action"`
	Reason     string     `json:"reason"`
	ExpireTime *time.Time `json:"expire_time,omitempty"`
	By         string     `json:"by"`
	CreateTime time.Time  `json:"create_time"`
	StartTime  *time.Time `json:"start_time,omitempty"`
	EndTime    *time.Time `json:"end_time,omitempty"`
	Problem    string     `json:"problem,omitempty"` // why it failed
	UndoOf     string     `json:"undo_of,omitempty"`
	UndoneBy   string     `json:"undone_by,omitempty"`
	Preview    *preview   `json:"preview,omitempty"` // absent of an undo
	Progress   progress   `json:"progress"`
	Refused    []result   `json:"refused,omitempty"` // the first of them
}

// preview is what was in the list when it was read.
type preview struct {
	Total      int `json:"total"`
	New        int `json:"new"`
	Already    int `json:"already"`
	Unknown    int `json:"unknown"`
	Protected  int `json:"protected"`
	Malformed  int `json:"malformed"`
	Foreign    int `json:"foreign"`
	Duplicates int `json:"duplicates"`
}

type progress struct {
	Total     int `json:"total"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
}

func operationOf(j jobs.Job) operation {
	o := operation{
		ID: j.ID, State: string(j.State), Done: j.State != jobs.JobDraft && !j.Active(), Action: j.Action.String(), Reason: j.Reason, ExpireTime: timeOf(j.Ends), By: j.By,
		CreateTime: j.Created, StartTime: timeOf(j.Started), EndTime: timeOf(j.Ended), Problem: j.Problem, UndoOf: j.UndoOf, UndoneBy: j.UndoneBy,
	}
	bad := j.Preview.Malformed + j.Preview.Foreign // refused before it began
	o.Progress = progress{j.Progress.Total + bad, j.Progress.Done, j.Progress.Already, j.Progress.Refused + bad}
	if p := j.Preview; j.UndoOf == "" {
		o.Preview = &preview{p.Total, p.New, p.Already, p.Unknown, p.Protected, p.Malformed, p.Foreign, p.Duplicates}
	}
	return o
}

// operate makes a job of a list and starts it. What is only to be looked at is not kept.
func (x *exchange) operate(ctx context.Context, b batch, source jobs.Source) error {
	if b.action == mpblock.Amend {
		return errField.With("action", fmt.Sprintf("an operation blocks or unblocks: amend at most %d at once", maxItems))
	}
	if err := x.Jobs.Room(ctx, x.AppID); !b.dry && err != nil {
		return err
	}
	if !b.skip {
		source = &strict{Source: source, x: x, ctx: ctx, blocks: b.action == mpblock.Block}
	}
	j, err := x.Jobs.Draft(ctx, x.Account, x.Actor, b.action, source)
	if err != nil {
		return sourceError(err)
	}
	if b.dry {
		o := operationOf(j)
		o.ID, x.body = "", &o
		return x.Jobs.Drop(ctx, x.AppID, j.ID)
	}
	begun, err := x.Jobs.Start(ctx, x.AppID, j.ID, b.reason, b.until)
	if err != nil {
		_ = x.Jobs.Drop(ctx, x.AppID, j.ID) // else it ends by itself
		return err
	}
	x.accept(begun)
	return nil
}

// accept answers with an operation that has begun.
func (x *exchange) accept(j jobs.Job) {
	x.w.Header().Set("Location", "/v1/accounts/"+string(x.AppID)+"/operations/"+j.ID)
	x.status, x.body = http.StatusAccepted, operationOf(j)
}

// sourceError turns what can be wrong with a list on its way into an error of ours.
func sourceError(err error) error {
	var unread *lines.Error
	if errors.As(err, &unread) {
		return body.ErrJSON.With(unread.Error())
	}
	return body.Error(err, maxStream)
}

func getOperation(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	j, err := x.Jobs.Job(ctx, x.AppID, x.parts["id"])
	if err != nil {
		return err
	}
	o := operationOf(j)
	for r, err := range x.Jobs.Refused(ctx, x.AppID, j.ID) {
		if err != nil {
			return err
		}
		if len(o.Refused) == maxRefused {
			break
		}
		o.Refused = append(o.Refused, refusedOf(r))
	}
	x.body = o
	return nil
}

// refusals are the codes of what a job refuses.
var refusals = map[jobs.RefusedWhy]string{
	jobs.WhyMalformed: mpblock.ErrOpenIDShape.Key, jobs.WhyForeign: lists.ErrForeign.Key, jobs.WhyUnknown: errUnknown.Key,
	jobs.WhyChanged: "undo.changed", jobs.WhyProtected: protection.ErrProtected.Key, jobs.WhyPlatform: "upstream.refused",
}

func refusedOf(r jobs.RefusedLine) result {
	out := result{OpenID: lists.Clip(r.Text), Result: itemRefused, Code: refusals[r.Why], Detail: string(r.Why)}
	if r.Detail != "" {
		out.Detail += ": " + r.Detail
	}
	return out
}

func cancelOperation(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	if _, err := x.Jobs.Stop(ctx, x.AppID, x.parts["id"]); err != nil {
		return err
	}
	return getOperation(ctx, x)
}

// undoOperation begins an operation that takes back what another has done, but for what has
// changed since.
func undoOperation(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := x.decode(&in, maxBody); err != nil && !errors.Is(err, body.ErrEmpty) {
		return err
	}
	j, err := x.Jobs.Undo(ctx, x.AppID, x.Actor, x.parts["id"], in.Reason)
	if err != nil {
		return err
	}
	x.accept(j)
	return nil
}

// strict is a source in which nothing may be bad.
type strict struct {
	jobs.Source
	x      *exchange
	ctx    context.Context
	blocks bool
	bad    []itemError
	seen   int
	n      int // that are bad
	ids    []mpblock.OpenID
	at     []int
}

// Read implements jobs.Source: an error tells of all that is bad.
func (s *strict) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	read, err := s.Source.Read(func(line lines.Line) error {
		s.seen++
		id, err := lists.Own(s.x.Account, line.Text)
		switch {
		case line.Problem != nil && line.Problem.Key != lines.BadNone:
			s.refuse(line.Number-1, mpblock.ErrOpenIDShape.Key, line.Problem.Error())
		case err != nil:
			e := itemErrorOf(0, err)
			s.refuse(line.Number-1, e.Code, e.Detail)
		default:
			s.ids, s.at = append(s.ids, id), append(s.at, line.Number-1)
			if len(s.ids) == atATime {
				if err := s.look(); err != nil {
					return err
				}
			}
		}
		return each(line)
	})
	var own *mpblock.Error
	if s.n == 0 && err != nil || err != nil && !errors.As(err, &own) {
		return nil, err
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	if s.n > 0 {
		slices.SortStableFunc(s.bad, func(a, b itemError) int { return a.Index - b.Index })
		return nil, &itemsError{errItems.With(s.n, s.seen), s.bad}
	}
	return read, nil
}

// look looks up what waits to be.
func (s *strict) look() error {
	var people map[mpblock.OpenID]protection.Person
	var states []mpblock.State
	var err error
	if s.blocks {
		people, err = s.x.Lists.Protection().Among(s.ctx, s.x.AppID, s.ids)
	}
	if err == nil && !s.x.AnyFollower {
		states, err = s.x.Lists.States(s.ctx, s.x.AppID, s.ids)
	}
	if err != nil {
		return err
	}
	for i, id := range s.ids {
		if p, is := people[id]; is {
			s.refuse(s.at[i], protection.ErrProtected.Key, p.Error().Message())
		} else if states != nil && !states[i].Follower && !states[i].Blocked {
			s.refuse(s.at[i], errUnknown.Key, errUnknown.With(s.x.AppID).Message())
		}
	}
	s.ids, s.at = s.ids[:0], s.at[:0]
	return nil
}

func (s *strict) refuse(index int, code, detail string) {
	if s.n++; len(s.bad) < maxErrors {
		s.bad = append(s.bad, itemError{index, code, detail})
	}
}
