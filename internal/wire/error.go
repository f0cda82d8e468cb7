package wire

import (
	"errors"
	"fmt"
	"strings"

	"mpblock"
)

// Code is a return code of the platform's API.
type Code int

// The return codes. Names, numbers and texts are the platform's.
const (
	CodeSystem           Code = -1
	CodeOK               Code = 0
	CodeBadToken         Code = 40001
	CodeBadGrantType     Code = 40002
	CodeBadOpenID        Code = 40003
	CodeBadAppID         Code = 40013
	CodeBadListSize      Code = 40032
	CodeBadURL           Code = 40066
	CodeBadSecret        Code = 40125
	CodeIPNotAllowed     Code = 40164
	CodeTokenMissing     Code = 41001
	CodeAppIDMissing     Code = 41002
	CodeSecretMissing    Code = 41004
	CodeTokenExpired     Code = 42001
	CodeNeedGET          Code = 43001
	CodeNeedPOST         Code = 43002
	CodeNeedHTTPS        Code = 43003
	CodeNeedSubscribe    Code = 43004
	CodeNeedUnblock      Code = 43019
	CodeEmptyBody        Code = 44002
	CodeDailyQuota       Code = 45009
	CodeMinuteRate       Code = 45011
	CodeReplyTime        Code = 45015 // of a fault plan alone
	CodeBadData          Code = 47001
	CodeUnauthorized     Code = 48001
	CodeQuotaClears      Code = 48006
	CodeNotThisAppOpenID Code = 49003
	CodeUserLimited      Code = 50002
	CodeNoRID            Code = 76001
	CodeNoPath           Code = 76021
)

var codeTexts = map[Code]string{ //nolint:gosec // no credentials, though some speak of them
	CodeSystem:           "system error",
	CodeOK:               "ok",
	CodeBadToken:         "invalid credential, access_token is invalid or not latest",
	CodeBadGrantType:     "invalid grant_type",
	CodeBadOpenID:        "invalid openid",
	CodeBadAppID:         "invalid appid",
	CodeBadListSize:      "invalid openid list size",
	CodeBadURL:           "invalid url",
	CodeBadSecret:        "invalid appsecret",
	CodeIPNotAllowed:     "invalid ip %s, not in whitelist",
	CodeTokenMissing:     "access_token missing",
	CodeAppIDMissing:     "appid missing",
	CodeSecretMissing:    "appsecret missing",
	CodeTokenExpired:     "access_token expired",
	CodeNeedGET:          "require GET method",
	CodeNeedPOST:         "require POST method",
	CodeNeedHTTPS:        "require https",
	CodeNeedSubscribe:    "require subscribe",
	CodeNeedUnblock:      "require remove blacklist",
	CodeEmptyBody:        "empty post data",
	CodeDailyQuota:       "reach max api daily quota limit",
	CodeMinuteRate:       "api minute-quota reach limit, must slower, retry next minute",
	CodeReplyTime:        "response out of time limit or subscription is canceled",
	CodeBadData:          "data format error",
	CodeUnauthorized:     "api unauthorized",
	CodeQuotaClears:      "forbid to clear quota because of reaching the limit",
	CodeNotThisAppOpenID: "not match openid with appid",
	CodeUserLimited:      "user limited",
	CodeNoRID:            "rid not found",
	CodeNoPath:           "cgi_path not found, please check",
}

// Text returns the platform's text for the code, "" for an unknown one. That of
// CodeIPNotAllowed holds a %s for the address.
func (c Code) Text() string { return codeTexts[c] }

// codes are the return codes of the errors of the rules, by their keys. A key stands
// for those under it too.
var codes = map[string]Code{
	"account.none":             CodeBadAppID,
	"account.retired":          CodeBadAppID,
	"appid.other":              CodeBadAppID,
	"appid.shape":              CodeBadAppID,
	"caller.address":           CodeIPNotAllowed,
	"caller.call":              CodeUnauthorized,
	"caller.scope":             CodeUnauthorized,
	"credentials.appid":        CodeAppIDMissing,
	"credentials.grant_type":   CodeBadGrantType,
	"credentials.secret":       CodeSecretMissing,
	"credentials.wrong_secret": CodeBadSecret,
	"list.size":                CodeBadListSize,
	"message.blocked":          CodeNeedUnblock,
	"message.stranger":         CodeNeedSubscribe,
	"openid.foreign":           CodeNotThisAppOpenID,
	"openid.protected":         CodeUserLimited,
	"openid.shape":             CodeBadOpenID,
	"openid.unknown":           CodeBadOpenID,
	"passage.long":             CodeBadData,
	"passage.lost":             CodeSystem,
	"passage.unread":           CodeSystem,
	"quota.clears":             CodeQuotaClears,
	"quota.day":                CodeDailyQuota,
	"quota.minute":             CodeMinuteRate,
	"remark.length":            CodeBadData,
	"remark.line":              CodeBadData,
	"source":                   CodeSystem,
	"token.bad":                CodeBadToken,
	"token.expired":            CodeTokenExpired,
	"token.missing":            CodeTokenMissing,
	"upstream.day":             CodeDailyQuota,
	"upstream.down":            CodeSystem,
	"upstream.lost":            CodeSystem,
	"upstream.minute":          CodeMinuteRate,
	"upstream.none":            CodeSystem,
	"upstream.seal":            CodeSystem,
	"upstream.short":           CodeSystem,
	"upstream.shrunk":          CodeSystem,
	"upstream.unsealed":        CodeSystem,
}

// codeOf returns the return code for a key of the rules.
func codeOf(key string) (Code, bool) {
	for {
		if code, ok := codes[key]; ok {
			return code, true
		}
		at := strings.LastIndexByte(key, '.')
		if at < 0 {
			return 0, false
		}
		key = key[:at]
	}
}

// Error is an error as the API answers it. Message goes to the caller as errmsg,
// which clients know by the platform's own texts; Detail says, beyond it, what
// happened, to which input and what to do, and goes where there is room for it:
// a header of the answer, the log. Err is the internal cause; it is for the log
// alone. None of them ever holds a secret or a token.
type Error struct {
	Code    Code
	Message string
	Detail  string
	Err     error
}

// Refuse returns an Error with the code's own text and a formatted detail, for what
// is wrong with a request before the rules see it.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: code.Text(), Detail: fmt.Sprintf(format, args...)}
}

// ErrorOf returns an error as the API answers it: an *Error as it is, one of the
// rules by its key, and any other as CodeSystem with the error as the cause.
func ErrorOf(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var e *mpblock.Error
	if errors.As(err, &e) {
		if code, ok := codeOf(e.Key); ok {
			a := &Error{Code: code, Message: code.Text(), Detail: e.Message(), Err: e.Err}
			if code == CodeIPNotAllowed {
				a.Message = fmt.Sprintf(a.Message, e.Args[1]) // the address; the first argument is the account
			}
			if code == CodeBadData {
				a.Message += ": " + a.Detail
			}
			return a
		}
	}
	return &Error{
		Code: CodeSystem, Message: CodeSystem.Text(),
		Detail: "the fault is the server's; nothing is wrong with the request, try again", Err: err,
	}
}

// Error returns code, message, detail and cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", e.Code, e.Message)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the internal cause.
func (e *Error) Unwrap() error { return e.Err }
