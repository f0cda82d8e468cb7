package check

import (
	"slices"

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

// since returns the change that an entry belongs to, by the effects on its OpenID.
func since(of []effect) uint64 {
	for _, s := range slices.Backward(of) {
		if s.blocks() && s.undoes == 0 {
			return s.seq()
		}
	}
	return 0
}
