package ask

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

func visit(upstream string, openids ...string) *web.Visit {
	v := &web.Visit{R: &http.Request{PostForm: url.Values{"openid": openids, "reason": {" spam "}, "ends": {"7"}, "ends_on": {"2001-01-01"}}}}
	v.Account.Upstream = upstream
	return v
}

func TestChosen(t *testing.T) {
	id := mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{1}, "a")
	v := visit("", "b", " ", " b ", id.String(), "a")
	chosen := Chosen(v)
	if want := []string{"b", id.String(), "a"}; !slices.Equal(chosen, want) {
		t.Errorf("%q, want %q", chosen, want)
	}
	f := Form{}
	if f.Again(v); f.Reason != "spam" || f.Ends.Days != "7" || f.Ends.On != "2001-01-01" {
		t.Errorf("again %+v", f)
	}
}

// The platform takes fewer at once, and what cannot be mended in the form is not asked again.
func TestWhatAFormCanDo(t *testing.T) {
	if Most(visit("")) != lists.MaxByHand || Most(visit("wx1")) != lists.MaxBatch {
		t.Errorf("at most %d, and %d of the platform", Most(visit("")), Most(visit("wx1")))
	}
	for err, want := range map[error]bool{
		web.Invalid("no such end"):                              true,
		mpblock.NewError(mpblock.Invalid, "x", "x"):             true,
		mpblock.NewError(mpblock.Conflict, "x", "x").With():     true,
		mpblock.ErrRetired.With("wx1"):                          false,
		mpblock.NewError(mpblock.Limited, "lost.spent", "x"):    false,
		mpblock.NewError(mpblock.Unavailable, "lost", "x"):      false,
		errors.New("of the store"):                              false,
		errors.Join(mpblock.ErrRetired.With("wx1"), nil):        false,
		mpblock.NewError(mpblock.Forbidden, "x", "not allowed"): false,
	} {
		if Helps(err) != want {
			t.Errorf("%v: %t", err, !want)
		}
	}
}
