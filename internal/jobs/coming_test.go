package jobs

import (
	"testing"

	"mpblock"
)

// A job comes to the OpenIDs of its list until it has, and an undo to those alone that
// nobody has changed since.
func TestComing(t *testing.T) {
	c := newJobCase(t)
	coming := func(n int, newest string) (ids []string) {
		t.Helper()
		all, err := c.svc.Coming(t.Context(), c.app, mpblock.OpenID([]byte(c.ids[n])), newest)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range all {
			ids = append(ids, j.ID)
		}
		return ids
	}
	none := func(when string, ids []string) {
		t.Helper()
		if len(ids) != 0 {
			t.Errorf("%s: %q", when, ids)
		}
	}
	one := func(when string, ids []string, want string) {
		t.Helper()
		if len(ids) != 1 || ids[0] != want {
			t.Errorf("%s: %q, want %q", when, ids, want)
		}
	}
	c.draft(mpblock.Block)
	none("a draft", coming(5, ""))
	j := c.start()
	one("it waits", coming(5, ""), j.ID)
	none("it has been there", coming(5, "job:"+j.ID))
	if all, err := c.svc.Coming(t.Context(), "wxffffffffffffffff", mpblock.OpenID([]byte(c.ids[5])), ""); err != nil || len(all) != 0 {
		t.Errorf("of another account: %v, %v", all, err)
	}
	runQueue(c.svc, t.Context())
	none("it is done", coming(5, ""))

	undo, err := c.svc.Undo(t.Context(), c.app, "anna", j.ID, "a slip")
	if err != nil {
		t.Fatal(err)
	}
	one("it is being undone", coming(5, "job:"+j.ID), undo.ID)
	none("somebody has changed it since", coming(5, "console:anna"))
	runQueue(c.svc, t.Context())
	none("it is undone", coming(5, "job:"+j.ID))
}
