package check

import "mpblock"

// requests checks that each request which is remembered has become the change that it
// says, and stands where it is looked for.
func (c *checker) requests() error {
	for after := ([16]byte{}); ; {
		some, err := c.store.Requests(c.ctx, c.app, after, checkPage)
		if err != nil || len(some) == 0 {
			return err
		}
		var made []mpblock.Request
		var seqs []uint64
		for _, r := range some {
			if key := r.ID.Key; string(key[:]) <= string(after[:]) {
				c.problem("the request %x stands behind %x", key, after)
				return nil
			}
			after = r.ID.Key
			switch {
			case r.Seq > uint64(c.report.Changes): //nolint:gosec // not negative
				c.problem("the request %x has become change %d, and the last is %d", r.ID.Key, r.Seq, c.report.Changes)
			case r.Seq > 0:
				made, seqs = append(made, r), append(seqs, r.Seq)
			}
		}
		heads, err := c.store.ChangeHeads(c.ctx, c.app, seqs)
		if err != nil {
			return err
		}
		for i, head := range heads {
			if !head.Time.Equal(made[i].Time) {
				c.problem("the request %x was applied at %s, and change %d is of %s", made[i].ID.Key, made[i].Time, head.Seq, head.Time)
			}
		}
	}
}
