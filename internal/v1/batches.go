package v1

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
	"mpblock/internal/v1/spool"
)

// maxBatch is how many bytes a batch of JSON has at most. One of NDJSON may have more.
const maxBatch = 4 << 20

// errUnknown is the error of an item that the account does not know.
var errUnknown = mpblock.NewError(mpblock.Conflict, "openid.unknown", "neither a follower of account %s nor blocked")

// asked is what a batch asks for beside its OpenIDs.
type asked struct {
	Action string `json:"action"`
	Reason string `json:"reason"`
	end
	OnBad        string `json:"on_bad"`
	ValidateOnly bool   `json:"validate_only"`
}

// batch is a batch that has been read.
type batch struct {
	action mpblock.Action
	reason string
	until  time.Time
	skip   bool // what is bad, and do the others
	dry    bool // change nothing
	id     mpblock.RequestID
}

var actions = map[string]mpblock.Action{"block": mpblock.Block, "unblock": mpblock.Unblock, "amend": mpblock.Amend}

// batch reads what is asked for.
func (x *exchange) batch(a asked) (b batch, err error) {
	b = batch{action: actions[a.Action], skip: a.OnBad == "skip", dry: a.ValidateOnly}
	switch {
	case b.action == 0:
		return b, errField.With("action", "want block, unblock or amend, not "+clip(a.Action))
	case a.OnBad != "" && a.OnBad != "fail" && a.OnBad != "skip":
		return b, errField.With("on_bad", "want fail or skip, not "+clip(a.OnBad))
	case b.action == mpblock.Unblock && a.end != end{}:
		return b, errField.With("ttl", "what is unblocked has no end")
	}
	if b.until, err = a.at(x.Clock.Now()); err != nil {
		return b, err
	}
	if b.reason, err = lists.CheckReason(a.Reason); err != nil {
		return b, err
	}
	if b.action == mpblock.Unblock {
		return b, x.may(mpblock.CallUnblock)
	}
	return b, x.may(mpblock.CallBlock)
}

// postBatch changes many OpenIDs: up to maxItems at once, more as an operation.
func postBatch(ctx context.Context, x *exchange) error {
	kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if kind == "application/x-ndjson" {
		if x.r.Header.Get(idempotencyKey) != "" {
			return errKeyLong.With(x.most())
		}
		return postStream(ctx, x)
	}
	if err := x.knows(); err != nil {
		return err
	}
	var body struct {
		asked
		OpenIDs []string `json:"openids"`
	}
	if err := x.decode(&body, maxBatch); err != nil {
		return err
	}
	b, err := x.batch(body.asked)
	if err != nil {
		return err
	}
	most := x.most()
	if b.id, err = x.requestID(body); err != nil {
		return err
	}
	if err := x.Lists.CheckOnce(ctx, x.AppID, b.until, b.id); err != nil {
		return err
	}
	if b.id.Named() && len(body.OpenIDs) > most {
		return errKeyLong.With(most)
	}
	if len(body.OpenIDs) > most {
		return x.operate(ctx, b, &spool.Listed{All: body.OpenIDs})
	}
	if x.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.Timeout)
		defer cancel()
	}
	return x.atOnce(ctx, b, body.OpenIDs)
}

// most is how many OpenIDs a batch has that is done at once.
func (x *exchange) most() int {
	if x.Upstream != "" {
		return lists.MaxBatch // of which the platform takes all or none
	}
	return maxItems
}

// idempotencyKey is the header that names a batch, which is then done once.
const (
	idempotencyKey = "Idempotency-Key"
	maxKey         = 255
)

// Errors of batches that bear a key.
var (
	errKey     = mpblock.NewError(mpblock.Invalid, "request.key", "an Idempotency-Key of %d bytes: want 1 to %d of printable ASCII")
	errKeyLong = mpblock.NewError(mpblock.Invalid, "request.key.operation", "an operation takes no Idempotency-Key, and a batch of more than %d OpenIDs of this account is one: begin it without, which blocks nobody twice")
)

// requestID is what a batch is known by when it comes again: its key, within the program
// that has chosen it, and all that it asks for.
func (x *exchange) requestID(body any) (mpblock.RequestID, error) {
	key := x.r.Header.Get(idempotencyKey)
	if key == "" {
		return mpblock.RequestID{}, nil
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return mpblock.RequestID{}, errKey.With(len(key), maxKey)
	}
	content, err := json.Marshal(body)
	return mpblock.NewRequestID(x.Program+"/"+key, content), err
}

// postStream makes an operation of a body with one OpenID a line; what else is asked for
// stands in the query.
func postStream(ctx context.Context, x *exchange) error {
	if err := x.knows("action", "reason", "expire_time", "ttl", "on_bad", "validate_only"); err != nil {
		return err
	}
	a := asked{Action: x.query("action"), Reason: x.query("reason"), end: end{x.query("expire_time"), x.query("ttl")}, OnBad: x.query("on_bad")}
	switch v := x.query("validate_only"); v {
	case "", "false":
	case "true":
		a.ValidateOnly = true
	default:
		return errQuery.With("validate_only", "want true or false, not "+clip(v))
	}
	b, err := x.batch(a)
	if err := errors.Join(err, x.Lists.CheckUntil(b.until)); err != nil {
		return err
	}
	if err := x.uploads.Enter(x.AppID); err != nil {
		return err
	}
	defer x.uploads.Leave(x.AppID)
	spool.Extend(x.w)
	list := &spool.Spool{Body: http.MaxBytesReader(x.w, x.r.Body, maxStream)}
	defer list.Close() //nolint:errcheck // it was only read
	return x.operate(ctx, b, list)
}

// outcome is what became of a batch.
type outcome struct {
	Revision  uint64   `json:"revision,omitempty"` // of the change that it made; absent if it made none
	Changed   int      `json:"changed"`
	Unchanged int      `json:"unchanged"`
	Refused   int      `json:"refused"`
	Results   []result `json:"results"`
}

// result is what became of one item.
type result struct {
	OpenID string `json:"openid"`
	Result string `json:"result"` // changed, unchanged, refused
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Results.
const (
	itemChanged   = "changed"
	itemUnchanged = "unchanged"
	itemRefused   = "refused"
)

// items are the OpenIDs of a batch on their way.
type items struct {
	texts []string
	ids   []mpblock.OpenID
	bad   []itemError
	would map[mpblock.OpenID]bool // who may be changed, and whether that changes anything
	safe  map[mpblock.OpenID]bool // who is protected
}

// look reads the items and looks up each that is an OpenID of the account.
func (x *exchange) look(ctx context.Context, texts []string, action mpblock.Action) (items, error) {
	it := items{texts: texts, ids: make([]mpblock.OpenID, len(texts)), would: map[mpblock.OpenID]bool{}, safe: map[mpblock.OpenID]bool{}}
	var own []mpblock.OpenID
	for i, s := range texts {
		id, err := lists.Own(x.Account, s)
		if err != nil {
			it.bad = append(it.bad, itemErrorOf(i, err))
			continue
		}
		it.ids[i] = id
		own = append(own, id)
	}
	own = mpblock.Distinct(own)
	states, revision, err := x.Past.States(ctx, x.AppID, own)
	if err != nil {
		return it, err
	}
	x.at(revision)
	for i, s := range states {
		if x.AnyFollower || s.Follower || s.Blocked {
			it.would[own[i]] = s.Blocked != (action == mpblock.Block)
		}
	}
	if action == mpblock.Block {
		if err := x.guard(ctx, &it); err != nil {
			return it, err
		}
	}
	for i, id := range it.ids {
		if _, known := it.would[id]; !known && !it.safe[id] && id != (mpblock.OpenID{}) {
			it.bad = append(it.bad, itemErrorOf(i, errUnknown.With(x.AppID)))
		}
	}
	slices.SortFunc(it.bad, func(a, b itemError) int { return a.Index - b.Index })
	return it, nil
}

// guard refuses those items that are protected.
func (x *exchange) guard(ctx context.Context, it *items) error {
	people, err := x.Lists.Protection().Among(ctx, x.AppID, it.ids)
	for i, id := range it.ids {
		p, is := people[id]
		if _, known := it.would[id]; !is || !known && !it.safe[id] {
			continue
		}
		delete(it.would, id)
		it.safe[id] = true
		it.bad = append(it.bad, itemErrorOf(i, p.Error()))
	}
	return err
}

// atOnce changes the items of a batch by one change.
func (x *exchange) atOnce(ctx context.Context, b batch, texts []string) error {
	if len(texts) == 0 {
		return errItemCount.With(0, maxItems)
	}
	for range tries {
		it, err := x.look(ctx, texts, b.action)
		if err != nil {
			return err
		}
		// What bears a key may have been done before somebody unfollowed, or was protected.
		again := b.id.Named() && !b.dry && it.strange() && (!b.skip || len(it.would) == 0)
		if !b.skip && len(it.bad) > 0 && !again {
			return badItems(it.bad, len(texts))
		}
		if b.dry || len(it.would) == 0 && !again {
			x.body = it.outcome(0, func(id mpblock.OpenID) bool { return it.would[id] })
			return nil
		}
		h := lists.Hand{Actor: x.Actor, Action: b.action, Reason: b.reason, Until: b.until, ID: b.id, OpenIDs: it.take(again)}
		made, err := x.Lists.ByHand(ctx, x.Account, h)
		switch {
		case !passing(codeOf1(err)):
		case !again:
			continue // somebody unfollowed meanwhile, or was protected
		case !b.skip: // it was not done
			return badItems(it.bad, len(texts))
		default:
			return x.did(ctx, it, 0)
		}
		if err != nil {
			return err
		}
		if again { // it was done, to all of them
			it.bad = nil
		}
		return x.did(ctx, it, made.Seq)
	}
	return errBusy
}

// did answers with what a change has done to items; seq 0: nothing.
func (x *exchange) did(ctx context.Context, it items, seq uint64) (err error) {
	var c mpblock.Change
	if seq != 0 {
		x.at(seq)
		if c, err = x.Lists.ChangeAt(ctx, x.AppID, seq); err != nil {
			return err
		}
	}
	changed := func(id mpblock.OpenID) bool {
		_, found := slices.BinarySearchFunc(c.OpenIDs, id, mpblock.OpenID.Compare)
		return found
	}
	// Where the batch was done before, what is bad by now was not then.
	it.bad = slices.DeleteFunc(it.bad, func(e itemError) bool { return changed(it.ids[e.Index]) })
	x.body = it.outcome(seq, changed)
	return nil
}

// strange tells whether nothing is bad but what may have been good when a key was first used.
func (it items) strange() bool {
	return len(it.bad) > 0 && !slices.ContainsFunc(it.bad, func(e itemError) bool { return !passing(e.Code) })
}

// passing tells whether an OpenID that is refused by a code may not have been before.
func passing(code string) bool { return code == errUnknown.Key || code == protection.ErrProtected.Key }

// take returns the OpenIDs to be changed: those that may be, or all.
func (it items) take(all bool) (ids []string) {
	for _, id := range it.ids {
		if _, may := it.would[id]; may || all {
			ids = append(ids, id.String())
		}
	}
	return ids
}

// outcome tells what became of each item.
func (it items) outcome(seq uint64, did func(mpblock.OpenID) bool) outcome {
	out := outcome{Revision: seq, Refused: len(it.bad), Results: make([]result, len(it.texts))}
	for i, s := range it.texts {
		out.Results[i].OpenID = strings.ToValidUTF8(lists.Clip(s), "�")
	}
	for _, e := range it.bad {
		r := &out.Results[e.Index]
		r.Result, r.Code, r.Detail = itemRefused, e.Code, e.Detail
	}
	for i := range out.Results {
		switch r := &out.Results[i]; {
		case r.Result != "":
		case did(it.ids[i]):
			r.Result = itemChanged
			out.Changed++
		default:
			r.Result = itemUnchanged
			out.Unchanged++
		}
	}
	return out
}

// codeOf1 is the code of an error of ours, "" of any other.
func codeOf1(err error) string {
	var own *mpblock.Error
	if !errors.As(err, &own) {
		return ""
	}
	return codeOf(own)
}
