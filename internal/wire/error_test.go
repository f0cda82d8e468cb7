package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mpblock"
)

func TestErrorOf(t *testing.T) {
	own := Refuse(CodeBadURL, "no call at %s", "/x")
	shape := mpblock.NewError(mpblock.Invalid, "openid.shape.length", "%d bytes")
	address := mpblock.NewError(mpblock.Forbidden, "caller.address", "account %[1]s only")
	for _, tt := range []struct {
		err  error
		want Error
	}{
		{fmt.Errorf("on the way: %w", own), *own},
		{fmt.Errorf("on the way: %w", mpblock.At(shape.With(7), "list[2]")), Error{CodeBadOpenID, "invalid openid", "list[2]: 7 bytes", nil}},
		{shape.With(7).Because(fs.ErrPermission), Error{CodeBadOpenID, "invalid openid", "7 bytes", fs.ErrPermission}},
		{address.With("wx", "192.0.2.7"), Error{CodeIPNotAllowed, "invalid ip 192.0.2.7, not in whitelist", "account wx only", nil}},
	} {
		if got := ErrorOf(tt.err); *got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.err, got, tt.want)
		}
	}
	for _, err := range []error{fs.ErrPermission, mpblock.NewError(mpblock.Conflict, "openidx", "of another door")} {
		e := ErrorOf(err)
		if e.Code != CodeSystem || e.Message != "system error" || !errors.Is(e, err) {
			t.Errorf("an internal error became %v", e)
		}
		if strings.Contains(e.Message+e.Detail, err.Error()) {
			t.Errorf("the outside is shown the cause: %q %q", e.Message, e.Detail)
		}
	}
	if got, want := own.Error(), "40066 invalid url: no call at /x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Every key with a return code is one that the rules declare.
func TestCodesAreOfErrors(t *testing.T) {
	var source strings.Builder
	for _, pattern := range []string{"../../*.go", "../access/*.go", "../lists/*.go", "../lists/protection/*.go", "../remarks/*.go", "../upstream/*.go", "../upstream/source/*.go", "../upstream/passage/*.go", "../upstream/seal/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
	}
	for key := range codes {
		if !regexp.MustCompile(`NewError\((mpblock\.)?\w+, "` + regexp.QuoteMeta(key) + `["\.]`).MatchString(source.String()) {
			t.Errorf("nothing declares %q", key)
		}
	}
}
