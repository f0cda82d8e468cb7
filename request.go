package mpblock

import (
	"context"
	"crypto/sha256"
	"time"
)

// RequestID names what a batch was asked for by, so that it is applied once, however
// often it is asked for: see Lists.Apply.
type RequestID struct {
	Key     [16]byte // the request, within its account; zero: it is not named
	Content [16]byte // a digest of what was asked for
}

// NewRequestID returns the ID of a request by the key that its caller has chosen, and all
// that was asked for. Whoever has several batches for one request gives each another key.
func NewRequestID(key string, content []byte) (id RequestID) {
	k, c := sha256.Sum256([]byte(key)), sha256.Sum256(content)
	copy(id.Key[:], k[:])
	copy(id.Content[:], c[:])
	return id
}

// Named tells whether there is an ID.
func (id RequestID) Named() bool { return id.Key != [16]byte{} }

// KeepRequests is for how long a request is remembered after its Time. From then on its
// key may be used for another.
const KeepRequests = 24 * time.Hour

// Request is a batch with an ID that was applied.
type Request struct {
	ID   RequestID
	Time time.Time // of its Change, or of the batch where that changed nothing; UTC, whole milliseconds
	Seq  uint64    // of its Change; 0: it changed nothing
}

// ErrReused is the error of a batch whose key is that of a request for something else.
var ErrReused = NewError(Conflict, "request.reused", "the key of this request was used within the last 24 hours to ask for something else, which was done: give what is new a key of its own")

// Answers tells whether the request is the one of a batch, which then gets its outcome.
// It does not where its time has passed, and is ErrReused where it asked for something else.
func (r Request) Answers(b Batch) (bool, error) {
	switch {
	case !r.ID.Named() || !b.Time.Before(r.Time.Add(KeepRequests)):
		return false, nil
	case r.ID.Content != b.ID.Content:
		return false, ErrReused
	}
	return true, nil
}

// Request returns what is remembered of a batch with an ID that has become a Change; the
// zero one: it changed nothing.
func (b Batch) Request(c Change) Request {
	r := Request{ID: b.ID, Time: c.Time, Seq: c.Seq}
	if c.Seq == 0 {
		r.Time = time.UnixMilli(b.Time.UnixMilli()).UTC()
	}
	return r
}

// Asked tells whether a batch with an ID was applied to an account before, so that Apply
// would return its outcome; the error is ErrReused where its key was used for another.
func Asked(ctx context.Context, store Lists, app AppID, b Batch) (bool, error) {
	if !b.ID.Named() {
		return false, nil
	}
	before := b.ID.Key
	for i := len(before) - 1; i >= 0; i-- {
		if before[i]--; before[i] != 0xff {
			break
		}
	}
	found, err := store.Requests(ctx, app, before, 1)
	if err != nil || len(found) == 0 || found[0].ID.Key != b.ID.Key {
		return false, err
	}
	return found[0].Answers(b)
}
