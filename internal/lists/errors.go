package lists

import "mpblock"

// ErrForeign is the error of an OpenID of another account.
var ErrForeign = mpblock.NewError(mpblock.Invalid, "openid.foreign", "an OpenID of another account: those of %s begin with %s")

// Errors of calls of the API.
var (
	errListSize        = mpblock.NewError(mpblock.Invalid, "list.size", "the list has %d OpenIDs, want 1 to %d")
	errUnknown         = mpblock.NewError(mpblock.Conflict, "openid.unknown", "not a follower of %s, and not blocked")
	errElsewhere       = mpblock.NewError(mpblock.Invalid, "openid.unknown.elsewhere", "an OpenID of another account than %s")
	errNoFollower      = mpblock.NewError(mpblock.Conflict, "openid.unknown.follower", "not a follower of %s")
	errMessageBlocked  = mpblock.NewError(mpblock.Conflict, "message.blocked", "account %s has blocked the user, who gets none of its messages: unblock the user first")
	errMessageStranger = mpblock.NewError(mpblock.Conflict, "message.stranger", "the user does not follow account %s, and gets none of its messages")
	errForeignFollower = mpblock.NewError(mpblock.Invalid, "openid.foreign.follower", "OpenID %d, %s, is of another account than %s")
)

// Errors of who works by hand.
var (
	errPageSize      = mpblock.NewError(mpblock.Invalid, "page.size", "a page size of %d: want 1 to %d")
	errRows          = mpblock.NewError(mpblock.Invalid, "page.rows", "a page of %d rows: want 1 to %d")
	errCursor        = mpblock.NewError(mpblock.Invalid, "page.cursor", "this page is not there: begin with the first one")
	errBegin         = mpblock.NewError(mpblock.Invalid, "openid.begin", "no OpenID begins with %q: an OpenID has %d characters, A-Z a-z 0-9 - and _")
	errNoChange      = mpblock.NewError(mpblock.NotFound, "change.none", "there is no change %d")
	errByHand        = mpblock.NewError(mpblock.Limited, "list.by_hand", "%d OpenIDs: want 1 to %d at once; a list of any length goes through a job")
	errUnknownByHand = mpblock.NewError(mpblock.Conflict, "openid.unknown.by_hand", "%s is neither a follower of this account nor blocked: nothing was changed")
	errForeignByHand = mpblock.NewError(mpblock.Invalid, "openid.foreign.by_hand", "%s is an OpenID of another account: nothing was changed")
	errNoOpenID      = mpblock.NewError(mpblock.Invalid, "openid.text", "%q is no OpenID")
	errUntil         = mpblock.NewError(mpblock.Invalid, "change.until", "an end at %s: want one that is ahead, at most %d years from now")
	errReason        = mpblock.NewError(mpblock.Invalid, "change.reason", "a reason of %d bytes: want one line of at most %d bytes of text, without tabs")
)
