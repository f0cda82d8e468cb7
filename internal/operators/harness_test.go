package operators

import (
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/operators/credentials"
)

// open returns operators whose passwords are cheap to hash.
func open(t *testing.T, store mpblock.Store) *Service {
	t.Helper()
	svc, err := Open(t.Context(), store, Options{Cost: credentials.Cost{Time: 1, Memory: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

const password = "correct horse 电池"

// enrol makes an operator with a password.
func enrol(t *testing.T, svc *Service, n NewOperator) Session {
	t.Helper()
	_, token, err := svc.AddOperator(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	s, err := svc.UseReset(t.Context(), token, password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func selfOf(t *testing.T, svc *Service, s Session) *Self {
	t.Helper()
	me, err := svc.Self(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return me
}

// newSelf makes an operator and returns it as it sees itself.
func newSelf(t *testing.T, svc *Service, name string, role Role) *Self {
	t.Helper()
	return selfOf(t, svc, enrol(t, svc, NewOperator{Name: name, Role: role}))
}

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if mpblock.KindOf(err) == mpblock.Internal || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal with %q", err, text)
	}
}
