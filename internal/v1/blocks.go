package v1

import (
	"context"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	"mpblock/internal/remarks"
	"mpblock/internal/v1/checking"
)

// entry is a block.
type entry struct {
	OpenID     string     `json:"openid"`
	CreateTime time.Time  `json:"create_time"` // of the change that the entry belongs to
	ExpireTime *time.Time `json:"expire_time,omitempty"`
	Reason     string     `json:"reason"`
	Note       string     `json:"note,omitempty"` // the remark of the person, whatever the block; see remarks
	Actor      string     `json:"actor"`
	Revision   uint64     `json:"revision"` // of that change
}

func entryOf(h past.Held) entry {
	return entry{OpenID: h.OpenID.String(), CreateTime: h.By.Time, ExpireTime: timeOf(h.By.Until), Reason: h.By.Reason, Actor: h.By.Actor, Revision: h.By.Seq}
}

// timeOf is a time that may be absent.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// etag names an entry.
func etag(seq uint64) string { return `"` + seqText(seq) + `"` }

func getBlock(ctx context.Context, x *exchange) error {
	if err := x.knows("min_revision", "as_of"); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	held, err := x.read(ctx, []mpblock.OpenID{id})
	if err != nil {
		return err
	}
	if held[0].By.Seq == 0 {
		return errNotBlocked.With(id)
	}
	return x.show(ctx, held[0])
}

// read returns what the entries of OpenIDs belong to, or did at the revision that the query
// asks for.
func (x *exchange) read(ctx context.Context, ids []mpblock.OpenID) ([]past.Held, error) {
	asOf, given, err := x.reading(ctx)
	if err != nil {
		return nil, err
	}
	if given {
		x.at(asOf)
		return x.Past.At(ctx, x.AppID, ids, asOf)
	}
	held, revision, err := x.Past.Now(ctx, x.AppID, ids)
	x.at(revision)
	return held, err
}

// held returns what the entry of an OpenID belongs to.
func (x *exchange) held(ctx context.Context, id mpblock.OpenID) (past.Held, error) {
	all, revision, err := x.Past.Now(ctx, x.AppID, []mpblock.OpenID{id})
	if err != nil {
		return past.Held{}, err
	}
	x.at(revision)
	return all[0], nil
}

// show answers with an entry.
func (x *exchange) show(ctx context.Context, h past.Held) error {
	x.w.Header().Set("ETag", etag(h.By.Seq))
	one := []entry{entryOf(h)}
	err := x.annotate(ctx, one)
	x.body = one[0]
	return err
}

// annotate gives entries the notes of their OpenIDs.
func (x *exchange) annotate(ctx context.Context, entries []entry) error {
	ids := make([]mpblock.OpenID, len(entries))
	for i, e := range entries {
		ids[i], _ = mpblock.ParseOpenID(e.OpenID) // as it was written
	}
	notes, err := x.Remarks.Of(ctx, x.AppID, ids)
	for i := range entries {
		entries[i].Note = notes[ids[i]].Remark
	}
	return err
}

// check tells of each OpenID whether it is blocked.
func check(ctx context.Context, x *exchange) error {
	if err := x.knows("min_revision", "as_of"); err != nil {
		return err
	}
	var body checking.Body
	if err := x.decode(&body, maxBody); err != nil {
		return err
	}
	ids, err := x.openIDs(body.OpenIDs, maxItems)
	if err != nil {
		return err
	}
	results := make([]checking.Result, len(ids))
	if x.query("as_of") != "" {
		held, err := x.read(ctx, ids)
		if err != nil {
			return err
		}
		for i, h := range held {
			results[i] = checking.Result{OpenID: body.OpenIDs[i], Blocked: h.By.Seq != 0, Until: h.By.Until}
		}
		x.body = written(checking.Append(nil, results, *x.revision))
		return nil
	}
	if err := x.wait(ctx); err != nil {
		return err
	}
	states, revision, err := x.Past.States(ctx, x.AppID, ids)
	if err != nil {
		return err
	}
	x.at(revision)
	for i, s := range states {
		results[i] = checking.Result{OpenID: body.OpenIDs[i], Blocked: s.Blocked, Until: s.Until}
	}
	x.body = written(checking.Append(make([]byte, 0, checking.Size(len(ids))), results, revision))
	return nil
}

// maxItems is how many items one call takes at once.
const maxItems = lists.MaxByHand

// tries is how often a change is tried anew that another got in the way of.
const tries = 5

// putBlock blocks an OpenID, or gives its entry another reason and end.
func putBlock(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	var body struct {
		Reason string  `json:"reason"`
		Note   *string `json:"note"`
		end
	}
	if err := x.decode(&body, maxBody); err != nil {
		return err
	}
	if body.Note != nil {
		if _, _, err := remarks.Check("", *body.Note); err != nil {
			return mpblock.At(err, "note")
		}
	}
	until, err := body.at(x.Clock.Now())
	if err != nil {
		return err
	}
	reason, err := lists.CheckReason(body.Reason)
	if err != nil {
		return err
	}
	made, err := x.put(ctx, id, reason, until)
	if err == nil && body.Note != nil {
		err = x.Remarks.SetRemark(ctx, x.Account, x.Actor, id, *body.Note)
	}
	if err != nil {
		return err
	}
	return x.show(ctx, made)
}

// put blocks an OpenID or amends its entry, and returns what it belongs to then.
func (x *exchange) put(ctx context.Context, id mpblock.OpenID, reason string, until time.Time) (past.Held, error) {
	for range tries {
		held, err := x.held(ctx, id)
		if err != nil {
			return past.Held{}, err
		}
		only, err := x.matches(held)
		if err != nil {
			return past.Held{}, err
		}
		action := mpblock.Block
		if held.By.Seq != 0 {
			if action = mpblock.Amend; held.By.Reason == reason && held.By.Until.Equal(until) {
				return held, nil
			}
		}
		made, err := x.Lists.ByHand(ctx, x.Account, lists.Hand{Actor: x.Actor, Action: action, OpenIDs: []string{id.String()}, Reason: reason, Until: until, Last: only})
		if err != nil {
			return past.Held{}, err
		}
		if made.Seq == 0 {
			continue // another has changed it meanwhile
		}
		x.at(made.Seq)
		if action == mpblock.Block {
			x.status = http.StatusCreated
		}
		c, err := x.Lists.ChangeAt(ctx, x.AppID, made.Seq)
		return past.Held{OpenID: id, By: c}, err
	}
	return past.Held{}, errBusy
}

// matches holds an entry against the header If-Match, and returns which change has to be
// the last of the OpenID when it is changed, so that it is that entry still; 0: whichever.
func (x *exchange) matches(held past.Held) (only uint64, err error) {
	want := strings.Join(x.r.Header.Values("If-Match"), ",")
	if want == "" {
		return 0, nil
	}
	for one := range strings.SplitSeq(want, ",") {
		if one = strings.TrimSpace(one); held.By.Seq != 0 && (one == "*" || one == etag(held.By.Seq)) {
			return held.Last, nil
		}
	}
	return 0, errUnmatched
}

// deleteBlock unblocks an OpenID; who is not blocked stays so.
func deleteBlock(ctx context.Context, x *exchange) error {
	if err := x.knows("reason"); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	for range tries {
		held, err := x.held(ctx, id)
		if err != nil {
			return err
		}
		only, err := x.matches(held)
		if err != nil {
			return err
		}
		made, err := x.Lists.ByHand(ctx, x.Account, lists.Hand{Actor: x.Actor, Action: mpblock.Unblock, OpenIDs: []string{id.String()}, Reason: x.query("reason"), Last: only})
		if err != nil {
			return err
		}
		if made.Seq != 0 {
			x.at(made.Seq)
		}
		if made.Seq != 0 || only == 0 {
			return nil
		}
	}
	return errBusy
}
