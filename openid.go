package mpblock

import (
	"bytes"
	"crypto/aes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
)

// OpenIDLen is the length of every OpenID in bytes.
const OpenIDLen = 28

// OpenID names one user towards one account: "o" and 27 characters of base64url
// without padding, which hold 20 bytes: the 4-byte Prefix of the account and 16
// bytes that hide the user. The form is deduced from the platform's public
// samples, all of which fit.
//
// It is a value of fixed size: comparable, and a slice of them is one flat
// piece of memory. The zero OpenID is no valid OpenID; it sorts before all of
// them and so serves as the cursor "from the head".
//
// OpenIDs are case-sensitive bytes and are ordered as such.
type OpenID [OpenIDLen]byte

// ErrOpenIDShape stands for every error of ParseOpenID.
var ErrOpenIDShape = NewError(Invalid, "openid.shape", "not an OpenID")

var (
	errOpenIDLength = NewError(Invalid, "openid.shape.length", "not an OpenID: %d bytes long, an OpenID has %d")
	errOpenIDHead   = NewError(Invalid, "openid.shape.head", "not an OpenID: begins with %q, an OpenID begins with 'o'")
	errOpenIDByte   = NewError(Invalid, "openid.shape.byte", "not an OpenID: byte %d is %q, allowed are A-Z a-z 0-9 - _")
	errOpenIDTail   = NewError(Invalid, "openid.shape.tail", "not an OpenID: ends with %q, the last character is one of AEIMQUYcgkosw048")
)

// ParseOpenID reads an OpenID. It fails with an ErrOpenIDShape that says what is
// wrong with s; it never repeats more of s than one character.
func ParseOpenID(s string) (OpenID, error) {
	var id OpenID
	if len(s) != OpenIDLen {
		return id, errOpenIDLength.With(len(s), OpenIDLen)
	}
	copy(id[:], s)
	if err := id.check(); err != nil {
		return OpenID{}, err
	}
	return id, nil
}

func (id OpenID) check() error {
	if id[0] != 'o' {
		return errOpenIDHead.With(id[0])
	}
	for i, c := range id[1:] {
		if base64Value[c] < 0 {
			return errOpenIDByte.With(i+1, c)
		}
	}
	// 27 characters hold 162 bits, the OpenID 160: the last two are zero.
	if last := id[OpenIDLen-1]; base64Value[last]&3 != 0 {
		return errOpenIDTail.With(last)
	}
	return nil
}

// Prefix returns the 4 bytes that all OpenIDs of one account share. The OpenID
// must be valid.
func (id OpenID) Prefix() Prefix {
	var v uint64
	for _, c := range id[1:7] { // 6 characters, 36 bits
		v = v<<6 | uint64(base64Value[c]) //nolint:gosec // a valid OpenID has no negative values
	}
	v >>= 4
	return Prefix{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// String returns the OpenID as it goes over the wire, "" for the zero OpenID.
func (id OpenID) String() string {
	if id == (OpenID{}) {
		return ""
	}
	return string(id[:])
}

// Compare orders OpenIDs by their bytes, the order of every list and page.
func (id OpenID) Compare(other OpenID) int { return bytes.Compare(id[:], other[:]) }

// Prefix is the 4 bytes at the head of every OpenID of one account.
type Prefix [4]byte

var errPrefix = NewError(Invalid, "prefix.shape", "not a prefix of OpenIDs: %q, want 8 hexadecimal digits")

// ParsePrefix reads a Prefix from its 8 hexadecimal digits.
func ParsePrefix(s string) (Prefix, error) {
	var p Prefix
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(p) {
		return p, errPrefix.With(s)
	}
	copy(p[:], b)
	return p, nil
}

// String returns the prefix as 8 hexadecimal digits.
func (p Prefix) String() string { return hex.EncodeToString(p[:]) }

// Begins returns the 6 characters that all OpenIDs with the prefix begin with.
func (p Prefix) Begins() string { return "o" + base64.RawURLEncoding.EncodeToString(p[:])[:5] }

// Key is the secret under which an account's OpenIDs are minted: an AES-128 key.
// Who holds it can tell whether two OpenIDs of different accounts are the same
// user, so it never leaves the store and its backups.
type Key [16]byte

// Mint returns the OpenID of a user towards an account: the account's prefix and
// one AES block, under the account's key, of the first 16 bytes of the user's
// SHA-256. It is stable per user and account, differs between accounts, and tells
// nothing about the user to those who lack the key. user is any name the
// platform has for the user; it is not limited in length.
func Mint(prefix Prefix, key Key, user string) OpenID {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only a key of the wrong size fails, and Key has the right one
	}
	sum := sha256.Sum256([]byte(user))
	var raw [20]byte
	copy(raw[:4], prefix[:])
	block.Encrypt(raw[4:], sum[:16])
	id := OpenID{'o'}
	base64.RawURLEncoding.Encode(id[1:], raw[:])
	return id
}

// Distinct returns OpenIDs in byte order, each once: those that it is given where they
// are so, else a copy.
func Distinct(ids []OpenID) []OpenID {
	if ascending(ids) {
		return ids
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, OpenID.Compare)
	return slices.Compact(ids)
}

func ascending(ids []OpenID) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i-1].Compare(ids[i]) >= 0 {
			return false
		}
	}
	return true
}

// Without returns those of ids, in byte order, that are not among others, in byte
// order too.
func Without(ids, others []OpenID) []OpenID {
	var out []OpenID
	for _, id := range ids {
		for len(others) > 0 && others[0].Compare(id) < 0 {
			others = others[1:]
		}
		if len(others) == 0 || others[0] != id {
			out = append(out, id)
		}
	}
	return out
}

// base64Value maps a character of base64url to its 6 bits, any other byte to -1.
var base64Value = func() (t [256]int8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = -1
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()
