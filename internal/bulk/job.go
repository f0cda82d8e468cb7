package bulk

// Journal keeps how far a job is. What a method was told is durable when it
// returns nil. Both are called by several goroutines at a time, for different
// places.
type Journal interface {
	// Sending tells that the OpenIDs at these places of the job are about to be
	// sent in one call. They are sent only if it returns nil. Until it hears more
	// of them they are unknown.
	Sending(places []int) error
	// Became tells what has become of them. The code is that of a refusal, else 0.
	Became(places []int, s Status, code int) error
}

// Job is a plan under way.
type Job struct {
	Items   []Item // to be read only, and not while the job runs
	journal Journal
	counts  Counts
}

// New returns a job of items as they stand, which tells its journal of every step.
func New(items []Item, j Journal) *Job {
	return &Job{Items: items, journal: j, counts: count(items)}
}

// Counts returns how many OpenIDs are in each state.
func (j *Job) Counts() Counts { return j.counts }

// set gives places a state, without a word to the journal.
func (j *Job) set(places []int, s Status, code int) {
	for _, at := range places {
		it := &j.Items[at]
		j.counts.add(it.Status, -1)
		j.counts.add(s, 1)
		it.Status, it.Code = s, code
	}
}

// Counts are how many OpenIDs are in each state.
type Counts struct {
	Total        int `json:"total"`
	Done         int `json:"done"`
	Already      int `json:"already"`
	Refused      int `json:"refused"`
	NotAttempted int `json:"not_attempted"`
	Unknown      int `json:"unknown"`
}

// Settled returns how many OpenIDs have their last state.
func (c Counts) Settled() int { return c.Done + c.Already + c.Refused }

func (c *Counts) add(s Status, n int) {
	switch s {
	case Todo:
		c.NotAttempted += n
	case Done:
		c.Done += n
	case Already:
		c.Already += n
	case Refused:
		c.Refused += n
	case Unknown:
		c.Unknown += n
	}
}

func count(items []Item) Counts {
	c := Counts{Total: len(items)}
	for _, it := range items {
		c.add(it.Status, 1)
	}
	return c
}
