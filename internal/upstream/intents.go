package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
)

// intent is a change on its way to the platform. It is written before the first call and
// removed when the local list has what came of it; so whatever moment a process is killed
// at, the next one finds what was asked for, by whom and why.
type intent struct {
	Action  mpblock.Action `json:"action"`
	Actor   string         `json:"actor"`
	Reason  string         `json:"reason,omitempty"`
	Undoes  uint64         `json:"undoes,omitempty"`
	Until   int64          `json:"until,omitempty"` // in milliseconds; 0: never
	OpenIDs []string       `json:"openids"`

	// Sent is how many of OpenIDs the platform may have been told: those of the call
	// under way are the last of them. Done are those that it has acknowledged, by their
	// places.
	Sent int   `json:"sent"`
	Done []int `json:"done,omitempty"`
}

// kindIntent is the kind of the records of intents; their keys are AppIDs, since one
// change of an account is under way at a time.
const kindIntent = record.Kind[intent]("intent")

// codeUnknown is the platform's return code for an OpenID that it does not know.
const codeUnknown = 40003

// perCall is how many OpenIDs the platform takes in one call.
const perCall = 20

// Apply makes a change of an account's list on the platform, 20 OpenIDs a call, and then
// here: it implements truth.Truth. Whole, it makes one call, and what the platform refuses
// is an error with its code, and a *client.Error inside. Otherwise an OpenID that the
// platform does not know is found, and is a *mpblock.UnknownError; what was acknowledged
// by then is done, and in the log under the same actor. Where an answer is lost and the list
// cannot be read, the change is kept and settled later.
func (s *Service) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	if err := b.Validate(); err != nil {
		return mpblock.Change{}, err
	}
	l, c, err := s.line(ctx, a.AppID)
	if err != nil {
		return mpblock.Change{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := s.settle(ctx, a.AppID, c); err != nil {
		return mpblock.Change{}, err
	}
	if b.Action == mpblock.Amend { // reasons and ends are kept here alone
		return s.store.Apply(ctx, a.AppID, b)
	}
	ids, err := s.wanted(ctx, a.AppID, b)
	if whole && len(ids) > perCall {
		return mpblock.Change{}, errWhole.With(len(ids), perCall)
	}
	if err != nil || len(ids) == 0 {
		return mpblock.Change{}, err
	}
	in := record.Entry[intent]{Key: string(a.AppID), Value: intent{
		Action: b.Action, Actor: b.Actor, Reason: b.Reason, Undoes: b.Undoes, Until: mpblock.EndMilli(b.Until), OpenIDs: texts(ids),
	}}
	refusal := s.send(ctx, c, &in, whole)
	var unknown *mpblock.UnknownError
	if errors.As(refusal, &unknown) { // its place in the batch as it was given
		refusal = &mpblock.UnknownError{Index: slices.IndexFunc(b.OpenIDs, func(id mpblock.OpenID) bool { return id.String() == in.Value.OpenIDs[unknown.Index] })}
	}
	if in.Version == 0 {
		return mpblock.Change{}, refusal // nothing was sent
	}
	change, err := s.finish(ctx, a.AppID, c, &in)
	if err != nil {
		return mpblock.Change{}, err
	}
	return change, refusal
}

// wanted returns the OpenIDs of a batch, each once. Of an undo they are those whose last
// change is the one that is taken back, and whose entry would not have ended since; of an
// expiry those whose end has come.
func (s *Service) wanted(ctx context.Context, app mpblock.AppID, b mpblock.Batch) ([]mpblock.OpenID, error) {
	ids := mpblock.Distinct(b.OpenIDs)
	if b.Undoes == 0 && !b.Ended {
		return ids, nil
	}
	states, err := s.store.States(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	var still []mpblock.OpenID
	for i, id := range ids {
		end := states[i].Until
		if b.Undoes != 0 && b.Action == mpblock.Block && states[i].Seq == b.Undoes {
			if end, err = s.formerEnd(ctx, app, id); err != nil {
				return nil, err
			}
		}
		switch {
		case b.Undoes != 0 && states[i].Seq != b.Undoes:
		case b.Ended && (end.IsZero() || end.After(b.Time)):
		case b.Action == mpblock.Block && !end.IsZero() && !end.After(b.Time):
		default:
			still = append(still, id)
		}
	}
	return still, nil
}

// formerEnd returns when the entry of an OpenID would end that an undo gives back.
func (s *Service) formerEnd(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (time.Time, error) {
	history, err := s.store.ChangesOf(ctx, app, id, 0, math.MaxInt32)
	return mpblock.BelongedTo(history).Until, err
}

// send tells the platform, and notes before each call what it may have been told. It ends
// at the first call that is not acknowledged.
func (s *Service) send(ctx context.Context, c *client.Client, in *record.Entry[intent], whole bool) error {
	v := &in.Value
	for v.Sent < len(v.OpenIDs) {
		from, to := v.Sent, min(v.Sent+perCall, len(v.OpenIDs))
		v.Sent = to
		var err error
		if *in, err = kindIntent.Put(ctx, s.store, *in); err != nil {
			return err
		}
		if err := tell(ctx, c, v, from, to, whole); err != nil {
			return err
		}
	}
	return nil
}

// tell makes one call. Where the platform refuses it, the first OpenID that is refused is
// found, and those before it are sent without it.
func tell(ctx context.Context, c *client.Client, v *intent, from, to int, whole bool) error {
	err := call(ctx, c, v.Action, v.OpenIDs[from:to])
	var refused *client.Error
	switch {
	case err == nil:
		for at := from; at < to; at++ {
			v.Done = append(v.Done, at)
		}
		return nil
	case !errors.As(err, &refused):
		return explain(err) // Sent says that it may have happened
	}
	v.Sent = from // it is certain that it has not
	if refused.Code != codeUnknown || whole {
		return explain(err)
	}
	if to-from == 1 {
		return &mpblock.UnknownError{Index: from}
	}
	middle := from + (to-from)/2
	for _, half := range [][2]int{{from, middle}, {middle, to}} {
		v.Sent = half[1]
		if err := tell(ctx, c, v, half[0], half[1], whole); err != nil {
			return err
		}
	}
	return nil
}

func call(ctx context.Context, c *client.Client, action mpblock.Action, texts []string) error {
	ids := make([]client.OpenID, len(texts))
	for i, t := range texts {
		ids[i] = client.OpenID(t)
	}
	if action == mpblock.Block {
		return c.Block(ctx, ids...)
	}
	return c.Unblock(ctx, ids...)
}

// finish takes over here what the platform has acknowledged, after what is not known has
// been read, and removes the intent.
func (s *Service) finish(ctx context.Context, app mpblock.AppID, c *client.Client, in *record.Entry[intent]) (mpblock.Change, error) {
	ctx = context.WithoutCancel(ctx) // who waited may be gone; what happened is written down
	v := &in.Value
	done := map[int]bool{}
	for _, at := range v.Done {
		done[at] = true
	}
	if v.unknown(done) {
		there, err := read(ctx, c)
		if err != nil {
			return mpblock.Change{}, errLost.Because(err)
		}
		for at, text := range v.OpenIDs[:v.Sent] {
			if there.ids[text] == (v.Action == mpblock.Block) {
				done[at] = true
			}
		}
	}
	change, err := s.take(ctx, app, v, done)
	if err != nil {
		return mpblock.Change{}, err
	}
	return change, kindIntent.Delete(ctx, s.store, in.Key, in.Version)
}

// unknown tells whether the platform may have been told of one that it has not
// acknowledged.
func (v *intent) unknown(done map[int]bool) bool {
	for at := range v.Sent {
		if !done[at] {
			return true
		}
	}
	return false
}

// take applies to the local list what has come about. Where a process was killed between
// that and the end of the intent, the change is in the log already, and a second one has no
// effect: an intent is settled before anything else changes the list.
func (s *Service) take(ctx context.Context, app mpblock.AppID, v *intent, done map[int]bool) (mpblock.Change, error) {
	var ids []mpblock.OpenID
	for at := range v.OpenIDs {
		if done[at] {
			id, err := mpblock.ParseOpenID(v.OpenIDs[at])
			if err != nil {
				return mpblock.Change{}, err
			}
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return mpblock.Change{}, nil
	}
	return s.store.Apply(ctx, app, mpblock.Batch{
		Action: v.Action, OpenIDs: ids, Actor: v.Actor, Reason: v.Reason, Undoes: v.Undoes, Until: mpblock.EndAt(v.Until), Time: s.clock.Now(),
	})
}

// settle ends an intent that a process has left, or whose answer was lost. Nothing else is
// told to the platform of that account before. The caller has the line.
func (s *Service) settle(ctx context.Context, app mpblock.AppID, c *client.Client) error {
	in, err := kindIntent.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	change, err := s.finish(ctx, app, c, &in)
	if err != nil {
		return fmt.Errorf("settle a change that was under way: %w", err)
	}
	s.log.Info("a change on the platform was under way and is settled", "appid", app, "actor", in.Value.Actor, "asked", len(in.Value.OpenIDs), "happened", len(change.OpenIDs))
	return nil
}

func texts(ids []mpblock.OpenID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	slices.Sort(all)
	return all
}
