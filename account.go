package mpblock

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"
	"strings"
)

// AppID names an account: "wx" and 16 lower-case hexadecimal digits.
type AppID string

// AppIDLen is the length of every AppID in bytes.
const AppIDLen = 18

// ErrAppID is the error of ParseAppID.
var ErrAppID = NewError(Invalid, "appid.shape", "not an AppID: %q, want wx and 16 lower-case hexadecimal digits")

// ParseAppID reads an AppID; its error is ErrAppID.
func ParseAppID(s string) (AppID, error) {
	digits, ok := strings.CutPrefix(s, "wx")
	if !ok || len(s) != AppIDLen || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", ErrAppID.With(s)
	}
	return AppID(s), nil
}

// SecretHash is the SHA-256 of an account's secret. A secret is 128 random bits,
// so a plain hash keeps it as well as a slow one would.
type SecretHash [sha256.Size]byte

// HashSecret returns the hash of a secret as the account keeps it.
func HashSecret(secret string) SecretHash { return sha256.Sum256([]byte(secret)) }

// Matches tells in constant time whether secret is the one that was hashed.
func (h SecretHash) Matches(secret string) bool {
	sum := HashSecret(secret)
	return subtle.ConstantTimeCompare(h[:], sum[:]) == 1
}

// String returns the hash as hexadecimal digits.
func (h SecretHash) String() string { return hex.EncodeToString(h[:]) }

// Account is an Official Account: who may call, which OpenIDs are its own, and
// what it is limited to.
type Account struct {
	AppID      AppID
	Name       string
	SecretHash SecretHash // of the secret, which is shown once and not kept
	Prefix     Prefix     // the head of all its OpenIDs
	Key        Key        // mints its OpenIDs

	// AnyFollower takes every well-formed OpenID with the account's prefix as a
	// follower, for platforms that keep their own list of users.
	AnyFollower bool

	// AnyPrefix takes OpenIDs with another prefix too. It is for accounts with an Upstream:
	// what an OpenID begins with is known from samples alone, and the platform decides.
	AnyPrefix bool

	// AllowIPs are the addresses that may call; empty means all of them.
	AllowIPs []netip.Prefix

	// Denied are the calls that answer 48001 to this account.
	Denied []Call

	// Daily and PerMinute limit how often each call may be made; a call that is
	// not in the map is not limited. Days and minutes are those of UTC+8, the
	// platform's own clock.
	Daily     map[Call]int
	PerMinute map[Call]int

	// Reasons are those that operators are offered first when they block, in the
	// order in which they are offered. ReasonRequired has the console refuse to block
	// without one; the API knows no reasons.
	Reasons        []string
	ReasonRequired bool

	// Upstream is the base URL of the API on which the account's blacklist truly lies;
	// "": it lies here.
	Upstream string

	// Retired refuses every call and every change of the lists, which stay to be read.
	Retired bool
}

// ErrRetired is the error of whatever an account does no more once it is retired.
var ErrRetired = NewError(Conflict, "account.retired", "account %s is retired: its lists can be read, and nothing of them changes")

// Owns tells whether an OpenID can be one of the account's.
func (a *Account) Owns(id OpenID) bool {
	return a.AnyPrefix && a.Upstream != "" || id.Prefix() == a.Prefix
}

// MayChange returns ErrRetired if the account is retired.
func (a *Account) MayChange() error {
	if a.Retired {
		return ErrRetired.With(string(a.AppID))
	}
	return nil
}

// Call names a call of the API in settings, quotas, logs and metrics: the part
// of its path after /cgi-bin/ and after tags/members/.
type Call string

// The calls of the API.
const (
	CallToken       Call = "token"
	CallStableToken Call = "stable_token"
	CallFollowers   Call = "user/get"
	CallList        Call = "getblacklist"
	CallBlock       Call = "batchblacklist"
	CallUnblock     Call = "batchunblacklist"
	CallUser        Call = "user/info"
	CallUsers       Call = "user/info/batchget"
	CallRemark      Call = "user/info/updateremark"
	CallSend        Call = "message/custom/send"
	CallQuota       Call = "openapi/quota/get"
	CallClearQuota  Call = "clear_quota"
	CallRID         Call = "openapi/rid/get"
)

// Calls returns all calls of the API, in the order in which help texts list them.
func Calls() []Call {
	return []Call{
		CallToken, CallStableToken, CallFollowers, CallList, CallBlock, CallUnblock,
		CallUser, CallUsers, CallRemark, CallSend, CallQuota, CallClearQuota, CallRID,
	}
}

var errCall = NewError(Invalid, "call.name", "no call is named %q: the calls are %s")

// ParseCall reads the name of a call; its error lists the names there are.
func ParseCall(s string) (Call, error) {
	names := make([]string, 0, len(Calls()))
	for _, c := range Calls() {
		if s == string(c) {
			return c, nil
		}
		names = append(names, string(c))
	}
	return "", errCall.With(s, strings.Join(names, ", "))
}
