package webhooks

import "mpblock"

// Errors of webhooks.
var (
	ErrNone     = mpblock.NewError(mpblock.NotFound, "webhook.none", "account %s has no webhook %s")
	errName     = mpblock.NewError(mpblock.Invalid, "webhook.name", "%q is no name of a webhook: want 1 to %d of a-z, 0-9, dot, dash and underscore, a letter or digit first")
	errExists   = mpblock.NewError(mpblock.Conflict, "webhook.exists", "account %s has a webhook %s already: remove it, or choose another name")
	errMany     = mpblock.NewError(mpblock.Limited, "webhook.many", "account %s has %d webhooks, the most there can be: remove one that is not used")
	errEvent    = mpblock.NewError(mpblock.Invalid, "webhook.event", "there is no event %q: the events are blocked, amended, unblocked, expired, protected and unprotected")
	errNoEvent  = mpblock.NewError(mpblock.Invalid, "webhook.events", "a webhook needs one event at least: blocked, amended, unblocked, expired, protected or unprotected")
	errKeep     = mpblock.NewError(mpblock.Invalid, "webhook.keep", "the old secret cannot be good for %s more: want 0 to %s")
	errDelivery = mpblock.NewError(mpblock.NotFound, "webhook.delivery", "webhook %s has no delivery %s among its last %d")
	errRevision = mpblock.NewError(mpblock.Invalid, "webhook.revision", "there is no revision %d yet, the last is %d: give that or one before it")
)
