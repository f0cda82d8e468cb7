package api

import (
	"context"

	"mpblock/internal/wire"
)

func quota(ctx context.Context, x *exchange) error {
	a, path, err := asked(ctx, x, wire.QuotaRequest)
	if err != nil {
		return err
	}
	c, ok := x.calls[once(path)]
	if !ok {
		return wire.Refuse(wire.CodeNoPath, "there is no call at this cgi_path: write the path of a call alone, from /cgi-bin/ on; the calls are those in /openapi.yaml")
	}
	q, err := x.Access.Quota(ctx, a.Account, c.name)
	if err != nil {
		return err
	}
	if x.Emulator != nil && x.Emulator.Spent(a.AppID, c.name) {
		q.Used = max(q.Daily, q.Used)
	}
	answer := wire.Quota{Day: wire.DayQuota{Limit: q.Daily, Used: q.Used, Remain: q.Left()}}
	if q.PerMinute >= 0 {
		answer.Minute = &wire.RateLimit{Calls: q.PerMinute, Seconds: 60}
	}
	x.out = wire.AppendQuota(x.out, answer)
	return nil
}

func clearQuota(ctx context.Context, x *exchange) error {
	a, appID, err := asked(ctx, x, wire.ClearQuotaRequest)
	if err != nil {
		return err
	}
	if err := x.Access.ClearQuota(ctx, a.Account, appID); err != nil {
		return err
	}
	if x.Emulator != nil {
		x.Emulator.Unspend(a.AppID)
	}
	x.out = wire.AppendOK(x.out)
	return nil
}

// earlier tells of a call that the journal has. It tells an account of its own calls
// alone.
func earlier(ctx context.Context, x *exchange) error {
	a, rid, err := asked(ctx, x, wire.RIDRequest)
	if err != nil {
		return err
	}
	if x.Emulator == nil {
		return wire.Refuse(wire.CodeNoRID, "this server keeps no calls: look for the rid in its log, where each call is a line with that id")
	}
	e, ok := x.Emulator.Journal.ByRID(rid)
	if !ok || e.AppID != string(a.AppID) {
		return wire.Refuse(wire.CodeNoRID, "there is no call of account %s with this rid among those that the journal keeps, the last %d", a.AppID, x.Emulator.Journal.Limit())
	}
	address := e.Path
	if e.Query != "" {
		address += "?" + e.Query
	}
	x.out = wire.AppendRequest(x.out, wire.Request{
		InvokeTime: e.Time.Unix(), Cost: e.Took.Milliseconds(), URL: address, Body: e.Request, Answer: e.Response, ClientIP: e.Remote,
	})
	return nil
}
