package overapi

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

// TestRefusedFilesAreReadAgain: the file of what a job was refused has each OpenID that
// a server refused and each bad line, whatever form they came in, and nobody who was only
// mentioned. A job of that file is refused the same, and its file is the same.
func TestRefusedFilesAreReadAgain(t *testing.T) {
	overAPI(t, nil) // to which all OpenIDs are unknown
	for _, f := range linestest.Files() {
		if f.Error != "" || len(f.OpenIDs) == 0 || len(f.OpenIDs) > 100 {
			continue
		}
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		input, before := f.Name, ""
		for _, job := range []string{"one", "two"} {
			job = f.Name + "-" + job
			code, out, errs := command(t, "block", "-f", input, "--job", job)
			data, err := os.ReadFile(job + ".refused")
			if err != nil || code != ui.CodePartly {
				t.Fatalf("%s: exit code %d: %s%s", job, code, out, errs)
			}
			var ids []string
			bad := 0
			if _, err := lines.Read(bytes.NewReader(data), lines.Options{}, func(l lines.Line) error {
				if l.Problem != nil {
					bad++
				} else {
					ids = append(ids, l.Text)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(ids)
			if want := slices.Compact(slices.Sorted(slices.Values(f.OpenIDs))); !slices.Equal(ids, want) || bad != len(f.Bad) {
				t.Errorf("%s: %d OpenIDs and %d bad lines, want %d and %d\n%.1500s", job, len(ids), bad, len(want), len(f.Bad), data)
			}
			if before != "" && string(data) != before {
				t.Errorf("%s:\n%.1500s\nwas made of\n%.1500s", job, data, before)
			}
			before, input = string(data), job+".refused"
		}
	}
}
