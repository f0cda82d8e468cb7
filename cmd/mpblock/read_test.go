package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mpblock"
	accounts "mpblock/internal/access"
	"mpblock/internal/lines/linestest"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
)

// overAPI sets the environment of the commands to an account whose followers are the
// given OpenIDs, all of them blocked, and returns its store.
func overAPI(t *testing.T, ids []string) (mpblock.Store, mpblock.AppID) {
	t.Helper()
	store := memstore.New()
	s, err := server.Open(t.Context(), server.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	a, secret, err := s.Access().AddAccount(t.Context(), accounts.NewAccount{Prefix: &linestest.Prefix})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	t.Setenv("MPBLOCK_SERVER", web.URL)
	t.Setenv("MPBLOCK_APPID", string(a.AppID))
	t.Setenv("MPBLOCK_SECRET", secret)
	t.Chdir(t.TempDir())
	parsed := make([]mpblock.OpenID, len(ids))
	for i, id := range ids {
		parsed[i] = mpblock.OpenID([]byte(id))
	}
	if len(ids) > 0 {
		if _, err := store.AddFollowers(t.Context(), a.AppID, parsed); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Apply(t.Context(), a.AppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: parsed, Actor: "test", Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	return store, a.AppID
}

// TestFilesThroughBlock: what the reader reads is what a job is planned of.
func TestFilesThroughBlock(t *testing.T) {
	overAPI(t, nil)
	for _, f := range linestest.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := command("block", "-f", f.Name, "--dry-run", "--json")
		if f.Error != "" || len(f.OpenIDs) == 0 {
			if code != codeUsage || out != "" || !strings.Contains(errs, f.Error) {
				t.Errorf("%s: exit code %d, %s%s", f.Name, code, out, errs)
			}
			continue
		}
		var plan dryRun
		if err := json.Unmarshal([]byte(out), &plan); err != nil || code != codeDone {
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
		for _, n := range f.Bad[:min(len(f.Bad), maxShownBad)] {
			if !strings.Contains(errs, fmt.Sprintf("%s: line %d: ", f.Name, n)) {
				t.Errorf("%s: line %d is not told of in %s", f.Name, n, errs)
			}
		}
	}
}

// TestFilesThroughImport: and what followers are imported of.
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
	for _, f := range linestest.Files() {
		got = nil
		name := filepath.Join(t.TempDir(), f.Name)
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := command("follower", "import", "--data", dir, "--account", testApp, "--json", name)
		if f.Error != "" {
			if code != codeUsage || !strings.Contains(errs, f.Error) {
				t.Errorf("%s: exit code %d, %s%s", f.Name, code, out, errs)
			}
			continue
		}
		want := codeDone
		if len(f.Bad) > 0 {
			want = codePartly
		}
		if code != want || !slices.Equal(got, f.OpenIDs) {
			t.Errorf("%s: exit code %d, %d OpenIDs, want %d\n%s%s", f.Name, code, len(got), len(f.OpenIDs), out, errs)
		}
		var sum imported
		if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Refused != len(f.Bad) {
			t.Errorf("%s: %d refused, want %d; %v", f.Name, sum.Refused, len(f.Bad), err)
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
		code, out, errs := command("list", "--format", format)
		if code != codeDone {
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
			code, out, errs := command("apply", name, "--yes", "--max-unblock", "100")
			if code == codeCancelled || code == codeUsage {
				refused++
			}
			page, err := store.Blacklist(t.Context(), app, mpblock.OpenID{}, len(ids)+100)
			if err != nil {
				t.Fatal(err)
			}
			gone := missing(ids, page)
			if code == codeCancelled && len(gone) > 0 {
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
