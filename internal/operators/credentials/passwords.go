// Package credentials is what somebody shows to be let in, as it is kept and judged:
// passwords, codes of a second factor, tickets between the two, and tokens of sessions
// and links. It computes, and knows neither a store nor who an operator is.
package credentials

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

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

// maxHashing is how many passwords a node hashes at once for each of the two who ask,
// below: logging in takes at most twice so many times 19 MiB.
const maxHashing = 2

// MaxWaiting is how many of those whom nobody knows wait for that, on one node: at 40
// hashes a second the last of them gets an answer after some 6 s.
const MaxWaiting = 256

const (
	saltLen = 16
	hashLen = 32
)

var b64 = base64.RawStdEncoding

// Hasher hashes passwords, a few at a time. Who is in, has a link, or comes from an
// address where the operator has logged in before is known. Those have places of their
// own, so that guesses from many addresses do not take the console from who works in it.
type Hasher struct {
	cost         Cost
	known, other chan struct{}
	waiting      *atomic.Int32 // of the others
}

// NewHasher returns a Hasher for passwords of a cost. Those that were hashed before
// keep theirs.
func NewHasher(cost Cost) Hasher {
	return Hasher{
		cost: cost, known: make(chan struct{}, maxHashing), other: make(chan struct{}, maxHashing),
		waiting: new(atomic.Int32),
	}
}

// Queue lets somebody whom nobody knows wait for a place until leave is called. It is
// false where too many do.
func (h *Hasher) Queue() (leave func(), ok bool) {
	leave = func() { h.waiting.Add(-1) }
	if h.waiting.Add(1) > MaxWaiting {
		leave()
		return nil, false
	}
	return leave, true
}

// run hashes once a place is free.
func (h *Hasher) run(ctx context.Context, known bool, c Cost, password string, salt []byte) ([]byte, error) {
	places := h.other
	if known {
		places = h.known
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, hashLen), nil
}

// Hash returns a password as it is stored: the PHC string of argon2id, with its cost
// and salt.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.run(ctx, true, h.cost, password, salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.Memory, h.cost.Time, h.cost.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// Matches tells whether a password is the one that was hashed. Without a stored one
// it takes the same time and is false, so that the time does not tell who exists.
func (h *Hasher) Matches(ctx context.Context, known bool, stored, password string) (bool, error) {
	if stored == "" {
		_, err := h.run(ctx, known, h.cost, password, make([]byte, saltLen))
		return false, err
	}
	c, salt, want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	got, err := h.run(ctx, known, c, password, salt)
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
