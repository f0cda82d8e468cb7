package credentials

import (
	"context"
	"errors"
	"testing"
)

func TestDamagedPasswordsMatchNothing(t *testing.T) {
	h := NewHasher(DefaultCost)
	for _, stored := range []string{"plain", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "$argon2id$v=18$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAA"} {
		if ok, err := h.Matches(t.Context(), true, stored, ""); ok || err == nil {
			t.Errorf("%s matches: %v, %v", stored, ok, err)
		}
	}
}

// Only so many passwords are hashed at once, and those whom nobody knows leave places
// for the others; who waits for a turn can give up.
func TestHashingIsBounded(t *testing.T) {
	h := NewHasher(Cost{Time: 1, Memory: 8, Threads: 1})
	for range maxHashing {
		h.other <- struct{}{}
	}
	stored, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Matches(t.Context(), true, stored, "correct horse"); !ok || err != nil {
		t.Errorf("who is known: %v, %v", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Matches(ctx, false, stored, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was hashed: %v", err)
	}
	for range maxHashing {
		h.known <- struct{}{}
	}
	if _, err := h.Hash(ctx, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was hashed: %v", err)
	}
}

func TestQueueEnds(t *testing.T) {
	h := NewHasher(DefaultCost)
	var leave func()
	for i := range MaxWaiting {
		var ok bool
		if leave, ok = h.Queue(); !ok {
			t.Fatalf("%d wait, and no more may", i)
		}
	}
	if _, ok := h.Queue(); ok {
		t.Error("too many wait")
	}
	leave()
	if _, ok := h.Queue(); !ok {
		t.Error("a place that was left stays taken")
	}
}
