package operators

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mpblock"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/record"
)

// Attempts to log in are counted before they are judged, in records that all nodes
// see, so that many at once gain nothing. There are four counts:
//
//   - of an operator from one address, and of an address: once there have been
//     freeTries (freeFromAddress) failures, the next one may come after 1 s, then
//     after 2, 4, 8 … Before that it is not judged at all.
//   - of an operator from all addresses: once there have been freeOfName failures,
//     the answer itself is delayed, by at most maxDelay. A right password still gets
//     in, so nobody can lock an operator out from elsewhere, and where the operator
//     has logged in from before there is no such delay.
//   - of an operator's wrong codes from all addresses, which only they cause who have
//     the password: after freeCodes the ticket is void, and the next code may come
//     after 1 s, then after 2, 4, 8 …
//
// The present password, for who is in, counts per operator as well.
//
// A count is forgotten an hour after the last failure.
const (
	freeTries       = 5
	freeFromAddress = 20
	freeOfName      = 20
	freeCodes       = 20
	maxWait         = 15 * time.Minute
	maxDelay        = 4 * time.Second
	forgetAttempts  = time.Hour
)

// kindAttempts is the kind of the records of failed attempts; their keys are hashes,
// since a name that was typed may be a password.
const kindAttempts = record.Kind[attempts]("attempts")

// attempts is a count of failures.
type attempts struct {
	Failed int   `json:"failed"`
	Last   int64 `json:"last"` // Unix milliseconds
}

// waitAfter returns how long after so many failures the next attempt may come.
func waitAfter(failed, free int) time.Duration {
	over := failed - free
	switch {
	case over < 0:
		return 0
	case over > 10:
		return maxWait
	}
	return min(time.Second<<over, maxWait)
}

// count is one of the counts.
type count struct {
	key  string
	free int
}

// addressGroup returns what counts as one address: of IPv6 the /64, since a single
// host has all of it.
func addressGroup(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

func countsOf(name string, addr netip.Addr) (pair, from, of count) {
	group := addressGroup(addr)
	return count{credentials.HashToken("both/" + name + "/" + group), freeTries},
		count{credentials.HashToken("address/" + group), freeFromAddress},
		count{credentials.HashToken("name/" + name), freeOfName}
}

// codesOf returns the count of an operator's wrong codes. A new password begins
// another one.
func codesOf(name string, epoch uint64) count {
	return count{credentials.HashToken(fmt.Sprintf("codes/%d/%s", epoch, name)), freeCodes}
}

// peek returns a count, or says how long the next attempt has to wait, and writes
// nothing. A failure that lies in the future is left to reserveAttempt, which mends it.
func (svc *Service) peek(ctx context.Context, c count) (attempts, error) {
	now := svc.clock.Now()
	e, err := kindAttempts.Get(ctx, svc.store, c.key)
	if errors.Is(err, mpblock.ErrNotFound) || err == nil && e.Value.Last > now.UnixMilli() {
		return attempts{}, nil
	}
	if err != nil {
		return attempts{}, err
	}
	if wait := e.Value.wait(c.free, now); wait > 0 {
		return attempts{}, tooMany(wait)
	}
	return e.Value, nil
}

// changeAttempts changes a count and returns it.
func (svc *Service) changeAttempts(ctx context.Context, c count, change func(*attempts) error) (attempts, error) {
	e, err := kindAttempts.Edit(ctx, svc.store, c.key, func(e *record.Entry[attempts]) error {
		was := e.Value
		if err := change(&e.Value); err != nil {
			return err
		}
		if e.Value == was {
			return record.ErrKeep
		}
		e.Expires = svc.clock.Now().Add(forgetAttempts + maxWait)
		return nil
	})
	return e.Value, err
}

// wait returns how long the next attempt has to wait. A failure that lies in the
// future was counted by a clock that has been set back: it counts as one of now.
func (a *attempts) wait(free int, now time.Time) time.Duration {
	since := max(now.Sub(time.UnixMilli(a.Last)), 0)
	if a.Failed == 0 || since > forgetAttempts {
		return 0
	}
	return max(waitAfter(a.Failed, free)-since, 0)
}

// reserveAttempt counts an attempt as failed before it is judged, or says how long it has
// to wait.
func (svc *Service) reserveAttempt(ctx context.Context, c count) (attempts, error) {
	now := svc.clock.Now()
	var refused error
	a, err := svc.changeAttempts(ctx, c, func(a *attempts) error {
		refused = nil
		a.Last = min(a.Last, now.UnixMilli()) // kept, so that the wait ends
		if wait := a.wait(c.free, now); wait > 0 {
			refused = tooMany(wait)
			return nil
		}
		if now.Sub(time.UnixMilli(a.Last)) > forgetAttempts {
			*a = attempts{}
		}
		a.Failed++
		a.Last = now.UnixMilli()
		return nil
	})
	return a, errors.Join(err, refused)
}

func tooMany(wait time.Duration) error {
	return &LoginError{Reason: TooMany, Wait: time.Duration(secondsUp(wait)) * time.Second}
}

// release takes back one failure: the attempt was none.
func (svc *Service) release(ctx context.Context, c count) error {
	_, err := svc.changeAttempts(ctx, c, func(a *attempts) error {
		a.Failed = max(a.Failed-1, 0)
		return nil
	})
	return err
}

// forget drops all failures of a count.
func (svc *Service) forget(ctx context.Context, c count) error {
	_, err := svc.changeAttempts(ctx, c, func(a *attempts) error { *a = attempts{}; return nil })
	return err
}

// admitAttempt lets an attempt be judged, perhaps after a delay, and returns what to
// call once it turned out to be right: forget drops the operator's failures from
// this address as well.
func (svc *Service) admitAttempt(ctx context.Context, name string, addr netip.Addr, known bool) (right func(forget bool) error, err error) {
	pair, from, of := countsOf(name, addr)
	if _, err := svc.peek(ctx, pair); err != nil { // before anything is written
		return nil, err
	}
	if _, err := svc.reserveAttempt(ctx, from); err != nil {
		return nil, err
	}
	if _, err := svc.reserveAttempt(ctx, pair); err != nil {
		return nil, errors.Join(err, svc.release(ctx, from))
	}
	total, err := svc.changeAttempts(ctx, of, func(a *attempts) error {
		if svc.clock.Now().Sub(time.UnixMilli(a.Last)) > forgetAttempts {
			*a = attempts{}
		}
		a.Failed++
		a.Last = svc.clock.Now().UnixMilli()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if delay := min(waitAfter(total.Failed-1, of.free), maxDelay); delay > 0 && !known {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func(forget bool) error {
		undo := svc.release(ctx, pair)
		if forget {
			undo = svc.forget(ctx, pair)
		}
		return errors.Join(undo, svc.release(ctx, from), svc.release(ctx, of))
	}, nil
}
