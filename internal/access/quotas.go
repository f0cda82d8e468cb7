package access

import (
	"context"
	"errors"
	"time"

	"mpblock"
	"mpblock/internal/access/quota"
	"mpblock/internal/record"
)

// spend counts a call against the account's limits. The minute comes first, so
// that a caller who is slowed down does not use up the day.
func (svc *Service) spend(ctx context.Context, a *mpblock.Account, call mpblock.Call) error {
	now := svc.clock.Now()
	if limit, ok := a.PerMinute[call]; ok {
		w := quota.Minute(now)
		if took, err := svc.quotas.Take(ctx, a.AppID, call, w, limit); err != nil {
			return err
		} else if !took {
			return errMinuteRate.With(a.AppID, call, limit, secondsUp(w.End.Sub(now)))
		}
	}
	if limit, ok := a.Daily[call]; ok {
		w := quota.Day(now)
		if took, err := svc.quotas.Take(ctx, a.AppID, call, w, limit); err != nil {
			return err
		} else if !took {
			return errDailyQuota.With(a.AppID, call, limit, w.End.Format(time.RFC3339))
		}
	}
	return nil
}

func secondsUp(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// MaxClears is how often an account may clear its quotas in a month of the platform's
// clock.
const MaxClears = 10

// Unlimited is the limit that Quota tells of a call that has none.
const Unlimited = 1_000_000_000

// kindClears is the kind of the records of clearings; their keys are AppID and month.
const kindClears = record.Kind[clearRecord]("clears")

// clearRecord is how often an account has cleared its quotas in a month, and how often
// its calls had been counted at the last time, on that day.
type clearRecord struct {
	Times int         `json:"times"`
	Day   string      `json:"day"`
	Calls []CallCount `json:"calls,omitempty"`
}

func clearsKey(app mpblock.AppID, day string) string { return string(app) + "/" + day[:len("200601")] }

// Quota is how often an account may make a call, and how often it has.
type Quota struct {
	Daily     int // Unlimited where there is no limit
	Used      int // today, since the quotas were last cleared
	PerMinute int // -1: there is no limit
}

// Left returns how many calls are left of the day.
func (q Quota) Left() int { return max(q.Daily-q.Used, 0) }

// Quota returns how much of an account's quota of a call is used. What another node has
// reserved counts as used. A call without a limit is used as often as it was answered,
// whatever the answer; there the last seconds of other nodes are missing.
func (svc *Service) Quota(ctx context.Context, a *mpblock.Account, call mpblock.Call) (Quota, error) {
	q := Quota{Daily: Unlimited, PerMinute: -1}
	if limit, ok := a.PerMinute[call]; ok {
		q.PerMinute = limit
	}
	var err error
	if limit, ok := a.Daily[call]; ok {
		q.Daily = limit
		q.Used, err = svc.quotas.Used(ctx, a.AppID, call, quota.Day(svc.clock.Now()))
	} else {
		q.Used, err = svc.counted(ctx, a.AppID, call)
	}
	return q, err
}

// counted returns how often a call was answered today since the last clearing.
func (svc *Service) counted(ctx context.Context, app mpblock.AppID, call mpblock.Call) (int, error) {
	day := mpblock.Day(svc.clock.Now())
	calls, err := svc.CallsOf(ctx, app, day)
	if err != nil {
		return 0, err
	}
	e, err := kindClears.Get(ctx, svc.store, clearsKey(app, day))
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return 0, err
	}
	n := timesOf(call, calls)
	if e.Value.Day == day {
		n = max(n-timesOf(call, e.Value.Calls), 0)
	}
	return n, nil
}

func timesOf(call mpblock.Call, calls []CallCount) (n int) {
	for _, c := range calls {
		if c.Call == call {
			n += c.Count
		}
	}
	return n
}

// ClearQuota gives an account the day's quotas of all its calls back, MaxClears times a
// month. Minutes stay as they are. What another node has reserved and not used, it may
// still use. The appid is what the caller wrote, and must be the account's.
func (svc *Service) ClearQuota(ctx context.Context, a *mpblock.Account, appID string) error {
	switch appID {
	case "":
		return errNoAppID
	case string(a.AppID):
	default:
		return errOtherAppID.With(a.AppID)
	}
	now := svc.clock.Now()
	day := mpblock.Day(now)
	calls, err := svc.CallsOf(ctx, a.AppID, day)
	if err != nil {
		return err
	}
	y, m, _ := now.In(mpblock.Zone).Date()
	end := time.Date(y, m+1, 1, 0, 0, 0, 0, mpblock.Zone)
	_, err = kindClears.Edit(ctx, svc.store, clearsKey(a.AppID, day), func(e *record.Entry[clearRecord]) error {
		if e.Value.Times >= MaxClears {
			return errClears.With(a.AppID, MaxClears, end.Format(time.RFC3339))
		}
		e.Value, e.Expires = clearRecord{e.Value.Times + 1, day, calls}, end.Add(time.Hour)
		return nil
	})
	for call := range a.Daily {
		if err == nil {
			err = svc.quotas.Clear(ctx, a.AppID, call, quota.Day(now))
		}
	}
	return err
}
