package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

// tell tells of output that lacks what is to be said of the bad lines of a file.
func tell(t *testing.T, f linestest.File, errs string) {
	t.Helper()
	for _, l := range f.Told[:min(len(f.Told), ui.MaxShownBad)] {
		if want := fmt.Sprintf("line %d: %q: %s\n", l.Line, l.Text, l.Why); !strings.Contains(errs, want) {
			t.Errorf("%s: without %s in %s", f.Name, want, errs)
		}
	}
}

// told is what an import prints with --json.
type told struct {
	Set, Without, Refused int
	Read                  lines.Summary
}

// TestFilesThroughImport: what the reader reads is what followers are imported of, and
// what it was and which lines were none is told, also of standard input.
func TestFilesThroughImport(t *testing.T) {
	var got []string
	dir := fakeAdmin(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		var body struct {
			OpenIDs []string `json:"openids"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		got = append(got, body.OpenIDs...)
		fmt.Fprintf(w, `{"added":%d}`, len(body.OpenIDs))
	})
	t.Chdir(t.TempDir())
	for _, f := range linestest.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{f.Name, "-"} {
			got = nil
			code, out, errs := commandWith(f.Data, "follower", "import", "--data", dir, "--account", testApp, "--json", name)
			if f.Error != "" {
				if code != ui.CodeUsage || !strings.Contains(errs, f.Error) || !strings.Contains(errs, "hint") {
					t.Errorf("%s: exit code %d, %s%s", f.Name, code, out, errs)
				}
				continue
			}
			want := ui.CodeDone
			if len(f.Bad) > 0 {
				want = ui.CodePartly
			}
			if code != want || !slices.Equal(got, f.OpenIDs) {
				t.Errorf("%s: exit code %d, %d OpenIDs, want %d\n%s%s", f.Name, code, len(got), len(f.OpenIDs), out, errs)
			}
			tell(t, f, errs)
			var sum told
			if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Refused != len(f.Bad) || sum.Read.String() != f.Summary {
				t.Errorf("%s: %d refused, want %d; %v; %s", f.Name, sum.Refused, len(f.Bad), err, sum.Read)
			}
			_, _, errs = commandWith(f.Data, "follower", "import", "--data", dir, "--account", testApp, name)
			if want := ui.InputName(name) + ": " + f.Summary + "\n"; !strings.Contains(errs, want) {
				t.Errorf("%s: without %s in %s", f.Name, want, errs)
			}
		}
	}
}

// TestFilesThroughRemarkImport: each OpenID that the reader reads is looked at for a
// remark, and what was read is told as by other commands.
func TestFilesThroughRemarkImport(t *testing.T) {
	set := 0
	dir := fakeAdmin(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		var body struct {
			Remarks []struct{ Name, Remark string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		set += len(body.Remarks)
		fmt.Fprint(w, `{}`)
	})
	t.Chdir(t.TempDir())
	for _, f := range linestest.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{f.Name, "-"} {
			set = 0
			code, out, errs := commandWith(f.Data, "remark", "import", "--data", dir, "--account", testApp, "--json", name)
			if f.Error != "" {
				if code != ui.CodeUsage || !strings.Contains(errs, f.Error) || !strings.Contains(errs, "hint") {
					t.Errorf("%s: exit code %d, %s%s", f.Name, code, out, errs)
				}
				continue
			}
			var sum told
			if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Refused < len(f.Bad) || sum.Set+sum.Without+sum.Refused != len(f.OpenIDs)+len(f.Bad) || sum.Set != set || sum.Read.String() != f.Summary {
				t.Errorf("%s: %+v, want %d OpenIDs and %d bad lines; %v", f.Name, sum, len(f.OpenIDs), len(f.Bad), err)
			}
			tell(t, f, errs)
			if done := sum.Refused == 0 && set > 0; done != (code == ui.CodeDone) {
				t.Errorf("%s: exit code %d: %s", f.Name, code, errs)
			}
			_, _, errs = commandWith(f.Data, "remark", "import", "--data", dir, "--account", testApp, name)
			if want := ui.InputName(name) + ": " + f.Summary + "\n"; !strings.Contains(errs, want) {
				t.Errorf("%s: without %s in %s", f.Name, want, errs)
			}
		}
	}
}

// commandWith is command with a standard input.
func commandWith(in []byte, args ...string) (code int, out, stderr string) {
	var o, e bytes.Buffer
	code = run(args, ui.Terminal{In: bytes.NewReader(in), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// TestRejectsAreReadAgain: the file of refused lines has each OpenID and each bad line of
// its input, and what is made of it again is the same: no mark grows, no line is added.
func TestRejectsAreReadAgain(t *testing.T) {
	dir := fakeAdmin(t, func(int, http.ResponseWriter, *http.Request) { t.Error("something was taken in") })
	t.Chdir(t.TempDir())
	for _, f := range linestest.Files() {
		if f.Error != "" || len(f.OpenIDs) > 100 {
			continue
		}
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		ids, bad := f.OpenIDs, len(f.Bad)
		before, name := "", f.Name
		for round := range 4 {
			code, out, errs := command("follower", "import", "--data", dir, "--account", strangerApp, "--json", name)
			name += ".rejects"
			data, err := os.ReadFile(name)
			if err != nil || code != ui.CodePartly {
				t.Fatalf("%s: exit code %d: %s%s", name, code, out, errs)
			}
			gotIDs, gotBad := readAll(t, name, data)
			if !slices.Equal(gotIDs, ids) || gotBad != bad {
				t.Errorf("%s: %d OpenIDs and %d bad lines, want %d and %d\n%.1500s", name, len(gotIDs), gotBad, len(ids), bad, data)
			}
			if round > 2 && string(data) != before {
				t.Errorf("%s:\n%.1500s\nwas made of\n%.1500s", name, data, before)
			}
			before = string(data)
		}
	}
}

func readAll(t *testing.T, name string, data []byte) (ids []string, bad int) {
	t.Helper()
	_, err := lines.Read(bytes.NewReader(data), lines.Options{Name: name}, func(l lines.Line) error {
		if l.Problem != nil {
			bad++
		} else {
			ids = append(ids, l.Text)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return ids, bad
}
