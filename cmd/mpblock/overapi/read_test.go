package overapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines/linestest"
)

// TestFilesThroughCommands: what the reader reads is what a job is planned of, by each
// command and from standard input too, and each says what it read and what it did not.
func TestFilesThroughCommands(t *testing.T) {
	overAPI(t, linestest.IDs(1, 2))
	for _, f := range linestest.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"block", "--dry-run", "--json", "-f", f.Name}, {"unblock", "--dry-run", "--json", "-f", f.Name}, {"apply", "--dry-run", "--json", f.Name},
			{"diff", f.Name}, {"block", "--dry-run", "--json", "-f", "-"}, {"apply", "--dry-run", "--json", "-"},
		} {
			code, out, errs := commandWith(t, f.Data, args...)
			p := printed{f, args, code, out, errs}
			for _, wrong := range p.problems(t) {
				t.Errorf("%s: %q: exit code %d: %s\n%.2000s%.2000s", f.Name, args, code, wrong, out, errs)
			}
		}
	}
}

// printed is what a command printed of a file of the table.
type printed struct {
	linestest.File
	args      []string
	code      int
	out, errs string
}

func (p printed) problems(t *testing.T) (all []string) {
	t.Helper()
	if p.Error != "" {
		if p.code != ui.CodeUsage || p.out != "" || !strings.Contains(p.errs, p.Error) || !strings.Contains(p.errs, "hint: ") {
			all = append(all, "want the refusal "+p.Error)
		}
		return all
	}
	name := p.args[len(p.args)-1]
	input := ui.InputName(name)
	want := []string{input + ": " + p.Summary}
	for _, l := range p.Told[:min(len(p.Told), ui.MaxShownBad)] {
		want = append(want, fmt.Sprintf("%s: line %d: %q: %s", input, l.Line, l.Text, l.Why))
	}
	if lines := strings.Split(p.errs, "\n"); len(lines) < len(want) || !slices.Equal(lines[:len(want)], want) {
		all = append(all, fmt.Sprintf("want %q", want))
	}
	if len(p.OpenIDs) == 0 {
		if p.code != ui.CodeUsage || p.out != "" {
			all = append(all, "want the refusal of a file without any OpenID")
		}
		return all
	}
	if p.args[0] == "diff" {
		return all
	}
	var plan dryRun
	if err := json.Unmarshal([]byte(p.out), &plan); err != nil {
		return append(all, err.Error())
	}
	var told []badLine
	for _, l := range p.Told {
		told = append(told, badLine{name, l.Line, l.Text, l.Why})
	}
	if d := cmp.Diff(told, plan.Bad); d != "" {
		all = append(all, "malformed_lines: "+d)
	}
	if len(plan.Read) != 1 || plan.Read[0].String() != p.Summary || plan.Read[0].OpenIDs != len(p.OpenIDs) || plan.Malformed != len(p.Bad) {
		all = append(all, fmt.Sprintf("read: %+v", plan))
	}
	return append(all, p.effect(plan)...)
}

// effect tells whether a plan is of the OpenIDs in the file, where the first two are
// blocked already.
func (p printed) effect(plan dryRun) (all []string) {
	different := slices.Compact(slices.Sorted(slices.Values(p.OpenIDs)))
	blocked := 0
	for _, id := range linestest.IDs(1, 2) {
		if slices.Contains(different, id) {
			blocked++
		}
	}
	toBlock, toUnblock := len(different)-blocked, 0
	switch p.args[0] {
	case "unblock":
		toBlock, toUnblock = 0, blocked
	case "apply":
		toUnblock = 2 - blocked
	}
	if plan.Block != toBlock || plan.Unblock != toUnblock {
		all = append(all, fmt.Sprintf("%d to block, %d to unblock, want %d and %d", plan.Block, plan.Unblock, toBlock, toUnblock))
	}
	refused := p.args[0] == "apply" && (len(p.Bad) > 0 || toUnblock > 0) // one of two is more than 20 percent
	if (p.code == ui.CodeCancelled) != refused || (plan.Refused != "") != refused {
		all = append(all, fmt.Sprintf("would be refused: %q", plan.Refused))
	}
	return all
}

// TestApplyADamagedFile: apply never unblocks somebody whose OpenID stands in the
// file, and with one byte wrong nobody who was in it before.
func TestApplyADamagedFile(t *testing.T) {
	ids := linestest.IDs(1, 30)
	store, app := overAPI(t, ids)
	forms := forms(t, ids)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	const each = 48
	refused := 0
	for name, whole := range forms {
		for i := range each {
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
			text := decoded(name, data)
			for _, id := range gone {
				if stands(text, id) || times == 1 && !another(text, ids) {
					t.Fatalf("%s is unblocked by\n%q\n%s%s", id, data, out, errs)
				}
			}
			block(t, store, app, gone) // as before
		}
	}
	if refused < len(forms)*each/4 {
		t.Errorf("only %d of %d damaged files were refused", refused, len(forms)*each)
	}
}

// forms are the blacklist as mpblock and other programs write it, by the names of files.
func forms(t *testing.T, ids []string) map[string]string {
	t.Helper()
	forms := map[string]string{}
	for _, format := range []string{"text", "csv", "ndjson"} {
		code, out, errs := command(t, "list", "--format", format)
		if code != ui.CodeDone {
			t.Fatal(errs)
		}
		forms["list."+format] = out
	}
	table := "编号,openid,备注\n1," + strings.Join(ids, ",\"刷\n屏\"\n2,") + ",c\n"
	forms["commas.txt"] = strings.Join(ids, ", ")
	forms["table.csv"] = table
	forms["array.json"] = `["` + strings.Join(ids, `","`) + `"]`
	forms["cr.txt"] = strings.Join(ids, "\r") + "\r"
	forms["joined.csv"] = "\ufeffopenid,n\n" + strings.Join(ids[:15], ",1\n") + ",1\n\ufeffn,openid\n2," + strings.Join(ids[15:], "\n2,") + "\n"
	forms["joined.txt"] = "\ufeff" + strings.Join(ids[:15], "\r\n") + "\r\n\ufeff" + strings.Join(ids[15:], "\r\n")
	for name, e := range inEncodings {
		for form, text := range map[string]string{".csv": table, ".txt": strings.Join(ids, "\r\n")} {
			b, err := e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			forms[name+form] = b
		}
	}
	forms["table.xlsx"] = workbook(t, ids)
	return forms
}

var inEncodings = map[string]encoding.Encoding{
	"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "gb18030": simplifiedchinese.GB18030,
}

func workbook(t *testing.T, ids []string) string {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range append([]string{"openid"}, ids...) {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &[]any{row, "x"}); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if err := errors.Join(f.Write(&b), f.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// decoded returns the text of a file, as far as it is one still.
func decoded(name string, data []byte) []byte {
	name, ending, _ := strings.Cut(name, ".")
	if e, ok := inEncodings[name]; ok {
		text, _ := e.NewDecoder().Bytes(data)
		return append(text, data...)
	}
	if ending != "xlsx" {
		return data
	}
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	rows, _ := f.GetRows("Sheet1")
	return []byte(fmt.Sprint(rows))
}

func block(t *testing.T, store mpblock.Store, app mpblock.AppID, ids []string) {
	t.Helper()
	for _, id := range ids {
		if _, err := store.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{mpblock.OpenID([]byte(id))}, Actor: "test", Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
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
