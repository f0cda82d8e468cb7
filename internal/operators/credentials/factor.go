package credentials

import (
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// Period is how long a code of the second factor lasts: the one of RFC 6238 that all
// authenticator apps know. A code of the period before or after is taken too.
const Period = 30 * time.Second

// NewFactor makes a key of a second factor: its secret in base32, and a URL that has
// it for an authenticator app.
func NewFactor(name string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "mpblock", AccountName: name})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// stepAt is the period of a time.
func stepAt(now time.Time) int64 { return now.Unix() / int64(Period/time.Second) }

// LastStep is the last period whose code is taken at a time.
func LastStep(now time.Time) int64 { return stepAt(now) + 1 }

// Step returns the period whose code this is; false if it is none of those now.
func Step(secret, code string, now time.Time) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	step := stepAt(now)
	for _, at := range []int64{step, step - 1, step + 1} {
		ok, err := hotp.ValidateCustom(code, uint64(at), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // after 1970
		if err == nil && ok {
			return at, true
		}
	}
	return 0, false
}
