// Package bulk blocks and unblocks any number of users over an API that takes 20 a
// call. A job is planned against the live list, written to a journal, run in
// batches, and told of in a report that adds up: each OpenID ends as done, already
// so, refused with its code, or not attempted.
//
// Two promises carry it. What was acknowledged is never sent again. And what the
// server may have done without saying so (the answer was lost, the process was
// killed) is settled by reading the list, not by guessing.
package bulk

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"mpblock"
	"mpblock/client"
)

// Server is the API that a job runs over; *client.Client is one.
type Server interface {
	All(ctx context.Context) iter.Seq2[client.OpenID, error]
	Block(ctx context.Context, ids ...client.OpenID) error
	Unblock(ctx context.Context, ids ...client.OpenID) error
}

// Status is what has become of an OpenID.
type Status byte

// The states of an OpenID. Their values stand in journals.
const (
	Todo    Status = '+' // to be sent, or not attempted when the job has ended
	Done    Status = '.' // acknowledged, or seen on the list afterwards
	Already Status = '=' // was so before the job
	Refused Status = '!' // with a code; nothing was changed
	Unknown Status = '?' // sent, and the answer lost; settled by reading the list
)

// known tells whether a byte of a journal is a state.
func (s Status) known() bool { return strings.IndexByte("+.=!?", byte(s)) >= 0 }

// String names the status as reports do.
func (s Status) String() string {
	switch s {
	case Todo:
		return "not attempted"
	case Done:
		return "done"
	case Already:
		return "already"
	case Refused:
		return "refused"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("Status(%q)", byte(s))
}

// Item is an OpenID of a job.
type Item struct {
	OpenID client.OpenID
	Action mpblock.Action
	Status Status
	Code   int // of a refusal
}

// Wish is what a job is asked to do.
type Wish struct {
	OpenID string
	Action mpblock.Action
}
