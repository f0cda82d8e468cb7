package access

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// kindCalls is the kind of the records that count calls; their keys are day, AppID
// and node, so that no two nodes write the same one.
const kindCalls = record.Kind[callRecord]("calls")

const (
	recordsAtOnce = 100
	callsLife     = 8 * 24 * time.Hour
	maxCallKinds  = 100_000 // of account, call and code that a node counts at once
)

// CallCount is how often a call was answered with a return code of the API.
type CallCount struct {
	Call  mpblock.Call
	Code  int
	Count int
}

// callKey is what calls are counted by.
type callKey struct {
	day  string
	app  mpblock.AppID
	call mpblock.Call
	code int
}

// callCounts are the calls that this node has answered and not written down.
type callCounts struct {
	mu     sync.Mutex
	counts map[callKey]int
}

func (c *callCounts) add(k callKey, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[callKey]int)
	}
	if _, ok := c.counts[k]; ok || len(c.counts) < maxCallKinds {
		c.counts[k] += n
	}
}

// take removes all counts and returns them by account and day.
func (c *callCounts) take() map[callKey]map[callKey]int {
	c.mu.Lock()
	counts := c.counts
	c.counts = nil
	c.mu.Unlock()
	out := map[callKey]map[callKey]int{}
	for k, n := range counts {
		record := callKey{day: k.day, app: k.app}
		if out[record] == nil {
			out[record] = map[callKey]int{}
		}
		out[record][k] = n
	}
	return out
}

// callRecord is the value of a record of calls.
type callRecord struct {
	Calls []CallCount `json:"calls"`
}

// CountCall counts a call of the API for the overview. It writes nothing: WriteCalls
// does so now and then, and Close at the end. A killed node loses the last 10 seconds. A
// call without an account is not counted.
func (svc *Service) CountCall(app mpblock.AppID, call mpblock.Call, code int) {
	if app != "" && call != "" {
		svc.calls.add(callKey{mpblock.Day(svc.clock.Now()), app, call, code}, 1)
	}
}

// WriteCalls writes down what this node has counted, and when programs were last used.
// What cannot be written now will be the next time. It is to be called now and then.
func (svc *Service) WriteCalls(ctx context.Context) error {
	return errors.Join(svc.writeCalls(ctx), svc.programs.WriteUsed(ctx, false))
}

func (svc *Service) writeCalls(ctx context.Context) error {
	var errs []error
	for record, counts := range svc.calls.take() {
		if err := svc.writeCallsOf(ctx, record, counts); err != nil {
			errs = append(errs, err)
			for k, n := range counts {
				svc.calls.add(k, n)
			}
		}
	}
	return errors.Join(errs...)
}

func callsHead(day string, app mpblock.AppID) string { return day + "/" + string(app) + "/" }

func (svc *Service) writeCallsOf(ctx context.Context, k callKey, counts map[callKey]int) error {
	key := callsHead(k.day, k.app) + svc.node
	_, err := kindCalls.Edit(ctx, svc.store, key, func(e *record.Entry[callRecord]) error {
		e.Value.Calls = sumCalls(e.Value.Calls, counts)
		e.Expires = svc.clock.Now().Add(callsLife)
		return nil
	})
	return err
}

// sumCalls adds counts to others and returns them in order.
func sumCalls(have []CallCount, counts map[callKey]int) []CallCount {
	total := map[callKey]int{}
	for _, c := range have {
		total[callKey{call: c.Call, code: c.Code}] += c.Count
	}
	for k, n := range counts {
		total[callKey{call: k.call, code: k.code}] += n
	}
	out := make([]CallCount, 0, len(total))
	for k, n := range total {
		out = append(out, CallCount{Call: k.call, Code: k.code, Count: n})
	}
	slices.SortFunc(out, func(a, b CallCount) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// CallsOf returns the calls of an account on a day, which is one of mpblock.Day, of
// all nodes; of the others it lacks those of the last seconds.
func (svc *Service) CallsOf(ctx context.Context, app mpblock.AppID, day string) ([]CallCount, error) {
	var all []CallCount
	for e, err := range kindCalls.Under(ctx, svc.store, callsHead(day, app), recordsAtOnce) {
		if err != nil {
			return nil, err
		}
		all = append(all, e.Value.Calls...)
	}
	return sumCalls(all, svc.calls.of(app, day)), nil
}

// of returns the counts of one account and day that are not written down.
func (c *callCounts) of(app mpblock.AppID, day string) map[callKey]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[callKey]int{}
	for k, n := range c.counts {
		if k.app == app && k.day == day {
			out[k] = n
		}
	}
	return out
}
