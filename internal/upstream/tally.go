package upstream

import (
	"sync"

	"mpblock/client"
	"mpblock/internal/upstream/budget"
)

// tally counts the calls of a process to the platform for one account.
type tally struct {
	mu    sync.Mutex
	sent  budget.Calls
	noted budget.Calls // what of it is written down, or about to be sent and written down already
	codes map[int]int  // answers by their return codes
}

// codeLost stands for an answer that was lost, among return codes.
const codeLost = -2

// made counts a call, if it is one of those.
func (t *tally) made(m client.Made) {
	if c, ok := budget.ByName[m.Call]; ok {
		t.mu.Lock()
		t.sent[c]++
		t.mu.Unlock()
		t.answered(m)
	}
}

// answered counts the answer of a call alone, if it is one of those.
func (t *tally) answered(m client.Made) {
	if _, ok := budget.ByName[m.Call]; !ok {
		return
	}
	if m.Lost {
		m.Code = codeLost
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.codes == nil {
		t.codes = map[int]int{}
	}
	t.codes[m.Code]++
}

// unnoted returns what is not written down yet; it may be less than nothing where a call
// was not made after all.
func (t *tally) unnoted() (n budget.Calls) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range n {
		n[c] = t.sent[c] - t.noted[c]
	}
	return n
}

func (t *tally) note(all ...budget.Calls) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range all {
		for c := range n {
			t.noted[c] += n[c]
		}
	}
}
