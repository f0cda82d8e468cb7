package overapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines/linestest"
)

// TestFilesThroughBlock: what the reader reads is what a job is planned of.
func TestFilesThroughBlock(t *testing.T) {
	overAPI(t, nil)
	for _, f := range linestest.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := command(t, "block", "-f", f.Name, "--dry-run", "--json")
		if f.Error != "" || len(f.OpenIDs) == 0 {
			if code != ui.CodeUsage || out != "" || !strings.Contains(errs, f.Error) {
				t.Errorf("%s: exit code %d, %s%s", f.Name, code, out, errs)
			}
			continue
		}
		var plan dryRun
		if err := json.Unmarshal([]byte(out), &plan); err != nil || code != ui.CodeDone {
			t.Errorf("%s: exit code %d, %v: %s%s", f.Name, code, err, out, errs)
			continue
		}
		different := slices.Compact(slices.Sorted(slices.Values(f.OpenIDs)))
		if plan.Block != len(different) || len(plan.Read) != 1 || plan.Read[0].OpenIDs != len(f.OpenIDs) {
			t.Errorf("%s: %d OpenIDs, the plan is %+v", f.Name, len(different), plan)
		}
		var bad []int
		for _, b := range plan.Bad {
			bad = append(bad, b.Line)
		}
		if d := cmp.Diff(f.Bad, bad); d != "" {
			t.Errorf("%s: bad lines: %s", f.Name, d)
		}
		for _, n := range f.Bad[:min(len(f.Bad), ui.MaxShownBad)] {
			if !strings.Contains(errs, fmt.Sprintf("%s: line %d: ", f.Name, n)) {
				t.Errorf("%s: line %d is not told of in %s", f.Name, n, errs)
			}
		}
	}
}

// TestApplyADamagedFile: apply never unblocks somebody whose OpenID stands in the
// file, and with one byte wrong nobody who was in it before.
func TestApplyADamagedFile(t *testing.T) {
	ids := linestest.IDs(1, 30)
	store, app := overAPI(t, ids)
	forms := map[string]string{}
	for _, format := range []string{"text", "csv", "ndjson"} {
		code, out, errs := command(t, "list", "--format", format)
		if code != ui.CodeDone {
			t.Fatal(errs)
		}
		forms["list."+format] = out
	}
	forms["commas.txt"] = strings.Join(ids, ", ")
	forms["table.csv"] = "no,openid,remark\n1," + strings.Join(ids, ",\"a\nb\"\n2,") + ",c\n"
	forms["array.json"] = `["` + strings.Join(ids, `","`) + `"]`
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	refused := 0
	for name, whole := range forms {
		for i := range 60 {
			times := 1 + i%3
			data := linestest.Damage(random, []byte(whole), times)
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errs := command(t, "apply", name, "--yes", "--max-unblock", "100")
			if code == ui.CodeCancelled || code == ui.CodeUsage {
				refused++
			}
			page, err := store.Blacklist(t.Context(), app, mpblock.OpenID{}, len(ids)+100)
			if err != nil {
				t.Fatal(err)
			}
			gone := missing(ids, page)
			if code == ui.CodeCancelled && len(gone) > 0 {
				t.Fatalf("refused, and %s unblocked", gone)
			}
			for _, id := range gone {
				if stands(data, id) || times == 1 && !another(data, ids) {
					t.Fatalf("%s is unblocked by\n%q\n%s%s", id, data, out, errs)
				}
			}
			if len(gone) > 0 { // as before
				for _, id := range gone {
					if _, err := store.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{mpblock.OpenID([]byte(id))}, Actor: "test", Time: time.Now()}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d of 360 damaged files were refused", refused)
	}
}

func missing(ids []string, page mpblock.Page) (gone []string) {
	on := page.OpenIDs
	for _, id := range ids {
		if !slices.Contains(on, mpblock.OpenID([]byte(id))) {
			gone = append(gone, id)
		}
	}
	return gone
}

// words returns what may be OpenIDs in a file.
func words(data []byte) []string {
	return strings.FieldsFunc(string(data), func(r rune) bool {
		return !strings.ContainsRune("-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", r)
	})
}

func stands(data []byte, id string) bool { return slices.Contains(words(data), id) }

// another tells whether damage made an OpenID of another one, which nobody can see.
func another(data []byte, ids []string) bool {
	return slices.ContainsFunc(words(data), func(w string) bool {
		_, err := mpblock.ParseOpenID(w)
		return err == nil && !slices.Contains(ids, w)
	})
}
