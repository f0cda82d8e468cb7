package intake

import "mpblock"

var (
	errLong    = mpblock.NewError(mpblock.Limited, "follow.list.long", "the list has more than %d OpenIDs: split it, or use the command mpblock follower import")
	errBad     = mpblock.NewError(mpblock.Invalid, "follow.list.bad", "more than %d lines are no OpenID of this account, the first of them line %d, %q: is it the right list?")
	errForeign = mpblock.NewError(mpblock.Invalid, "follow.list.foreign", "the list has no OpenID of this account: %s begins with other characters")
	errEmpty   = mpblock.NewError(mpblock.Invalid, "follow.list.empty", "the list has no OpenID")
	errGone    = mpblock.NewError(mpblock.Conflict, "follow.plan.gone", "this list is not there any more: it has been carried out, or dropped, or is more than an hour old; send it again")
	errMint    = mpblock.NewError(mpblock.Limited, "follow.mint", "%d followers: want 1 to %d at once")
)
