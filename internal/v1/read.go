package v1

import (
	"context"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	"mpblock/internal/v1/body"
	"mpblock/internal/v1/ttl"
)

// maxWaits is how many may wait for a revision at a node at once: each looks at the store all
// the time.
const maxWaits = 100

// maxBody is how many bytes a body of JSON has at most.
const maxBody = 1 << 20

// decode reads the body, of at most so many bytes.
func (x *exchange) decode(into any, most int64) error { return body.Read(x.w, x.r, into, most) }

// openID returns the OpenID of the path.
func (x *exchange) openID() (mpblock.OpenID, error) { return lists.Own(x.Account, x.parts["openid"]) }

// openIDs reads OpenIDs of a body, from 1 to most. Those that are bad are in the error.
func (x *exchange) openIDs(texts []string, most int) ([]mpblock.OpenID, error) {
	if len(texts) == 0 || len(texts) > most {
		return nil, errItemCount.With(len(texts), most)
	}
	ids := make([]mpblock.OpenID, len(texts))
	var bad []itemError
	for i, s := range texts {
		id, err := lists.Own(x.Account, s)
		if err != nil {
			bad = append(bad, itemErrorOf(i, err))
		}
		ids[i] = id
	}
	return ids, badItems(bad, len(texts))
}

// wait waits for the revision that the query asks for as the least.
func (x *exchange) wait(ctx context.Context) error {
	least, err := x.number("min_revision")
	if err != nil || least == 0 {
		return err
	}
	if now, err := x.Past.Revision(ctx, x.AppID); err != nil || now >= least {
		return err
	}
	select {
	case x.waits <- struct{}{}:
		defer func() { <-x.waits }()
	default:
		return errWaits.With(maxWaits)
	}
	there, err := x.Past.Wait(ctx, x.AppID, least)
	if err == nil && !there {
		err = errBehind.With(least, int(past.MaxWait/time.Second))
	}
	return err
}

// number reads a parameter that is a whole number; 0: it is absent.
func (x *exchange) number(name string) (uint64, error) {
	text := x.query(name)
	if text == "" {
		return 0, nil
	}
	return parseNumber(name, text)
}

func parseNumber(name, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, errQuery.With(name, "want a whole number, not "+clip(text))
	}
	return n, nil
}

// end is how a body says when something ends.
type end struct {
	ExpireTime string `json:"expire_time"`
	TTL        string `json:"ttl"`
}

// at returns the end, zero for none.
func (e end) at(now time.Time) (time.Time, error) {
	switch {
	case e.ExpireTime != "" && e.TTL != "":
		return time.Time{}, errField.With("ttl", "want expire_time or ttl, not both")
	case e.ExpireTime != "":
		t, err := time.Parse(time.RFC3339, e.ExpireTime)
		if err != nil {
			return time.Time{}, errField.With("expire_time", "want a time as 2026-01-31T09:00:00Z, not "+clip(e.ExpireTime))
		}
		return t.UTC().Truncate(time.Millisecond), nil
	case e.TTL != "":
		d, ok := ttl.Parse(e.TTL)
		if !ok {
			return time.Time{}, errField.With("ttl", ttl.Want+", not "+clip(e.TTL))
		}
		return now.Add(d).UTC().Truncate(time.Millisecond), nil
	}
	return time.Time{}, nil
}

// seqText is a seq as a place of a page token.
func seqText(seq uint64) string { return strconv.FormatUint(seq, 10) }
