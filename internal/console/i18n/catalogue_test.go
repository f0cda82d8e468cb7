package i18n

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
	"mpblock/internal/fault"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/doubt"
	"mpblock/internal/webhooks"
	"mpblock/internal/webhooks/post"
)

// source returns all files of the package that fit a pattern, one after the other.
func source(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	var all strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// Every message is there in both languages, with places for the same number of
// arguments, once.
func TestCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	var block []string
	for line := range strings.SplitSeq(catalogueText, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			if len(block) != 0 {
				t.Fatalf("a block of %d lines before %q: %q", len(block), line, block)
			}
			continue
		}
		if block = append(block, line); len(block) < 3 {
			continue
		}
		key, chinese, english := block[0], block[1], block[2]
		if !regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)*$`).MatchString(key) {
			t.Errorf("%q is no key", key)
		}
		if seen[key] {
			t.Errorf("%s stands there twice", key)
		}
		seen[key] = true
		if regexp.MustCompile(`\p{Han}`).MatchString(english) && !strings.Contains(english, "公众号") {
			t.Errorf("%s: the English is Chinese: %q", key, english)
		}
		if strings.Count(chinese, "%s") != strings.Count(english, "%s") && !strings.HasSuffix(key, ".one") {
			t.Errorf("%s: not the same arguments: %q, %q", key, chinese, english)
		}
		block = nil
	}
}

// Templates and code use keys that there are, and there are none that nobody uses.
func TestCatalogueIsWhatIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bt "([^"]+)"`).FindAllStringSubmatch(source(t, "../templates/*.html"), -1) {
		used[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`msg\("([a-z][^"]*)"(?: \+|\))`).FindAllStringSubmatch(source(t, "../*.go")+source(t, "../*/*.go"), -1) {
		used[m[1]] = true
	}
	for _, role := range []string{"viewer", "operator", "admin"} { // of which the code makes the keys
		used["role."+role], used["role."+role+".means"] = true, true
	}
	for _, scope := range programs.Scopes() {
		used["scope."+string(scope)] = true
	}
	for _, k := range webhooks.Kinds() {
		used["webhook.event."+string(k)] = true
	}
	for _, s := range webhooks.States() {
		used["webhook.state."+string(s)] = true
	}
	for _, f := range []post.Fault{post.Status, post.Redirect, post.Gone, post.Timeout, post.Private, post.NoName, post.Insecure, post.Unreachable} {
		used["webhook.fault."+string(f)] = true
	}
	for _, d := range audit.Deeds() {
		used["audit."+string(d)] = true
	}
	for _, f := range append(audit.Fields(), audit.Accounts) {
		used["audit.field."+f] = true
	}
	for _, name := range fault.ReadyMades() {
		used["emulator.plan."+strings.ReplaceAll(name, "-", "_")] = true
	}
	for _, key := range append(doctor.Keys(), doubt.Keys()...) {
		used[key] = true
	}
	delete(used, "emulator.plan.")
	delete(used, "role.")
	delete(used, "scope.")
	delete(used, "webhook.event.")
	delete(used, "webhook.state.")
	delete(used, "webhook.fault.")
	delete(used, "audit.")
	delete(used, "audit.field.")
	for key := range used {
		if _, ok := catalogue[Msg(key)]; !ok {
			t.Errorf("no message %q in the catalogue", key)
		}
	}
	for key := range catalogue {
		if !used[strings.TrimSuffix(string(key), ".one")] {
			t.Errorf("nobody uses %q", key)
		}
	}
}

func TestSay(t *testing.T) {
	tests := []struct {
		lang Lang
		key  Msg
		args []any
		want string
	}{
		{English, "block.done", []any{1}, "1 user is blocked."},
		{English, "block.done", []any{12345}, "12,345 users are blocked."},
		{Chinese, "block.done", []any{12345}, "已将 12,345 人加入黑名单。"},
		{English, "no.such.key", nil, "no.such.key"},
	}
	for _, tt := range tests {
		args := tt.args
		if strings.HasSuffix(string(tt.key), ".one") {
			args = nil
		}
		if got := tt.lang.Say(tt.key, args...); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.lang, tt.key, got, tt.want)
		}
	}
	if _, err := Chinese.Strict("no.such.key"); err == nil {
		t.Error("a template may use a key that there is not")
	}
}

// Words that operators stumbled over: translations of the other language, and names of
// what a mouse does; and one thing under two names, or in two kinds of quotes.
func TestNoWordsThatOperatorsStumbledOver(t *testing.T) {
	bad := regexp.MustCompile(`本来如此|将会改变|Many at once|To its users|\b[Uu]ntick|\b[Tt]ick(ed|s)?\b|Already so|(%[qs]”?|This) is no |\bfits\b|^looks$|[a-z]'[a-z]|关注者|[「」]|控制台|受保护的人`)
	key := regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)
	for _, name := range []string{"catalogue.txt", "errors.txt"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if word := bad.FindString(line); word != "" && !key.MatchString(line) {
				t.Errorf("%s:%d: %q in %s", name, n+1, word, line)
			}
		}
	}
}
