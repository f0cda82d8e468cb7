package item

import (
	"fmt"
	"strconv"

	"mpblock"
)

// Why is why a line or an OpenID of a job was refused.
type Why string

// Why something was refused.
const (
	Malformed Why = "malformed"
	Foreign   Why = "another account's"
	Unknown   Why = "neither a follower nor blocked" // before, also what the platform refused with 40003
	Changed   Why = "changed since"
	Platform  Why = "refused by the platform" // with its code as the Detail
	Protected Why = "protected"               // with by whom and why as the Detail
)

// Refused is something that a job did not do.
type Refused struct {
	Line   int    // of its input, from 1; 0 with an undo
	Source string // the name of the input, if it has one
	Text   string // the OpenID, or the beginning of the malformed line
	Why    Why
	Detail string // beyond Why, in English; may be empty

	// Key and Args are Detail for those who speak other languages: see lines.Problem.
	Key  string   `json:",omitempty"`
	Args []string `json:",omitempty"`
}

// RefusedAt returns what is reported of an OpenID of a line that lists has refused.
func RefusedAt(line int, r mpblock.Refused) Refused {
	out := Refused{Line: line, Text: r.OpenID.String(), Why: Platform, Detail: strconv.Itoa(r.Code)}
	if r.Err != nil {
		out.Why, out.Detail, out.Key = Protected, r.Err.Message(), r.Err.Key
		for _, arg := range r.Err.Args {
			out.Args = append(out.Args, fmt.Sprint(arg))
		}
	}
	return out
}
