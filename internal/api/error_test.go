package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/wire"
)

// A program hears the platform's code for what it has asked for itself, and for nothing
// else that this server asked meanwhile.
func TestErrorOf(t *testing.T) {
	t.Parallel()
	there := func(code int) error { return &client.Error{Call: "getblacklist", Code: code, Message: "theirs"} }
	lost := mpblock.NewError(mpblock.Unavailable, "upstream.lost", "what became of it is not known")
	dead := mpblock.NewError(mpblock.Unavailable, "source.dead", "whoever renews them has to")
	for _, tt := range []struct {
		err    error
		code   wire.Code
		detail string
	}{
		{there(45009), 45009, "so says the platform"},
		{fmt.Errorf("settle: %w", lost.Because(there(45009))), wire.CodeSystem, "not known"},
		{fmt.Errorf("client: %w", errors.Join(dead, there(40001))), wire.CodeSystem, "whoever renews"},
		{there(40001), wire.CodeSystem, "40001"},
		{there(40014), wire.CodeSystem, "40014"},
		{there(40164), wire.CodeSystem, "40164"},
		{there(41001), wire.CodeSystem, "41001"},
		{there(42001), wire.CodeSystem, "42001"},
		{there(42007), wire.CodeSystem, "42007"},
	} {
		if e := errorOf(tt.err); e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) {
			t.Errorf("%v: answered with %d, %q", tt.err, e.Code, e.Detail)
		}
	}
}
