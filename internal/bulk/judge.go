package bulk

import (
	"errors"
	"fmt"

	"mpblock/client"
)

// The codes of client.ErrInvalidOpenID and client.ErrNotThisAccount, for OpenIDs that
// a plan refuses as a server would.
const (
	codeBadOpenID = 40003
	codeForeign   = 49003
)

// verdict is what an answer means for the batch that was sent.
type verdict struct {
	became Status // of all of the batch; Todo goes back to the work
	why    Refusal
	split  bool  // it goes back in halves, one of which holds who is refused
	wait   wait  // before anything else is sent
	cause  error // of trouble
	stop   error // why the job cannot go on
}

// wait is how long a job waits after an answer.
type wait byte

const (
	goOn       wait = iota
	nextMinute      // the calls of this one are used up
	trouble         // a call failed: longer with each in a row
)

// judge tells what the answer to a batch of n OpenIDs means. The rest of the
// package does what it says.
func judge(n int, err error) verdict {
	var refused *client.Error
	var lost *client.UnknownOutcomeError
	switch {
	case err == nil:
		return verdict{became: Done}
	case aboutOne(err):
		if n > 1 {
			return verdict{became: Todo, split: true}
		}
		errors.As(err, &refused)
		return verdict{became: Refused, why: Refusal{refused.Code, refused.Detail}}
	case errors.Is(err, client.ErrTooFast):
		return verdict{became: Todo, wait: nextMinute}
	case errors.Is(err, client.ErrDailyQuota):
		return verdict{became: Todo, stop: fmt.Errorf("the account's calls for today are used up; go on after midnight of UTC+8: %w", err)}
	case errors.Is(err, client.ErrSystem), errors.Is(err, client.ErrBusy), errors.As(err, &lost):
		return verdict{became: Unknown, wait: trouble, cause: err} // it may have happened, until the list is read
	}
	return verdict{became: Todo, stop: err}
}

// aboutOne tells whether an answer is about some OpenID of the batch, and another batch
// may go through.
func aboutOne(err error) bool {
	for _, one := range []error{client.ErrInvalidOpenID, client.ErrNotThisAccount, client.ErrLimitedUser, client.ErrRefusedUser} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
