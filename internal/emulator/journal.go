package emulator

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a Journal.
const (
	DefaultJournal = 10_000  // calls that are kept, unless another number is asked for
	MaxJournal     = 100_000 // calls that may be asked for
	MaxKept        = 16 << 10
	maxBytes       = 64 << 20 // of all bodies; the oldest calls go first
)

// Entry is a call of the API and its answer, without tokens and secrets.
type Entry struct {
	N        uint64        `json:"n"`   // counts from 1 on
	RID      string        `json:"rid"` // the request id, as in X-Request-Id
	Time     time.Time     `json:"time"`
	Took     time.Duration `json:"took_ns"`
	Remote   string        `json:"remote,omitempty"`
	AppID    string        `json:"appid,omitempty"`
	Program  string        `json:"program,omitempty"` // of the account; "": with its own secret
	Method   string        `json:"method"`
	Path     string        `json:"path"`
	Query    string        `json:"query,omitempty"`
	Status   int           `json:"status"` // of HTTP; 0: there was no answer
	Code     int           `json:"errcode"`
	Detail   string        `json:"detail,omitempty"` // of X-Error-Detail
	Rule     string        `json:"rule,omitempty"`   // of the fault plan, that struck
	Fate     string        `json:"fate,omitempty"`   // what became of the answer where it did not arrive as it is here
	Request  string        `json:"request,omitempty"`
	Response string        `json:"response,omitempty"`

	// Lengths of the bodies, of which the first MaxKept bytes are kept.
	RequestBytes  int `json:"request_bytes"`
	ResponseBytes int `json:"response_bytes"`
}

func (e *Entry) size() int {
	return len(e.Request) + len(e.Response) + len(e.Query) + len(e.Path) + len(e.Detail) + 256
}

// Journal keeps the last calls. Its methods are safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	limit   int
	entries []Entry // the oldest first
	bytes   int
	last    uint64
	more    chan struct{} // closed when an entry comes
}

// NewJournal returns a journal of so many calls.
func NewJournal(limit int) *Journal { return &Journal{limit: limit, more: make(chan struct{})} }

// Limit returns how many calls are kept at most.
func (j *Journal) Limit() int { return j.limit }

// Add keeps a call, whose number it sets.
func (j *Journal) Add(e Entry) {
	e.Query, e.Request, e.Response = cutSecrets(e.Query), kept(e.Request), kept(e.Response)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.N = j.last
	j.entries = append(j.entries, e)
	j.bytes += e.size()
	gone := 0
	for len(j.entries)-gone > j.limit || j.bytes > maxBytes {
		j.bytes -= j.entries[gone].size()
		gone++
	}
	if gone > 0 {
		clear(j.entries[:gone])
		j.entries = j.entries[gone:] // append moves what is left to new memory when this is at its end
	}
	close(j.more)
	j.more = make(chan struct{})
}

// Clear forgets all calls. Numbers go on.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.bytes = nil, 0
}

// Read returns up to limit calls that fit and have a number above after, the oldest
// first; the newest of them where there are more and after is 0. Last is the number of
// the last call that there was: where less than limit are returned, the next reading
// begins after it.
func (j *Journal) Read(f Filter, after uint64, limit int) (found []Entry, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fit := f.compile()
	if after == 0 {
		for i := len(j.entries) - 1; i >= 0 && len(found) < limit; i-- {
			if fit(&j.entries[i]) {
				found = append(found, j.entries[i])
			}
		}
		slices.Reverse(found)
		return found, j.last
	}
	for i := range j.entries {
		if e := &j.entries[i]; e.N > after && len(found) < limit && fit(e) {
			found = append(found, *e)
		}
	}
	return found, j.last
}

// Len returns how many calls are kept.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.entries)
}

// ByRID returns the call with a request id.
func (j *Journal) ByRID(rid string) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := len(j.entries) - 1; i >= 0; i-- {
		if j.entries[i].RID == rid {
			return j.entries[i], true
		}
	}
	return Entry{}, false
}

// Wait returns when there has been a call with a number above after, or the context
// ends, whose error it returns.
func (j *Journal) Wait(ctx context.Context, after uint64) error {
	for {
		j.mu.Lock()
		last, more := j.last, j.more
		j.mu.Unlock()
		if last > after {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Secrets, where they stand in queries, forms and JSON.
var (
	inQuery = regexp.MustCompile(`(?i)((?:^|[&?])(?:access_token|secret|appsecret)=)[^&\s]+`)
	inJSON  = regexp.MustCompile(`(?i)("(?:access_token|secret|appsecret)"\s*:\s*")[^"]*`)
)

func cutSecrets(s string) string {
	return inJSON.ReplaceAllString(inQuery.ReplaceAllString(s, "$1***"), "$1***")
}

// kept returns what of a body is kept: the beginning, without secrets.
func kept(body string) string {
	cut := false
	if len(body) > 2*MaxKept { // a secret that stands across the end of what is looked at is beyond what is kept
		body, cut = body[:2*MaxKept], true
	}
	body = cutSecrets(body)
	if cut || len(body) > MaxKept {
		body = strings.ToValidUTF8(body[:min(len(body), MaxKept)], "\ufffd")
	}
	return strings.Clone(body)
}
