package bulk

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mpblock"
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
	j.set([]int{0}, Unknown, Refusal{})
	j.set([]int{0}, Done, Refusal{})
	want := Counts{Total: 4, Done: 2, Refused: 1, NotAttempted: 1}
	if n := j.Counts(); n != want {
		t.Errorf("%+v, want %+v", n, want)
	}
	j.Items = nil
	if n := j.Counts(); n != want {
		t.Errorf("%+v without the OpenIDs", n)
	}
}

// What a job's changes bear is in its journal, whatever it holds; a line that nobody can
// have written is damage.
func TestTermsAreKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "job")
	for i, want := range []Terms{{}, {Reason: "a \"b\" c\\ \n d"}, {For: "7d"}, {Reason: "x", Until: time.Date(2026, 12, 31, 16, 0, 0, 1e6, time.UTC)}} {
		name := name + strconv.Itoa(i)
		job, err := Create(name, "http://host", "wx1", &Plan{Terms: want, Items: []Item{{OpenID: "o1", Action: mpblock.Block, Status: Todo}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Load(name, false)
		if err != nil || again.Terms != want || len(again.Items) != 1 {
			t.Errorf("%+v: %+v, %v", want, again, err)
			continue
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, line := range []string{`with`, `with "a"`, `with "a" "b" "c"`, `with a b c`} {
		if err := os.WriteFile(name, []byte("mpblock job 1 http://host wx1\n"+line+"\n---\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name, false); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// What a server said of a refusal is kept with its code, and a journal without it is read.
func TestRefusalsAreKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "job")
	items := []Item{{OpenID: "o1", Action: mpblock.Block, Status: Todo}, {OpenID: "o2", Action: mpblock.Block, Status: Todo}}
	job, err := Create(name, "http://host", "wx1", &Plan{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	want := []Refusal{{50002, "protected by \"anna\": \n 客服 \\ \":1"}, {40003, ""}}
	for at, r := range want {
		if err := job.Became([]int{at}, Refused, r); err != nil {
			t.Error(err)
		}
	}
	if err := job.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Load(name, true)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for at, r := range want {
		if got := again.Refusal(at); got != r || again.Items[at].Status != Refused {
			t.Errorf("%d: %+v, want %+v", at, got, r)
		}
	}
}
