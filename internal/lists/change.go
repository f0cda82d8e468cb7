package lists

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mpblock"
)

// MaxByHand is how many OpenIDs an operator may block or unblock at once without a
// job.
const MaxByHand = 1_000

// Outcome is what came of a change by hand.
type Outcome struct {
	Seq     uint64 // of the change; 0 if nothing changed
	Done    int    // OpenIDs on which it took effect
	Already int    // that were so already
}

// Hand is what an operator does by hand.
type Hand struct {
	Actor   string // whom the change bears
	Action  mpblock.Action
	OpenIDs []string  // 1 to MaxByHand
	Reason  string    // may be empty
	Until   time.Time // of a block or an amend, when it ends; zero: never
	ID      mpblock.RequestID
	Last    uint64 // see mpblock.Batch
}

// ByHand blocks, unblocks or amends followers for an operator, all or none. What is
// refused is a refusal that names the first OpenID in question.
func (svc *Service) ByHand(ctx context.Context, a *mpblock.Account, h Hand) (Outcome, error) {
	reason, err := CheckReason(h.Reason)
	if err := errors.Join(err, svc.CheckOnce(ctx, a.AppID, h.Until, h.ID)); err != nil {
		return Outcome{}, err
	}
	ids := h.OpenIDs
	most := MaxByHand
	if a.Upstream != "" {
		most = MaxBatch // of which one call takes all or none
	}
	if len(ids) == 0 || len(ids) > most {
		return Outcome{}, errByHand.With(len(ids), most)
	}
	batch := mpblock.Batch{Action: h.Action, Actor: h.Actor, Reason: reason, Until: h.Until, ID: h.ID, Last: h.Last, Known: !a.AnyFollower}
	different := make(map[mpblock.OpenID]bool, len(ids))
	for _, s := range ids {
		id, err := ownID(a, s)
		if err != nil {
			return Outcome{}, err
		}
		different[id] = true
		batch.OpenIDs = append(batch.OpenIDs, id)
	}
	c, err := svc.apply(ctx, a, batch, true)
	var unknown *mpblock.UnknownError
	if errors.As(err, &unknown) {
		return Outcome{}, errUnknownByHand.With(batch.OpenIDs[unknown.Index].String())
	}
	return Outcome{Seq: c.Seq, Done: len(c.OpenIDs), Already: len(different) - len(c.OpenIDs)}, err
}

// ownID reads an OpenID of the account; its error is a refusal.
func ownID(a *mpblock.Account, s string) (mpblock.OpenID, error) {
	s = strings.TrimSpace(s)
	id, err := Own(a, s)
	if errors.Is(err, ErrForeign) {
		return id, errForeignByHand.With(s)
	}
	if err != nil {
		return id, errNoOpenID.With(Clip(s)).Because(err)
	}
	return id, nil
}

// clipped is how much of a wrong input is repeated, in bytes.
const clipped = 100

// Clip returns the beginning of an input as valid UTF-8, for a message.
func Clip(s string) string {
	if len(s) > clipped {
		s = s[:clipped] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// CheckUntil refuses an end that is not ahead, or further than mpblock.MaxUntil.
func (svc *Service) CheckUntil(until time.Time) error {
	if now := svc.clock.Now(); !until.IsZero() && (!until.After(now) || until.Sub(now) > mpblock.MaxUntil) {
		return errUntil.With(until.UTC().Format(time.RFC3339), int(mpblock.MaxUntil.Hours()/24/366))
	}
	return nil
}

// CheckOnce is CheckUntil, but for a request that was applied before: its end may have come.
func (svc *Service) CheckOnce(ctx context.Context, app mpblock.AppID, until time.Time, id mpblock.RequestID) error {
	err := svc.CheckUntil(until)
	if err == nil || !id.Named() {
		return err
	}
	if asked, failed := mpblock.Asked(ctx, svc.store, app, mpblock.Batch{ID: id, Time: svc.clock.Now()}); asked || failed != nil {
		return failed
	}
	return err
}

// CheckReason brings a reason into one form: one line of at most mpblock.MaxReason
// bytes. What cannot be is a refusal.
func CheckReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if len(reason) > mpblock.MaxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) {
		return "", errReason.With(len(reason), mpblock.MaxReason)
	}
	return reason, nil
}
