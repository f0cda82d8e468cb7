package v1

import (
	"context"
	"net/http"

	"mpblock"
	"mpblock/internal/lists"
)

// follower is a follower.
type follower struct {
	OpenID  string `json:"openid"`
	Blocked bool   `json:"blocked"`
}

type followersPage struct {
	Followers []follower `json:"followers"`
	Total     int        `json:"total"` // of all followers
	Next      string     `json:"next_page_token,omitempty"`
}

// listFollowers answers with a page of the followers, by OpenID.
func listFollowers(ctx context.Context, x *exchange) error {
	if err := x.knows("limit", "page_token", "min_revision"); err != nil {
		return err
	}
	p, err := x.paging()
	if err != nil {
		return err
	}
	if err := x.wait(ctx); err != nil {
		return err
	}
	out := followersPage{Followers: []follower{}}
	q := lists.FollowerQuery{}
	copy(q.After[:], p.after) // of a token of ours
	for {
		q.Limit = min(p.limit-len(out.Followers), lists.MaxRows)
		some, err := x.Lists.FollowerRows(ctx, x.AppID, q)
		if err != nil {
			return err
		}
		for _, row := range some.Rows {
			out.Followers = append(out.Followers, follower{row.OpenID.String(), row.Blocked})
		}
		out.Total, q.After = some.Total, some.Next
		if q.After == (mpblock.OpenID{}) || len(out.Followers) == p.limit {
			break
		}
	}
	out.Next = x.next(0, q.After.String())
	x.body = out
	return nil
}

// Errors of followers.
var (
	errNoFollower         = mpblock.NewError(mpblock.NotFound, "follower.none", "%s is no follower of account %s")
	errFollowersUnknown   = mpblock.NewError(mpblock.Conflict, "followers.unknown", "who follows account %s is not known here: its followers lie on the platform, and were never read from there; have them mirrored (mpblock account set --mirror-followers true), or ask /cgi-bin/user/get")
	errFollowersElsewhere = mpblock.NewError(mpblock.Conflict, "followers.elsewhere", "who follows account %s is the platform's to say, where its followers lie: they are not changed here")
)

func getFollower(ctx context.Context, x *exchange) error {
	if err := x.knows("min_revision"); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	if err := x.wait(ctx); err != nil {
		return err
	}
	states, revision, err := x.Past.States(ctx, x.AppID, []mpblock.OpenID{id})
	if err != nil {
		return err
	}
	x.at(revision)
	if !states[0].Follower {
		return errNoFollower.With(id, x.AppID)
	}
	x.body = follower{id.String(), states[0].Blocked}
	return nil
}

func putFollower(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	added, err := x.Lists.AddFollowers(ctx, x.Account, []mpblock.OpenID{id})
	if err != nil {
		return err
	}
	if added > 0 {
		x.status = http.StatusCreated
	}
	states, revision, err := x.Past.States(ctx, x.AppID, []mpblock.OpenID{id})
	if err != nil {
		return err
	}
	x.at(revision)
	x.body = follower{id.String(), states[0].Blocked}
	return nil
}

func deleteFollower(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	_, err = x.Lists.RemoveFollowers(ctx, x.Account, []mpblock.OpenID{id})
	return err
}

// followersChanged is what became of followers that were added or removed.
type followersChanged struct {
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

func addFollowers(ctx context.Context, x *exchange) error {
	return changeFollowers(ctx, x, x.Lists.AddFollowers)
}

func removeFollowers(ctx context.Context, x *exchange) error {
	return changeFollowers(ctx, x, x.Lists.RemoveFollowers)
}

// changeFollowers adds or removes followers, all or none.
func changeFollowers(ctx context.Context, x *exchange, change func(context.Context, *mpblock.Account, []mpblock.OpenID) (int, error)) error {
	if err := x.knows(); err != nil {
		return err
	}
	var body struct {
		OpenIDs []string `json:"openids"`
	}
	if err := x.decode(&body, maxBody); err != nil {
		return err
	}
	ids, err := x.openIDs(body.OpenIDs, maxItems)
	if err != nil {
		return err
	}
	n, err := change(ctx, x.Account, ids)
	if err != nil {
		return err
	}
	x.body = followersChanged{Changed: n, Unchanged: len(mpblock.Distinct(ids)) - n}
	return nil
}
