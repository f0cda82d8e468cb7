package upstream

import (
	"reflect"
	"testing"

	"mpblock/internal/upstream/seal"
	"mpblock/internal/upstream/source"
)

// What the first version kept, the secret alone, is read as the source that it was; a
// sealed source opens for its own account alone.
func TestOpenSpec(t *testing.T) {
	t.Parallel()
	by, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	const app, other = "wx0123456789abcdef", "wxfedcba9876543210"
	for _, plain := range []bool{false, true} {
		got, err := openSpec(by, app, Upstream{Secret: by.Seal(app, "hunter2"), Plain: plain})
		if want := (source.Spec{Secret: "hunter2", Plain: plain}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v", err, got)
		}
	}
	want := source.Spec{URL: "http://t.test", Header: "hunter2", Key: "k"}
	sealed, err := sealSpec(by, app, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openSpec(by, app, Upstream{Secret: sealed}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v", err, got)
	}
	if _, err := openSpec(by, other, Upstream{Secret: sealed}); err == nil {
		t.Error("another account's opens")
	}
}
