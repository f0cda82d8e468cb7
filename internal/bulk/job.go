package bulk

// Journal keeps how far a job is. What a method was told is durable when it
// returns nil. Both are called by several goroutines at a time, for different
// places.
type Journal interface {
	// Sending tells that the OpenIDs at these places of the job are about to be
	// sent in one call. They are sent only if it returns nil. Until it hears more
	// of them they are unknown.
	Sending(places []int) error
	// Became tells what has become of them. The refusal is the zero value unless they are
	// refused.
	Became(places []int, s Status, r Refusal) error
}

// Refusal is why a server has refused an OpenID.
type Refusal struct {
	Code   int
	Detail string // what the server says beside the code; "" where it says no more
}

// Job is a plan under way.
type Job struct {
	Items   []Item // to be read only, and not while the job runs
	journal Journal
	counts  Counts
	details map[int]string // of refusals, by places; most items have none
}

// New returns a job of items as they stand, which tells its journal of every step.
func New(items []Item, j Journal) *Job {
	return &Job{Items: items, journal: j, counts: count(items), details: map[int]string{}}
}

// Counts returns how many OpenIDs are in each state.
func (j *Job) Counts() Counts { return j.counts }

// Refusal returns why the item at a place was refused.
func (j *Job) Refusal(at int) Refusal { return Refusal{j.Items[at].Code, j.details[at]} }

// set gives places a state, without a word to the journal.
func (j *Job) set(places []int, s Status, r Refusal) {
	for _, at := range places {
		j.counts.add(j.Items[at].Status, -1)
		j.counts.add(s, 1)
		j.put(at, s, r)
	}
}

func (j *Job) put(at int, s Status, r Refusal) {
	j.Items[at].Status, j.Items[at].Code = s, r.Code
	if r.Detail != "" {
		j.details[at] = r.Detail
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
