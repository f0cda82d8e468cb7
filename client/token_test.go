package client

import (
	"testing"
	"time"
)

// Who learns late that a token was bad must not take away the one that another
// has got since.
func TestDiscardOfAnOldToken(t *testing.T) {
	tok := tokens{now: saved{Token: "new", Expires: time.Now().Add(time.Hour)}}
	tok.discard("old")
	if s := tok.current(); s.Token != "new" {
		t.Errorf("the new token is gone: %+v", s)
	}
	tok.discard("new")
	if s := tok.current(); s.good() || s.Bad != "new" {
		t.Errorf("a bad token was kept: %+v", s)
	}
}
