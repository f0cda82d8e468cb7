package v1

import (
	"context"
	"net/http"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/v1/sse"
	"mpblock/internal/v1/told"
)

// Times of a stream.
const (
	checkpointEvery = 15 * time.Second
	writeTime       = 20 * time.Second // for what was written to leave; who does not read is cut
)

// stream is the feed as server-sent events: each change with the place behind it as the id, and
// checkpoints, which say that there is none behind a revision. What it has in memory is one
// page, also where nobody reads what is sent.
type stream struct {
	*sse.Writer
	x   *exchange
	at  feed.Place // behind the last change that was sent
	due time.Time  // of the next checkpoint
}

// checkpoint says that there was no change behind a revision some time ago.
type checkpoint struct {
	Revision uint64 `json:"revision"`
	AgeMS    int64  `json:"age_ms"`
}

// run streams until the caller goes, may no more, does not read, or the server stops. An
// error is of what comes before the first byte.
func (s *stream) run(ctx context.Context, limit int) error {
	f := s.x.Feed.Follow(s.x.AppID)
	defer f.Close()
	page, err := s.x.page(ctx, s.at, limit, 0)
	if err != nil {
		return err
	}
	s.Begin(s.at.String())
	s.x.sent, s.x.status = true, http.StatusOK
	defer func() { s.x.size = s.Sent }()
	for {
		s.take(page)
		if !time.Now().Before(s.due) {
			if err := s.x.authorize(ctx); err != nil && refused(err) {
				return nil
			}
			s.check(ctx, f, len(page.Events) == 0)
		}
		if err := s.Send(time.Now().Add(writeTime)); err != nil {
			return nil // the caller is gone, or does not read
		}
		if page, err = s.next(ctx, f, limit); err != nil {
			return nil // the stream ends; who asks again after the last id hears why
		}
	}
}

// refused tells whether an error says that the caller may not, and not that it cannot be
// known now.
func refused(err error) bool {
	k := mpblock.KindOf(err)
	return k != mpblock.Internal && k != mpblock.Unavailable
}

// next waits for changes until the next checkpoint is due; the page is empty then.
func (s *stream) next(ctx context.Context, f *feed.Follower, limit int) (feed.Page, error) {
	wait := s.x.Checkpoint
	if left := time.Until(s.due); left > 0 {
		wait = left
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	page, err := f.Next(waiting, s.at, limit)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return feed.Page{}, nil
	}
	return page, err
}

// check writes a checkpoint. Where it is not known what there is, who watches a connection
// on which nothing comes gets a line that says nothing.
func (s *stream) check(ctx context.Context, f *feed.Follower, idle bool) {
	age, ok := f.Check(ctx, s.at.Revision)
	switch {
	case ok:
		s.due = time.Now().Add(s.x.Checkpoint)
		s.Event("checkpoint", s.at.String(), checkpoint{s.at.Revision, age.Milliseconds()})
	case idle:
		s.Nothing()
	}
}

// take writes the changes of a page.
func (s *stream) take(page feed.Page) {
	for _, e := range page.Events {
		s.at = s.at.After(e)
		s.Event("", s.at.String(), told.Of(e))
	}
}
