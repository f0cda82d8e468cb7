package upstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
	"mpblock/internal/upstream/doubt"
)

// Followers is how the mirror of an account's followers stands. It is read once a day.
type Followers struct {
	Synced  time.Time `json:"synced,omitzero"`   // when they were last taken over; zero: never
	Tried   time.Time `json:"tried,omitzero"`    // when they were last asked for
	Problem string    `json:"problem,omitempty"` // what was wrong then; "": nothing
	Held    *Held     `json:"held,omitempty"`    // what a person is to decide
	Total   int       `json:"total,omitempty"`   // what the platform said at Synced
	Joined  int       `json:"joined,omitempty"`  // since the reading before
	Left    int       `json:"left,omitempty"`    // likewise
}

const (
	followersEvery = 24 * time.Hour
	followersAgain = time.Hour // after a reading that failed

	// dailyReads is how often the platform lets followers be read on a day, of which some
	// are left to programs.
	dailyReads = 500
	mostReads  = dailyReads - 100
)

var errManyFollowers = mpblock.NewError(mpblock.Limited, "upstream.followers", "%d followers would take %d calls, and the platform lets %d be made on a day: they are not mirrored")

// followersDue tells whether an account's followers are to be read now.
func (u Upstream) followersDue(now time.Time) bool {
	f := u.Followers
	return u.MirrorFollowers && f.Held == nil && now.Sub(f.Synced) >= followersEvery && now.Sub(f.Tried) >= followersAgain
}

// SyncFollowersDue reads the followers of an account on the platform, if they are mirrored
// and a day has passed. Of several nodes one does.
func (s *Service) SyncFollowersDue(ctx context.Context, app mpblock.AppID) error {
	u, err := s.Of(ctx, app)
	if now := s.clock.Now().UTC(); err != nil || !u.followersDue(now) {
		return err
	}
	mine := false
	_, err = kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		now := s.clock.Now().UTC()
		if mine = e.Value.followersDue(now); mine {
			e.Value.Followers.Tried = now
		}
		return nil
	})
	if err != nil || !mine {
		return err
	}
	_, err = s.SyncFollowers(ctx, app, false)
	return err
}

// SyncFollowers reads the followers of an account on the platform, and makes those here
// equal to them. Where too many would be gone, nobody is until sure is set.
func (s *Service) SyncFollowers(ctx context.Context, app mpblock.AppID, sure bool) (Followers, error) {
	_, c, err := s.line(ctx, app)
	if err != nil {
		return Followers{}, err
	}
	now := s.clock.Now().UTC()
	got, err := s.syncFollowers(ctx, app, c, sure)
	var f Followers
	_, noted := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		f = e.Value.Followers
		f.Tried, f.Problem, f.Held = now, "", got.Held
		switch {
		case err != nil:
			f.Problem = err.Error()
		case got.Held == nil:
			f.Synced, f.Total, f.Joined, f.Left = now, got.Total, got.Joined, got.Left
		}
		e.Value.Followers = f
		return nil
	})
	return f, errors.Join(err, noted)
}

func (s *Service) syncFollowers(ctx context.Context, app mpblock.AppID, c *client.Client, sure bool) (Followers, error) {
	there, total, err := readFollowers(ctx, c, sure)
	if err != nil {
		return Followers{}, err
	}
	switch _, now, err := s.line(ctx, app); {
	case err != nil: // erased while they were read, which takes long
		return Followers{}, err
	case now != c: // they lie elsewhere since
		return Followers{}, errBusy
	}
	joined, left, here, err := s.compareFollowers(ctx, app, there)
	if err != nil {
		return Followers{}, err
	}
	f := Followers{Total: total, Joined: len(joined), Left: len(left)}
	if doubt.Gone(here, len(left)) && !sure {
		f.Held = &Held{At: s.clock.Now().UTC(), Total: total, Removed: len(left)}
		s.log.Warn("the platform's followers have become too few to be believed: nobody is taken off until somebody says so", "appid", app, "total", total, "missing", len(left))
		return f, nil
	}
	for batch := range slices.Chunk(joined, mpblock.MaxWrite) {
		if _, err := s.store.AddFollowers(ctx, app, batch); err != nil {
			return Followers{}, err
		}
	}
	for batch := range slices.Chunk(left, mpblock.MaxWrite) {
		if _, err := s.store.RemoveFollowers(ctx, app, batch); err != nil {
			return Followers{}, err
		}
	}
	return f, nil
}

// readFollowers walks the platform's followers to their end, and returns those that can be
// held here, in byte order, each once. They are whole, unless somebody is sure.
func readFollowers(ctx context.Context, c *client.Client, sure bool) (ids []mpblock.OpenID, total int, err error) {
	seen, unlisted, last := map[client.OpenID]bool{}, 0, 0
	for after := client.OpenID(""); ; {
		p, err := c.Followers(ctx, after)
		if err != nil {
			return nil, 0, explain(err)
		}
		if after == "" {
			total = p.Total
			if calls := total/max(len(p.OpenIDs), 1) + 1; calls > mostReads && len(p.OpenIDs) > 0 {
				return nil, 0, errManyFollowers.With(total, calls, dailyReads)
			}
		}
		if after == "" || len(p.OpenIDs) > 0 {
			last = p.Total
		}
		for _, text := range p.OpenIDs {
			id, err := mpblock.ParseOpenID(string(text))
			if err != nil {
				unlisted++
				continue
			}
			ids = append(ids, id)
		}
		if len(p.OpenIDs) == 0 || p.Next == "" || seen[p.Next] || len(ids)+unlisted >= total {
			break
		}
		seen[p.Next], after = true, p.Next
	}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	ids = slices.Compact(ids)
	if n := len(ids) + unlisted; !sure && (n < min(total, last)-doubt.Passing(total) || n == 0 && total > 0) {
		return nil, 0, errShort.With(n, total)
	}
	return ids, total, nil
}

// compareFollowers returns who follows there and not here, who here and not there, and how
// many here.
func (s *Service) compareFollowers(ctx context.Context, app mpblock.AppID, there []mpblock.OpenID) (joined, left []mpblock.OpenID, here int, err error) {
	for after := (mpblock.OpenID{}); ; {
		page, err := s.store.Followers(ctx, app, after, mpblock.MaxWrite)
		if err != nil {
			return nil, nil, 0, err
		}
		for _, id := range page.OpenIDs {
			for after = id; len(there) > 0 && there[0].Compare(id) < 0; there = there[1:] {
				joined = append(joined, there[0])
			}
			if len(there) > 0 && there[0] == id {
				there = there[1:]
			} else {
				left = append(left, id)
			}
		}
		if here += len(page.OpenIDs); len(page.OpenIDs) < mpblock.MaxWrite {
			return append(joined, there...), left, here, nil
		}
	}
}
