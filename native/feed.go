package native

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Kinds of changes.
const (
	Blocked   = "blocked"
	Amended   = "amended" // another reason or end for who is blocked
	Unblocked = "unblocked"
	Expired   = "expired" // unblocked, as the end has come

	Protected   = "protected" // cannot be blocked; that is no change of the list
	Unprotected = "unprotected"
)

// Change is a change of the blacklist, or of who is protected.
type Change struct {
	Place      string    `json:"-"`                    // in the feed, behind it: where to go on
	Revision   uint64    `json:"revision,omitempty"`   // 1, 2, 3 … without gaps; 0: it is of who is protected
	Protection uint64    `json:"protection,omitempty"` // then, a number above that of the one before
	Kind       string    `json:"kind"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor"`
	Reason     string    `json:"reason"`
	ExpireTime time.Time `json:"expire_time,omitzero"` // when the blocks end; zero: never
	Undoes     uint64    `json:"undoes,omitempty"`     // the revision that it takes back
	OpenIDs    []string  `json:"openids"`

	// ExpireTimes are the ends that blocks have again, where it takes back a change.
	ExpireTimes map[string]time.Time `json:"expire_times,omitempty"`
}

// End returns when the block of one of the OpenIDs ends after the change, zero: never.
func (c *Change) End(openID string) time.Time {
	if c.Undoes != 0 {
		return c.ExpireTimes[openID]
	}
	return c.ExpireTime
}

// Revision returns the number of the last change of the list, after which to follow what comes
// next.
func (c *Client) Revision(ctx context.Context) (uint64, error) {
	var out struct {
		Revision uint64 `json:"revision"`
	}
	query := url.Values{"after": {"now"}, "limit": {"1"}}
	return out.Revision, c.call(ctx, request{method: http.MethodGet, path: "/changes", query: query}, nil, &out)
}

// silence is after how long without a word a stream is taken for dead: three checkpoints.
const silence = 45 * time.Second

// Feed is a stream of changes. One goroutine reads it.
type Feed struct {
	body   io.ReadCloser
	lines  *bufio.Reader
	quiet  *time.Timer
	cancel context.CancelFunc
}

// Event is one of a Feed: a change; or, where there is none, a checkpoint, which says that
// there was no change after a revision some time ago.
type Event struct {
	Change   *Change
	Revision uint64
	Age      time.Duration
}

// Follow opens the stream of the changes after a revision.
func (c *Client) Follow(ctx context.Context, after uint64) (*Feed, error) {
	return c.FollowFrom(ctx, strconv.FormatUint(after, 10))
}

// FollowFrom opens the stream of the changes behind a place. It fails with what Gone knows
// where that is of another log, as after a restore.
func (c *Client) FollowFrom(ctx context.Context, place string) (*Feed, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &Feed{quiet: time.AfterFunc(silence, cancel), cancel: cancel}
	query := url.Values{"after": {place}}
	resp, err := c.open(ctx, request{method: http.MethodGet, path: "/changes", query: query, accept: "text/event-stream"}) //nolint:bodyclose // Close closes it
	if err != nil {
		f.quiet.Stop()
		cancel()
		return nil, err
	}
	f.body, f.lines = resp.Body, bufio.NewReaderSize(resp.Body, 1<<16)
	return f, nil
}

// Close ends the stream.
func (f *Feed) Close() error {
	f.quiet.Stop()
	f.cancel()
	return f.body.Close()
}

// errEnded is the error of a stream that the server has ended.
var errEnded = errors.New("the server ended the stream")

// Next returns the next event, once it is there.
func (f *Feed) Next() (e Event, err error) {
	for {
		name, id, data, err := f.read()
		if err != nil {
			return e, fmt.Errorf("follow the changes: %w", err)
		}
		switch name {
		case "":
			e.Change = &Change{}
			if err := json.Unmarshal(data, e.Change); err != nil {
				return e, fmt.Errorf("read a change: %w", err)
			}
			e.Revision, e.Change.Place = e.Change.Revision, id
			return e, nil
		case "checkpoint":
			var c struct {
				Revision uint64 `json:"revision"`
				AgeMS    int64  `json:"age_ms"`
			}
			if err := json.Unmarshal(data, &c); err != nil {
				return e, fmt.Errorf("read a checkpoint: %w", err)
			}
			return Event{Revision: c.Revision, Age: time.Duration(c.AgeMS) * time.Millisecond}, nil
		}
	}
}

// read reads a server-sent event. Each line is a sign of life, also one that says nothing.
func (f *Feed) read() (name, id string, data []byte, err error) {
	for {
		line, err := f.lines.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errEnded
			}
			return "", "", nil, err
		}
		f.quiet.Reset(silence)
		switch key, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":")); {
		case len(key) == 0 && len(value) == 0 && data != nil:
			return name, id, data, nil
		case string(key) == "event":
			name = string(bytes.TrimPrefix(value, []byte(" ")))
		case string(key) == "id":
			id = string(bytes.TrimPrefix(value, []byte(" ")))
		case string(key) == "data":
			data = bytes.TrimPrefix(value, []byte(" "))
		}
	}
}

// Watch hands out the changes of the list after a revision as they come, for as long as ctx
// lasts: those that came together in one piece, in their order, without gaps, none twice.
// Whoever keeps the revision of the last that it has handled goes on from there another day.
// After a cut, and whatever else passes, it goes on by itself; what no patience mends ends it
// with an error, and so does what Gone knows, also of a log that has gone back meanwhile and
// grown since: then the list is to be read anew. Where ctx ends it just ends.
func (c *Client) Watch(ctx context.Context, after uint64) iter.Seq2[[]Change, error] {
	return func(yield func([]Change, error) bool) {
		place := strconv.FormatUint(after, 10)
		for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
			at, err := c.follow(ctx, after, &place, yield)
			switch {
			case err == nil || ctx.Err() != nil:
				return
			case Final(err):
				yield(nil, err)
				return
			}
			if at != after {
				after, pause = at, firstPause
			}
			c.report(err)
			Rest(ctx, pause)
		}
	}
}

// follow hands out the changes of one stream behind a place, which it moves, and returns how
// far it came. Without an error nobody wants any more.
func (c *Client) follow(ctx context.Context, at uint64, place *string, yield func([]Change, error) bool) (uint64, error) {
	f, err := c.FollowFrom(ctx, *place)
	if err != nil {
		return at, err
	}
	defer func() { _ = f.Close() }()
	var all []Change
	for {
		e, err := f.Next()
		switch {
		case err != nil && len(all) == 0:
			return at, err
		case err != nil: // what came before it counts
		case e.Change == nil || e.Revision <= at:
		case e.Revision != at+1:
			err = fmt.Errorf("change %d came after change %d", e.Revision, at)
		default:
			all, at, *place = append(all, *e.Change), e.Revision, e.Change.Place
		}
		if len(all) > 0 && (err != nil || f.lines.Buffered() == 0) {
			if !yield(all, nil) {
				return at, nil
			}
			all = nil
		}
		if err != nil {
			return at, err
		}
	}
}

// Pauses after an error.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Rest waits for half of a time or more, as many may wait for the same, and tells whether ctx
// is still there.
func Rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d/2 + rand.N(d/2)): //nolint:gosec // nothing is secret about it
		return true
	case <-ctx.Done():
		return false
	}
}
