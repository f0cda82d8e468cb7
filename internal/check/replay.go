package check

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"mpblock"
)

// checkUndone holds what the store says of undone changes to the log.
func (c *checker) checkUndone(last uint64) error {
	for from := uint64(1); from <= last; from += mpblock.MaxHeads {
		var seqs []uint64
		for seq := from; seq <= min(from+mpblock.MaxHeads-1, last); seq++ {
			seqs = append(seqs, seq)
		}
		undone, err := c.store.Undone(c.ctx, c.app, seqs)
		if err != nil {
			return err
		}
		for i, seq := range seqs {
			if undone[i] != c.undone[seq] {
				c.problem("change %d is said to be undone by change %d, by the log it is by %d (0: none)", seq, undone[i], c.undone[seq])
			}
		}
	}
	return nil
}

// step checks a change of an OpenID against those before it.
func (c *checker) step(of []effect, s effect) {
	var before effect
	if len(of) > 0 {
		before = of[len(of)-1]
	}
	if before.blocks() != (s.action() != mpblock.Block) {
		c.problem("change %d, %s, names %s, on which it has no effect", s.seq(), s.action(), s.id)
	}
	switch {
	case s.undoes == 0:
	case s.undoes != before.seq():
		c.problem("change %d undoes change %d, and names %s, which change %d was the last to name before it", s.seq(), s.undoes, s.id, before.seq())
	case s.action() == mpblock.Amend && before.action() != mpblock.Amend:
		c.problem("change %d, %s, undoes change %d of %s, which is none", s.seq(), s.action(), s.undoes, s.id)
	}
}

// since returns the change that an entry belongs to, or belonged to, by the effects on
// its OpenID.
func since(of []effect) uint64 {
	for i, s := range slices.Backward(of) {
		switch {
		case !s.blocks():
		case s.undoes == 0:
			return s.seq()
		default:
			at := slices.IndexFunc(of[:i], func(e effect) bool { return e.seq() == s.undoes })
			return since(of[:max(at, 0)])
		}
	}
	return 0
}

// Ends verifies from the outside that the ends which a store has are those of the
// entries. Reports are those of accounts, by Account: what is wrong is added to them.
// Ends of other accounts are passed over.
func Ends(ctx context.Context, s mpblock.Store, reports map[mpblock.AppID]*Report) error {
	found := map[mpblock.AppID]int{}
	for after := (mpblock.DueEnd{}); ; {
		due, err := s.Due(ctx, "", after, lastEnd, checkPage)
		if err != nil {
			return err
		}
		of := map[mpblock.AppID][]mpblock.DueEnd{}
		for _, d := range due {
			if d.Compare(after) <= 0 {
				return fmt.Errorf("mpblock: the ends after %+v begin with %+v", after, d)
			}
			of[d.AppID], after = append(of[d.AppID], d), d
		}
		for app, due := range of {
			if found[app] += len(due); reports[app] != nil {
				if err := reports[app].ends(ctx, s, due); err != nil {
					return err
				}
			}
		}
		if len(due) < checkPage {
			break
		}
	}
	for app, r := range reports {
		if found[app] != r.Ends {
			r.problem("%d entries end, and %d ends are to come", r.Ends, found[app])
		}
	}
	return nil
}

// lastEnd is not before any end.
var lastEnd = time.UnixMilli(math.MaxInt64 / 2)

// ends holds ends of the account to its entries.
func (r *Report) ends(ctx context.Context, s mpblock.Store, due []mpblock.DueEnd) error {
	ids := make([]mpblock.OpenID, len(due))
	for i := range due {
		ids[i] = due[i].OpenID
	}
	states, err := s.States(ctx, r.AppID, ids)
	for i, state := range states {
		if !state.Until.Equal(due[i].Until) {
			r.problem("the end of %s is to come at %s, and its entry ends at %s", ids[i], due[i].Until, state.Until)
		}
	}
	return err
}

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}
