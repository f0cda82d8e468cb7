package platform

import (
	"context"
	"errors"
	"time"

	"mpblock"
)

// kindDigest is the kind of the records that sum up the changes of accounts; their
// keys are AppIDs.
const kindDigest = "digest"

// Limits of a digest.
const (
	digestDays    = 400
	digestReasons = 1_000 // of more different ones, or longer ones in all, the rarest are forgotten
	digestBytes   = 100_000
	digestWork    = 2_000 // changes that one call adds at most
	digestIDs     = 100_000
	digestPiece   = 64
)

// digest is what the changes of an account up to one of them add up to.
type digest struct {
	Seq     uint64            `json:"seq"`
	Days    map[string][2]int `json:"days"`    // OpenIDs blocked and unblocked
	Reasons map[string]int    `json:"reasons"` // OpenIDs blocked
}

func (g *digest) add(c mpblock.Change) {
	day := dayOf(c.Time)
	counts := g.Days[day]
	if c.Action == mpblock.Block {
		counts[0] += len(c.OpenIDs)
		g.Reasons[c.Reason] += len(c.OpenIDs)
	} else {
		counts[1] += len(c.OpenIDs)
	}
	g.Days[day] = counts
	g.Seq = c.Seq
}

// trim keeps the digest small: it fits into a record, whatever the reasons.
func (g *digest) trim() {
	oldest := dayOf(time.Now().AddDate(0, 0, -digestDays))
	for day := range g.Days {
		if day < oldest {
			delete(g.Days, day)
		}
	}
	bytes := 0
	for r := range g.Reasons {
		bytes += len(r)
	}
	if len(g.Reasons) <= digestReasons && bytes <= digestBytes {
		return
	}
	kept := map[string]int{}
	bytes = 0
	for _, r := range g.top(digestReasons / 2) { // half of them, so that it is not done for each change
		if bytes += len(r); bytes > digestBytes/2 {
			break
		}
		kept[r] = g.Reasons[r]
	}
	g.Reasons = kept
}

func (p *Platform) readDigest(ctx context.Context, app mpblock.AppID) (g digest, version uint64, err error) {
	r, err := p.store.Get(ctx, kindDigest, string(app))
	if err == nil {
		err = decode(r, &g)
	}
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	if g.Days == nil {
		g.Days = map[string][2]int{}
	}
	if g.Reasons == nil {
		g.Reasons = map[string]int{}
	}
	return g, r.Version, err
}

// digest returns an account's digest, after having added changes that are new, and
// how many it lacks still.
func (p *Platform) digest(ctx context.Context, app mpblock.AppID) (digest, uint64, error) {
	for {
		g, version, err := p.readDigest(ctx, app)
		if err != nil {
			return digest{}, 0, err
		}
		head, err := p.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		if err != nil {
			return digest{}, 0, err
		}
		if head.Seq <= g.Seq {
			return g, 0, nil
		}
		if err := p.catchUp(ctx, app, &g); err != nil {
			return digest{}, 0, err
		}
		g.trim()
		_, err = p.store.Put(ctx, encode(kindDigest, string(app), version, g))
		if errors.Is(err, mpblock.ErrConflict) { // another node has done the same
			continue
		}
		return g, max(head.Seq, g.Seq) - g.Seq, err
	}
}

// catchUp adds changes to a digest, as many as one call may.
func (p *Platform) catchUp(ctx context.Context, app mpblock.AppID, g *digest) error {
	for changes, ids := 0, 0; changes < digestWork && ids < digestIDs; {
		piece, err := p.store.Changes(ctx, app, g.Seq, digestPiece)
		if err != nil {
			return err
		}
		for _, c := range piece {
			g.add(c)
			ids += len(c.OpenIDs)
		}
		changes += len(piece)
		if len(piece) < digestPiece {
			return nil
		}
	}
	return nil
}

// digestAll brings the digests of all accounts up to date.
func (p *Platform) digestAll(ctx context.Context) error {
	for after := mpblock.AppID(""); ; {
		accounts, err := p.Accounts(ctx, after, 100)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			for behind := uint64(1); behind > 0; {
				if _, behind, err = p.digest(ctx, a.AppID); err != nil {
					return err
				}
			}
			after = a.AppID
		}
	}
}
