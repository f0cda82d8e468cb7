package v1

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/v1/sse"
)

// Limits of the feed.
const (
	maxChanges     = 1_000
	defaultChanges = 100
	maxPollWait    = time.Minute
)

// change is a change as the feed tells of it.
type change struct {
	Revision   uint64     `json:"revision"`
	Kind       feed.Kind  `json:"kind"`
	Time       time.Time  `json:"time"`
	Actor      string     `json:"actor"`
	Reason     string     `json:"reason"`
	ExpireTime *time.Time `json:"expire_time,omitempty"`
	Undoes     uint64     `json:"undoes,omitempty"`
	OpenIDs    []string   `json:"openids"`

	// ExpireTimes are the ends of the entries that an undo gives back; those who are not in
	// it have none.
	ExpireTimes map[string]time.Time `json:"expire_times,omitempty"`
}

func changeOf(e feed.Event) change {
	c := change{
		Revision: e.Seq, Kind: e.Kind, Time: e.Time, Actor: e.Actor, Reason: e.Reason, ExpireTime: timeOf(e.Until),
		Undoes: e.Undoes, OpenIDs: texts(e.OpenIDs),
	}
	if len(e.Ends) > 0 {
		c.ExpireTimes = make(map[string]time.Time, len(e.Ends))
		for id, end := range e.Ends {
			c.ExpireTimes[id.String()] = end
		}
	}
	return c
}

func texts(ids []mpblock.OpenID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// changes is a piece of the feed.
type changes struct {
	Changes  []change `json:"changes"`
	Revision uint64   `json:"revision"` // to go on after
	More     bool     `json:"more"`
}

// changesAfter answers with the changes after a revision, and waits for some if it is
// asked to; or it streams them.
func changesAfter(ctx context.Context, x *exchange) error {
	after, limit, wait, err := x.place(ctx)
	if err != nil {
		return err
	}
	streamed := strings.Contains(x.r.Header.Get("Accept"), "text/event-stream")
	if wait > 0 || streamed {
		if err := x.streams.Enter(); err != nil {
			return err
		}
		defer x.streams.Leave()
	}
	if streamed {
		s := stream{Writer: sse.New(x.w), x: x, at: after}
		return x.begin(s.run(ctx, limit))
	}
	page, err := x.page(ctx, after, limit, wait)
	if err != nil {
		return x.begin(err)
	}
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(writeTime))
	out := changes{Changes: make([]change, len(page.Events)), Revision: after}
	for i, e := range page.Events {
		out.Changes[i], out.Revision = changeOf(e), e.Seq
	}
	out.More = out.Revision < page.Head
	x.at(max(page.Head, out.Revision))
	x.body = out
	return nil
}

// begin adds to an error where one can begin anew, if that is what it says.
func (x *exchange) begin(err error) error {
	var own *mpblock.Error
	if errors.As(err, &own) && errors.Is(err, feed.ErrGone) && len(own.Args) == 2 {
		head, _ := own.Args[1].(uint64)
		x.at(head)
	}
	return err
}

// page returns a piece of the feed, empty if none has come in time or the server stops.
func (x *exchange) page(ctx context.Context, after uint64, limit int, wait time.Duration) (feed.Page, error) {
	if x.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait+x.Timeout)
		defer cancel()
	}
	if wait == 0 {
		return x.Feed.Read(ctx, x.AppID, after, limit)
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	f := x.Feed.Follow(x.AppID)
	defer f.Close()
	page, err := f.Next(waiting, after, limit)
	if errors.Is(err, feed.ErrStopped) || err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return feed.Page{}, nil
	}
	return page, err
}

// place reads where the feed is to begin, how much of it is wanted, and how long to wait.
func (x *exchange) place(ctx context.Context) (after uint64, limit int, wait time.Duration, err error) {
	if err := x.knows("after", "limit", "wait"); err != nil {
		return 0, 0, 0, err
	}
	text := x.query("after")
	if last := x.r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	switch text {
	case "":
	case "now":
		after, err = x.Past.Revision(ctx, x.AppID)
	default:
		after, err = parseNumber("after", text)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	n, err := x.number("limit")
	if err != nil {
		return 0, 0, 0, err
	}
	if limit = defaultChanges; n > maxChanges || n == 0 && x.asked.Has("limit") {
		return 0, 0, 0, errQuery.With("limit", "want 1 to 1000")
	} else if n > 0 {
		limit = int(n)
	}
	if text := x.query("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxPollWait {
			return 0, 0, 0, errQuery.With("wait", "want a time as 30s, up to 60s, not "+clip(text))
		}
	}
	return after, limit, wait, nil
}
