package control

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// Limits of a reading of the journal.
const (
	maxCalls     = 1000
	defaultCalls = 100
	maxWait      = 60 * time.Second
)

// Calls is a piece of the journal.
type Calls struct {
	Calls []emulator.Entry `json:"calls"`
	Last  uint64           `json:"last"` // to give as after, to go on
}

// journal returns calls that fit, the oldest first: the newest ones, or those after a
// number. With wait it waits for one, if there is none yet.
func (d *door) journal(r *http.Request) (any, error) {
	f, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	after, err := number(r, "after", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", defaultCalls, maxCalls)
	if err != nil {
		return nil, err
	}
	wait, err := waitOf(r)
	if err != nil {
		return nil, err
	}
	j := d.Emulator.Emulator().Journal
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for from := uint64(after); ; { //nolint:gosec // not negative
		calls, last := j.Read(f, from, limit)
		if len(calls) == limit {
			last = calls[limit-1].N
		}
		if len(calls) > 0 || j.Wait(ctx, last) != nil {
			return Calls{append([]emulator.Entry{}, calls...), last}, nil
		}
		from = max(last, 1)
	}
}

func filterOf(r *http.Request) (emulator.Filter, error) {
	q := r.URL.Query()
	f := emulator.Filter{Path: q.Get("path"), AppID: q.Get("appid"), Program: q.Get("program"), OpenID: q.Get("openid"), Body: q.Get("body"), Rule: q.Get("rule")}
	if text := q.Get("errcode"); text != "" {
		code, err := strconv.Atoi(text)
		if err != nil {
			return f, errBody.With("errcode=" + text + " is no number")
		}
		f.Code = &code
	}
	return f, nil
}

func number(r *http.Request, key string, otherwise, most int) (int, error) {
	text := r.URL.Query().Get(key)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, errBody.With(key + "=" + text + ": want 0 to " + strconv.Itoa(most))
	}
	return n, nil
}

func waitOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxWait {
		return 0, errBody.With("wait=" + text + ": want 0s to " + maxWait.String())
	}
	return d, nil
}

func (d *door) clearJournal(*http.Request) (any, error) {
	d.Emulator.Emulator().Journal.Clear()
	return OK{true}, nil
}

func (d *door) har(r *http.Request) (any, error) {
	f, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	calls, _ := d.Emulator.Emulator().Journal.Read(f, 0, emulator.MaxJournal)
	return emulator.HAR(calls), nil
}

func (d *door) verify(r *http.Request) (any, error) {
	var x emulator.Expectation
	if err := read(r, &x); err != nil {
		return nil, err
	}
	return d.Emulator.Emulator().Journal.Verify(x)
}

// Drift says whom somebody blocks and unblocks elsewhere.
type Drift struct {
	AppID   string `json:"appid,omitempty"` // "": the only account
	Block   Who    `json:"block,omitzero"`
	Unblock Who    `json:"unblock,omitzero"`
}

// Who are OpenIDs, or how many are to be picked.
type Who struct {
	Count   int
	OpenIDs []string
}

// MarshalJSON implements json.Marshaler.
func (w Who) MarshalJSON() ([]byte, error) {
	if w.OpenIDs != nil {
		return json.Marshal(w.OpenIDs)
	}
	return json.Marshal(w.Count)
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *Who) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &w.Count) == nil && w.Count >= 0 && w.Count <= mpblock.MaxWrite {
		return nil
	}
	if json.Unmarshal(text, &w.OpenIDs) == nil {
		return nil
	}
	return errBody.With("block and unblock: want a list of OpenIDs, or how many are to be picked, up to " + strconv.Itoa(mpblock.MaxWrite))
}

// Drifted is who was blocked and unblocked.
type Drifted struct {
	AppID     string   `json:"appid"`
	Blocked   []string `json:"blocked"`
	Unblocked []string `json:"unblocked"`
}

func (d *door) drift(r *http.Request) (any, error) {
	var in Drift
	if err := read(r, &in); err != nil {
		return nil, err
	}
	a, err := d.account(r, in.AppID)
	if err != nil {
		return nil, err
	}
	block, err := openids(in.Block.OpenIDs)
	if err != nil {
		return nil, err
	}
	unblock, err := openids(in.Unblock.OpenIDs)
	if err != nil {
		return nil, err
	}
	out := Drifted{string(a.AppID), []string{}, []string{}}
	add := func(to *[]string, ids []mpblock.OpenID, err error) error {
		for _, id := range ids {
			*to = append(*to, id.String())
		}
		return err
	}
	took, err := emulator.DriftOf(r.Context(), d.Lists(), a, mpblock.Unblock, unblock)
	if err := add(&out.Unblocked, took, err); err != nil {
		return nil, err
	}
	took, err = emulator.DriftOf(r.Context(), d.Lists(), a, mpblock.Block, block)
	if err := add(&out.Blocked, took, err); err != nil {
		return nil, err
	}
	picked := fault.Drift{Block: in.Block.Count, Unblock: in.Unblock.Count}
	blocked, unblocked, err := emulator.Drift(r.Context(), d.Lists(), a, picked, rand.New(rand.NewPCG(rand.Uint64(), 0))) //nolint:gosec // nothing is secret
	_ = add(&out.Unblocked, unblocked, nil)
	return out, add(&out.Blocked, blocked, err)
}

func openids(texts []string) ([]mpblock.OpenID, error) {
	ids := make([]mpblock.OpenID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = mpblock.ParseOpenID(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
