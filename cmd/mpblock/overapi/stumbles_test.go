package overapi

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines/linestest"
)

// A word that is no OpenID is told why, beside those that are.
func TestWordsThatAreNoOpenIDs(t *testing.T) {
	overAPI(t, linestest.IDs(1, 1))
	code, _, errs := command(t, "block", "oshort1", linestest.ID(1))
	if want := `"oshort1": 7 characters long, an OpenID has 28`; code != ui.CodePartly || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, without %s in %s", code, want, errs)
	}
}

// HTTP where HTTPS is spoken, and the other way round, has a hint.
func TestSchemesMixedUp(t *testing.T) {
	overAPI(t, nil)
	plain, secure := httptest.NewServer(http.NotFoundHandler()), httptest.NewTLSServer(http.NotFoundHandler())
	defer plain.Close()
	defer secure.Close()
	for url, hint := range map[string]string{
		strings.Replace(plain.URL, "http:", "https:", 1):  "--server http://",
		strings.Replace(secure.URL, "https:", "http:", 1): "--server https://",
	} {
		code, _, errs := command(t, "list", "--server", url)
		if code != ui.CodeNoServer || !strings.Contains(errs, hint) {
			t.Errorf("%s: exit code %d, without %s in %s", url, code, hint, errs)
		}
	}
}

// The head of a journal that is damaged is not blamed on --server.
func TestDamagedHeadOfAJournal(t *testing.T) {
	overAPI(t, nil)
	journal := "mpblock job 1 htt\x01p://x wx1\n+ b \"" + linestest.ID(1) + "\"\n---\n"
	if err := os.WriteFile("a.job", []byte(journal), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := command(t, "resume", "a.job")
	if code != ui.CodeFailed || !strings.Contains(errs, "a.job: line 1: the journal is damaged") || strings.Contains(errs, "base URL") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// What is wrong with the file of profiles is said with its line and key, in its words.
func TestWrongProfiles(t *testing.T) {
	overAPI(t, nil)
	t.Setenv("MPBLOCK_PROFILES", "p.yaml")
	for text, want := range map[string][]string{
		"profiles:\n  a:\n    sever: x\n":        {"p.yaml: line 3: there is no key \"sever\"", "did you mean server?"},
		"profiles:\n  a:\n    server: [x]\n":     {"p.yaml: line 3: \"server\" has a value of the wrong form"},
		"profiles:\n  a: [1]\n":                  {"p.yaml: line 2: \"a\" has a value of the wrong form"},
		"profiles: 7\n":                          {"p.yaml: line 1: \"profiles\" has a value of the wrong form"},
		"profiles:\n  a:\n    quite: other\n":    {"p.yaml: line 3: there is no key \"quite\""},
		"profiles:\n  prod:\n    server: x\n":    {"there is no profile \"prdo\"", "did you mean --profile prod?"},
		"profiles:\n  a:\n    server: x\n  b:\n": {"it has: a, b"},
		"default: [\n":                           {"p.yaml: line 1: "},
	} {
		if err := os.WriteFile("p.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := commandOf(t, "list", "--profile", "prdo")
		for _, w := range want {
			if code != ui.CodeUsage || !strings.Contains(errs, w) {
				t.Errorf("%q: exit code %d, without %s in %s", text, code, w, errs)
			}
		}
		if strings.Contains(errs, "struct") || strings.Contains(errs, "interface") || strings.Contains(errs, "mapping") || len(want) < 2 && strings.Contains(errs, "hint") {
			t.Errorf("%q: %s", text, errs)
		}
	}
}

// commandOf is command with profiles, whose error is kept apart.
func commandOf(t *testing.T, args ...string) (code int, out, stderr string) {
	t.Helper()
	_, err := chosen(args[len(args)-1])
	var e strings.Builder
	code = ui.Terminal{In: strings.NewReader(""), Out: &e, Err: &e}.Fail(err)
	return code, "", e.String()
}

// Who is another account's is counted in the hint, and said to be it.
func TestForeignInTheHint(t *testing.T) {
	overAPI(t, linestest.IDs(1, 2))
	other, another := "oAQIDBLv9XGNQwpfpZvVJ4uk8TLA", "oAQIDBA5lV3ESv0yjlHu_-C5-aWM"
	if linestest.ID(1)[:6] == other[:6] {
		other, another = "oCQIDBLv9XGNQwpfpZvVJ4uk8TLA", "oCQIDBA5lV3ESv0yjlHu_-C5-aWM"
	}
	for want, ids := range map[string][]string{
		"hint: 1 OpenID begins otherwise than all on the blacklist: it is another account's and is not sent":     {other},
		"hint: 2 OpenIDs begin otherwise than all on the blacklist: they are another account's and are not sent": {other, another},
	} {
		if _, _, errs := command(t, append([]string{"block", "--dry-run"}, ids...)...); !strings.Contains(errs, want) {
			t.Errorf("without %s: %s", want, errs)
		}
	}
}

// A server that is none of the API is named, with the flag that says where it is.
func TestAnotherServer(t *testing.T) {
	overAPI(t, nil)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	code, _, errs := command(t, "list", "--server", web.URL)
	if code != ui.CodeFailed || !strings.Contains(errs, "the answer of "+web.URL+" is not that of the API") || !strings.Contains(errs, "hint: is --server right?") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
