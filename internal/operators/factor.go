package operators

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// factorPeriod is how long a code of the second factor lasts, in seconds: the one of
// RFC 6238 that all authenticator apps know. A code of the period before or after
// is taken too.
const factorPeriod = 30

// newFactor makes a key of a second factor.
func newFactor(name string) (SecondFactor, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "mpblock", AccountName: name})
	if err != nil {
		return SecondFactor{}, err
	}
	return SecondFactor{Secret: key.Secret(), URL: key.URL()}, nil
}

// lastStep is the last period whose code is taken at a time.
func lastStep(now time.Time) int64 { return now.Unix()/factorPeriod + 1 }

// factorStep returns the period whose code this is; false if it is none of those now.
func factorStep(secret, code string, now time.Time) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	step := now.Unix() / factorPeriod
	for _, at := range []int64{step, step - 1, step + 1} {
		ok, err := hotp.ValidateCustom(code, uint64(at), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // after 1970
		if err == nil && ok {
			return at, true
		}
	}
	return 0, false
}

// ticketLife is how long one may take from the password to the code.
const ticketLife = 5 * time.Minute

// tickets makes and reads tickets: signed words that an operator has shown the right
// password.
type tickets struct{ key []byte }

const ticketHead = "ticket:"

func (t tickets) mac(b []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write(b)
	return h.Sum(nil)
}

func (t tickets) issue(name string, epoch uint64, now time.Time) string {
	b := binary.BigEndian.AppendUint64([]byte(ticketHead), epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(ticketLife).UnixMilli()))
	b = append(b, name...)
	return base64.RawURLEncoding.EncodeToString(append(t.mac(b), b...))
}

// ticket is what a ticket says.
type ticket struct {
	name   string
	epoch  uint64
	issued time.Time
}

func (t tickets) read(text string, now time.Time) (ticket, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < sha256.Size+len(ticketHead)+16 {
		return ticket{}, false
	}
	mac, b := b[:sha256.Size], b[sha256.Size:]
	if !hmac.Equal(mac, t.mac(b)) || string(b[:len(ticketHead)]) != ticketHead {
		return ticket{}, false
	}
	b = b[len(ticketHead):]
	ends := time.UnixMilli(int64(binary.BigEndian.Uint64(b[8:]))) //nolint:gosec // as issue has written it
	return ticket{string(b[16:]), binary.BigEndian.Uint64(b), ends.Add(-ticketLife)}, now.Before(ends)
}
