package upstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
)

// intent is a change on its way to the platform. It is written before each call, and
// removed when the local list has what came of it; so whatever moment a process is killed
// at, the next one finds what was asked for, by whom and why.
//
// What is written before each call is small: the OpenIDs of a long intent are written
// once, in a record of their own, and how far it is as runs of equal states.
type intent struct {
	Action mpblock.Action `json:"action"`
	Actor  string         `json:"actor"`
	Reason string         `json:"reason,omitempty"`
	Undoes uint64         `json:"undoes,omitempty"`
	Until  int64          `json:"until,omitempty"` // in milliseconds; 0: never
	Since  time.Time      `json:"since"`
	ID     []byte         `json:"id,omitempty"` // of the request, where it is named: key and content

	Count   int      `json:"count"`             // of OpenIDs
	OpenIDs []string `json:"openids,omitempty"` // where they are few, and
	List    string   `json:"list,omitempty"`    // the key of the record with them where they are not
	States  string   `json:"states"`            // 400.20? : so many times a bulk.Status; the others are bulk.Todo

	Again *again `json:"again,omitempty"` // when the list is read again, after it could not be settled
}

// perCall is how many OpenIDs the platform takes in one call.
const perCall = client.MaxBatch

// states writes down what has become of items, with those at some places about to be sent.
func states(items []bulk.Item, sending []int) string {
	var b strings.Builder
	last, n := bulk.Status(0), 0
	flush := func() {
		if n > 0 {
			b.WriteString(strconv.Itoa(n))
			b.WriteByte(byte(last))
		}
		n = 0
	}
	for at, it := range items {
		status := it.Status
		if len(sending) > 0 && sending[0] == at {
			status, sending = bulk.Unknown, sending[1:]
		}
		if status != last {
			flush()
			last = status
		}
		n++
	}
	if last != bulk.Todo {
		flush()
	}
	return b.String()
}

// read gives items the states that were written down.
func (in *intent) read(items []bulk.Item) error {
	for at, rest := 0, in.States; rest != ""; {
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(rest[:max(i, 0)])
		if err != nil || n > len(items)-at {
			return fmt.Errorf("the record of a change on the platform cannot be read: states %q of %d", in.States, len(items))
		}
		for range n {
			items[at].Status = bulk.Status(rest[i])
			at++
		}
		rest = rest[i+1:]
	}
	return nil
}

// count returns how many are in a state, as far as it was written down.
func (in *intent) count(status bulk.Status) (n int) {
	items := make([]bulk.Item, in.Count)
	if in.read(items) != nil {
		return in.Count
	}
	for _, it := range items {
		if it.Status == status {
			n++
		}
	}
	return n
}

// journal is a bulk.Journal that lies in the lease of the line.
type journal struct {
	*hold
	in    intent
	items []bulk.Item
	job   bool // it lets others in between its calls
}

// errYield ends a run of a job so that others may come in between.
var errYield = errors.New("upstream: others are let in between")

// fairCalls is how many calls a job makes at least before another node is let in.
const fairCalls = 10

// Sending implements bulk.Journal: a call is made if its turn and the budget allow it, and
// what it is about is written down.
func (j *journal) Sending(places []int) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	if j.job && (j.turns.urged() || j.calls >= fairCalls && j.lease.Wanted()) {
		return errYield
	}
	call := callOf(j.in.Action)
	if err := j.may(ctx, call, 1, j.job); err != nil {
		return err
	}
	in := j.in
	in.States = states(j.items, places)
	var one budget.Calls
	one[call] = 1
	return j.write(ctx, one, func(w *work) { w.Intent = &in })
}

// Became implements bulk.Journal: what becomes of a batch is written with the next one, or
// taken over.
func (j *journal) Became([]int, bulk.Status, bulk.Refusal) error { return nil }

func callOf(a mpblock.Action) budget.Call {
	if a == mpblock.Block {
		return budget.Block
	}
	return budget.Unblock
}

// listLife is how long the OpenIDs of an intent are kept, should nobody settle it: for as
// long as a platform may be away, and more.
const listLife = 365 * 24 * time.Hour

// begin writes down the OpenIDs of a change, if they are many. What it returns is written
// before the first call.
func (h *hold) begin(ctx context.Context, b mpblock.Batch, ids []mpblock.OpenID, job bool) (*journal, error) {
	j := &journal{hold: h, job: job, in: intent{Action: b.Action, Actor: b.Actor, Reason: b.Reason, Undoes: b.Undoes, Until: mpblock.EndMilli(b.Until), Since: h.s.clock.Now().UTC(), ID: packID(b.ID), Count: len(ids)}}
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	var packed []byte
	for _, id := range ids {
		j.items = append(j.items, bulk.Item{OpenID: client.OpenID(id.String()), Action: b.Action, Status: bulk.Todo})
		packed = append(packed, id[:]...)
		if len(ids) <= perCall {
			j.in.OpenIDs = append(j.in.OpenIDs, id.String())
		}
	}
	if len(ids) <= perCall {
		return j, nil
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	j.in.List = string(h.app) + "/" + hex.EncodeToString(random)
	_, err := kindIntent.Put(ctx, h.s.store, record.Entry[[]byte]{Key: j.in.List, Value: packed, Expires: h.s.clock.Now().Add(listLife)})
	return j, err
}

// packID returns the ID of a request as an intent has it, nil for none.
func packID(id mpblock.RequestID) []byte {
	if !id.Named() {
		return nil
	}
	return append(id.Key[:], id.Content[:]...)
}

// request returns the ID of the request of an intent, of whose OpenIDs so many are done. One
// that did not happen whole was not applied.
func (in *intent) request(done int) (id mpblock.RequestID) {
	if done == in.Count && len(in.ID) == len(id.Key)+len(id.Content) {
		copy(id.Content[:], in.ID[copy(id.Key[:], in.ID):])
	}
	return id
}

// tidy removes the OpenIDs of changes whose first call was never made, since the process was
// killed before. No change is under way.
func (h *hold) tidy(ctx context.Context) error {
	return record.EraseUnder(ctx, h.s.store, string(h.app)+"/", string(kindIntent))
}

// resume returns the journal of an intent that was left.
func (h *hold) resume(ctx context.Context, in intent) (*journal, error) {
	items, err := h.s.itemsOf(ctx, in)
	return &journal{hold: h, in: in, items: items}, err
}

// itemsOf returns the OpenIDs of an intent, and how far each is.
func (s *Service) itemsOf(ctx context.Context, in intent) ([]bulk.Item, error) {
	texts := in.OpenIDs
	if in.List != "" {
		e, err := kindIntent.Get(ctx, s.store, in.List)
		if err != nil {
			return nil, err
		}
		for id := range slices.Chunk(e.Value, mpblock.OpenIDLen) {
			var parsed mpblock.OpenID
			copy(parsed[:], id)
			texts = append(texts, parsed.String())
		}
	}
	items := make([]bulk.Item, len(texts))
	for i, text := range texts {
		items[i] = bulk.Item{OpenID: client.OpenID(text), Action: in.Action, Status: bulk.Todo}
	}
	return items, in.read(items)
}
