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
	"mpblock/internal/v1/told"
)

// Limits of the feed.
const (
	maxChanges     = 1_000
	defaultChanges = 100
	maxPollWait    = time.Minute
)

// changes is a piece of the feed.
type changes struct {
	Changes  []told.Change `json:"changes"`
	Revision uint64        `json:"revision"`
	Place    string        `json:"place"` // to go on after
	More     bool          `json:"more"`
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
	out := changes{Changes: make([]told.Change, len(page.Events))}
	for i, e := range page.Events {
		out.Changes[i], after = told.Of(e), after.After(e)
	}
	out.Revision, out.Place, out.More = after.Revision, after.String(), page.More(after)
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
func (x *exchange) page(ctx context.Context, after feed.Place, limit int, wait time.Duration) (feed.Page, error) {
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

// after reads where the feed is to begin.
func (x *exchange) after(ctx context.Context) (feed.Place, error) {
	text := x.query("after")
	if last := x.r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	if text == "" {
		return feed.Place{}, nil
	}
	after, whole, ok := feed.ParsePlace(text)
	switch {
	case text == "now":
		head, err := x.Past.Revision(ctx, x.AppID)
		if err != nil {
			return after, err
		}
		return x.Feed.Now(ctx, x.AppID, head)
	case !ok:
		return after, errQuery.With("after", "want a place of an answer, a revision, or now, not "+clip(text))
	case whole:
		return after, x.Feed.Verify(ctx, x.AppID, after)
	}
	return x.Feed.Place(ctx, x.AppID, after.Revision)
}

// place reads where the feed is to begin, how much of it is wanted, and how long to wait.
func (x *exchange) place(ctx context.Context) (after feed.Place, limit int, wait time.Duration, err error) {
	if err := x.knows("after", "limit", "wait", "access_token"); err != nil {
		return after, 0, 0, err
	}
	if after, err = x.after(ctx); err != nil {
		return after, 0, 0, x.begin(err)
	}
	n, err := x.number("limit")
	if err != nil {
		return after, 0, 0, err
	}
	if limit = defaultChanges; n > maxChanges || n == 0 && x.asked.Has("limit") {
		return after, 0, 0, errQuery.With("limit", "want 1 to 1000")
	} else if n > 0 {
		limit = int(n)
	}
	if text := x.query("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxPollWait {
			return after, 0, 0, errQuery.With("wait", "want a time as 30s, up to 60s, not "+clip(text))
		}
	}
	return after, limit, wait, nil
}
