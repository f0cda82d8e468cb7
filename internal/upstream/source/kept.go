package source

import (
	"context"
	"time"

	"mpblock"
)

// found is a token, as a place has it.
type found struct {
	token string
	end   time.Time // zero: unknown
}

// good tells whether it has not ended, as far as that is known.
func (f found) good(now time.Time) bool {
	return f.token != "" && (f.end.IsZero() || now.Before(f.end))
}

// place is where a token is looked for. Dead is "", or one that the platform has refused;
// the place may have no other.
type place struct {
	ask     func(ctx context.Context, dead string, now time.Time) (found, error)
	changed func() bool // whether another may be there than the last time; nil: nobody knows without asking
}

// For how long a token is kept.
const (
	endMargin  = time.Minute      // before its end another is asked for
	shortLife  = 5 * time.Second  // of one that is near its end, or whose place does not answer
	guessed    = time.Minute      // of one whose end is unknown
	deadMargin = 10 * time.Second // how long after one that is dead the place is left alone
)

var errDead = mpblock.NewError(mpblock.Unavailable, "source.dead", "the platform has refused the token, and where tokens come from there is no other yet: whoever renews them has to")

// kept is a source that keeps the token of a place: it implements client.TokenSource.
type kept struct {
	place

	turn  chan struct{} // one asks, the others wait
	now   found
	until time.Time // now is good until then
	dead  string    // the last token that was refused, and of which the place had no other
	after time.Time // before then the place is not asked again
}

func keep(p place) *kept { return &kept{place: p, turn: make(chan struct{}, 1)} }

// Token returns the token that is kept, or asks for another. Where the place fails, the one
// that is kept is good until its end, or until the platform refuses it.
func (k *kept) Token(ctx context.Context, refused string) (string, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := time.Now()
	stale := k.changed != nil && k.changed()
	if k.now.token != "" && k.now.token != refused && now.Before(k.until) && !stale {
		return k.now.token, nil
	}
	if k.dead != "" && now.Before(k.after) && !stale {
		return "", errDead
	}
	dead := refused
	if dead == "" {
		dead = k.dead
	}
	if refused != "" && refused == k.now.token {
		k.now, k.dead, k.after = found{}, refused, now
	}
	next, err := k.ask(ctx, dead, now)
	switch {
	case err == nil:
	case ctx.Err() == nil && k.now.good(now):
		k.until = now.Add(shortLife) // it is good, as far as anybody knows, and then the place is tried again
		return k.now.token, nil
	default:
		return "", err
	}
	if next.token == refused {
		k.now, k.dead, k.after = found{}, refused, now.Add(deadMargin)
		return "", errDead
	}
	// One that was refused some time ago is tried again: the platform may have been wrong.
	k.now, k.until = next, now.Add(life(next, now))
	if next.token != k.dead {
		k.dead = ""
	}
	return next.token, nil
}

// life returns how long a token may be kept.
func life(f found, now time.Time) time.Duration {
	if f.end.IsZero() {
		return guessed
	}
	return max(f.end.Sub(now)-endMargin, shortLife)
}
