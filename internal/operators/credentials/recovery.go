package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
)

// RecoveryCodes is how many codes a set has.
const RecoveryCodes = 10

// Recovery is what is kept of a set of codes that stand in for those of the second
// factor: a hash of each that is not spent. Whoever keeps it spends one in the same
// write as what it is spent on.
type Recovery []string

// NewRecovery makes a set: the codes, of 80 random bits each, and what is kept of them.
func NewRecovery() (codes []string, kept Recovery) {
	for range RecoveryCodes {
		c := strings.ToLower(rand.Text()[:16])
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
		kept = append(kept, hashRecovery(c))
	}
	return codes, kept
}

// hashRecovery hashes a code, however its letters and dashes are written.
func hashRecovery(code string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Has tells whether a code is one of the set that is not spent.
func (r Recovery) Has(code string) bool { return slices.Contains(r, hashRecovery(code)) }

// Spend takes a code out of the set; false if it is none of it.
func (r *Recovery) Spend(code string) bool {
	had := r.Has(code)
	*r = slices.DeleteFunc(slices.Clone(*r), func(h string) bool { return h == hashRecovery(code) })
	return had
}
