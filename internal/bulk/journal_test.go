package bulk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A journal has its name before the directory is synced, and is none where that fails:
// a power loss would take the name away, and the job with it.
func TestJournalsNameIsSynced(t *testing.T) {
	defer func() { syncNames = syncDir }()
	name := filepath.Join(t.TempDir(), "a.job")
	broken := errors.New("broken disk")
	for _, want := range []error{broken, nil} {
		synced := ""
		syncNames = func(dir string) error {
			if _, err := os.Stat(name); err != nil {
				t.Errorf("synced without the name: %v", err)
			}
			synced = dir
			return want
		}
		j, err := Create(name, "http://x", "wx1", &Plan{})
		if !errors.Is(err, want) || synced != filepath.Dir(name) {
			t.Errorf("%v after a sync of %q with %v", err, synced, want)
		}
		if err == nil {
			err = j.Close()
		} else {
			err = os.Remove(name)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// What is counted is kept, and not counted anew over all OpenIDs at each call.
func TestCountsAreKept(t *testing.T) {
	j := New([]Item{{Status: Todo}, {Status: Todo}, {Status: Done}, {Status: Refused}}, nil)
	j.set([]int{0}, Unknown, 0)
	j.set([]int{0}, Done, 0)
	want := Counts{Total: 4, Done: 2, Refused: 1, NotAttempted: 1}
	if n := j.Counts(); n != want {
		t.Errorf("%+v, want %+v", n, want)
	}
	j.Items = nil
	if n := j.Counts(); n != want {
		t.Errorf("%+v without the OpenIDs", n)
	}
}
