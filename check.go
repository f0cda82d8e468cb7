package mpblock

import "context"

// Report is what Check found of one account.
type Report struct {
	AppID     AppID
	Followers int
	Entries   int
	Changes   int
	Problems  []string // at most MaxProblems of them, in words
}

// MaxProblems is how many problems of one account a Report names.
const MaxProblems = 20

// Check verifies from the outside that a store keeps its word for one account:
// the change log has no gap, its times never go back, the entries are exactly
// what the changes add up to, each bears the Seq that blocked it, the totals are
// the lengths of the lists, and each OpenID's own history is that of the log.
// The error is the store's, of a read that failed; what is wrong with the data
// goes into the Report. Nothing may write to the account meanwhile.
func Check(ctx context.Context, s Store, app AppID) (Report, error) {
	panic("unbuilt")
}
