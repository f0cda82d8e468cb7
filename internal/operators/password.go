package operators

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Cost is how dear it is to hash a password with argon2id.
type Cost struct {
	Time    uint32
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost is the one that OWASP's password storage cheat sheet recommends first
// for argon2id with little memory.
var DefaultCost = Cost{Time: 2, Memory: 19 * 1024, Threads: 1}

// maxHashing is how many passwords a node hashes at once: logging in takes at most so
// many times 19 MiB.
const maxHashing = 4

const (
	saltLen = 16
	hashLen = 32
)

var b64 = base64.RawStdEncoding

// hasher hashes passwords, a few at a time.
type hasher struct {
	cost  Cost
	slots chan struct{}
}

func newHasher(cost Cost) hasher { return hasher{cost: cost, slots: make(chan struct{}, maxHashing)} }

// run hashes once a slot is free.
func (h *hasher) run(ctx context.Context, c Cost, password string, salt []byte) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, hashLen), nil
}

// hash returns a password as it is stored: the PHC string of argon2id, with its cost
// and salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.run(ctx, h.cost, password, salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.Memory, h.cost.Time, h.cost.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// matches tells whether a password is the one that was hashed. Without a stored one
// it takes the same time and is false, so that the time does not tell who exists.
func (h *hasher) matches(ctx context.Context, stored, password string) (bool, error) {
	if stored == "" {
		_, err := h.run(ctx, h.cost, password, make([]byte, saltLen))
		return false, err
	}
	c, salt, want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	got, err := h.run(ctx, c, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func parseHash(stored string) (c Cost, salt, sum []byte, err error) {
	damaged := fmt.Errorf("operators: a stored password is damaged: reset it")
	parts := strings.Split(stored, "$")
	var version int
	if len(parts) != 6 || parts[1] != "argon2id" {
		return c, nil, nil, damaged
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return c, nil, nil, damaged
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil || c.Time == 0 || c.Threads == 0 {
		return c, nil, nil, damaged
	}
	salt, err1 := b64.DecodeString(parts[4])
	sum, err2 := b64.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(sum) != hashLen {
		return c, nil, nil, damaged
	}
	return c, salt, sum, nil
}

func checkPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < MinPassword || len(password) > MaxPassword || !utf8.ValidString(password):
		return refuse("a password of %d characters: want at least %d, and at most %d bytes", n, MinPassword, MaxPassword)
	case strings.Contains(strings.ToLower(password), name) && len(name) > len(password)/2:
		return refuse("the password is not much more than the name: choose another one")
	}
	return nil
}
