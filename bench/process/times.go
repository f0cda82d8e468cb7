package process

// Times are how long the cores have worked, in the kernel's ticks, and for whom.
type Times struct {
	all    int64 // of all cores, whatever they did
	busy   int64 // for programs and for the kernel on their behalf
	stolen int64 // by the host that the machine runs on
	ours   int64 // for this program and all that it has started
}

// Others returns which share of all cores went to other programs and to the host since an
// earlier time. What the kernel does for interrupts is nobody's.
func (t Times) Others(since Times) float64 {
	others := t.busy - since.busy - (t.ours - since.ours) + t.stolen - since.stolen
	return float64(max(0, others)) / float64(max(1, t.all-since.all))
}
