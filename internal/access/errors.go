package access

import "mpblock"

// Errors of those who call.
var (
	errNoAppID     = mpblock.NewError(mpblock.Invalid, "credentials.appid", "the parameter appid is absent or empty")
	errOtherAppID  = mpblock.NewError(mpblock.Invalid, "appid.other", "the appid in the body is not %s, the account of the access token")
	errGrantType   = mpblock.NewError(mpblock.Invalid, "credentials.grant_type", "the parameter grant_type is not client_credential")
	errNoSecret    = mpblock.NewError(mpblock.Unauthenticated, "credentials.secret", "the parameter secret is absent or empty")
	errWrongSecret = mpblock.NewError(mpblock.Unauthenticated, "credentials.wrong_secret", "this is not the secret of account %s")

	errNoToken         = mpblock.NewError(mpblock.Unauthenticated, "token.missing", "the parameter access_token is absent or empty in the query")
	errForgedToken     = mpblock.NewError(mpblock.Unauthenticated, "token.bad.forged", "this is no access token of this server")
	errTokenOfNone     = mpblock.NewError(mpblock.Unauthenticated, "token.bad.account", "the account of the access token does not exist any more")
	errTokenRotated    = mpblock.NewError(mpblock.Unauthenticated, "token.bad.rotated", "the account has a new secret since the access token was issued: get a new one")
	errTokenRevoked    = mpblock.NewError(mpblock.Unauthenticated, "token.bad.revoked", "program %s, which got the access token, was revoked")
	errProgramRotated  = mpblock.NewError(mpblock.Unauthenticated, "token.bad.program", "program %s has a new secret since the access token was issued: get a new one")
	errTokenSuperseded = mpblock.NewError(mpblock.Unauthenticated, "token.bad.superseded", "a newer access token took the place of this one: use that, or get a new one")
	errTokenExpired    = mpblock.NewError(mpblock.Unauthenticated, "token.expired", "the access token ran out at %s: get a new one")

	errAddress    = mpblock.NewError(mpblock.Forbidden, "caller.address", "account %[1]s may be used from the addresses on its allow-list only") // [2] is the caller's
	errCall       = mpblock.NewError(mpblock.Forbidden, "caller.call", "account %s may not call %s")
	errScope      = mpblock.NewError(mpblock.Forbidden, "caller.scope", "program %[1]s of account %[2]s has not the scope %[3]s, which this call takes: give it with mpblock program scope --account %[2]s %[1]s %[4]s")
	errMinuteRate = mpblock.NewError(mpblock.Limited, "quota.minute", "account %s may call %s %d times a minute; the next minute begins in %d s")
	errClears     = mpblock.NewError(mpblock.Limited, "quota.clears", "account %s has cleared its quotas %d times this month; the next month begins at %s")
	errDailyQuota = mpblock.NewError(mpblock.Limited, "quota.day", "account %s may call %s %d times a day; the next day begins at %s")
)

// Errors of those who look after accounts.
var (
	errPrefixTaken    = mpblock.NewError(mpblock.Conflict, "prefix.taken", "prefix %s is that of account %s: choose another, or leave it out to have one made")
	errPrefixLost     = mpblock.NewError(mpblock.Conflict, "prefix.lost", "prefix %s has just been taken by another account: try again")
	errAccountExists  = mpblock.NewError(mpblock.Conflict, "account.exists", "account %s exists already")
	errAccountRemoved = mpblock.NewError(mpblock.Conflict, "account.removed", "account %s was removed: its AppID is not used again, choose another")
	errNotRetired     = mpblock.NewError(mpblock.Conflict, "account.in_use", "account %s is in use: retire it first, then it can be removed")
	errSecretShape    = mpblock.NewError(mpblock.Invalid, "account.secret", "a secret is 32 lower-case hexadecimal digits; leave it out to have one made")
	errName           = mpblock.NewError(mpblock.Invalid, "account.name", "a name of %d bytes: want at most %d bytes of UTF-8 in one line")
	errAddressShape   = mpblock.NewError(mpblock.Invalid, "account.address", "an address on the allow-list is not one: want 192.0.2.7 or 192.0.2.0/24")
	errLimit          = mpblock.NewError(mpblock.Invalid, "account.limit", "a limit of %d for %s: want 0 (none may be made) or more")
	errNetwork        = mpblock.NewError(mpblock.Invalid, "account.network", "%q is no address: want 192.0.2.7 or 192.0.2.0/24")
	errReason         = mpblock.NewError(mpblock.Invalid, "account.reason", "a reason of %d bytes: want at most %d bytes of UTF-8 in one line")
	errReasons        = mpblock.NewError(mpblock.Invalid, "account.reasons", "%d reasons: want at most %d")
)
