package emulate

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/fault"
)

// toWrite are texts that are what to write, in every language.
var toWrite = regexp.MustCompile(`^$|^[a-z]+: (\{|\[|busy$)|: %[dqv]$|: \{block: %d, unblock: %d\}$|^%v$`)

// Whatever can be wrong with a plan is said in Chinese too, with the same arguments, and
// nothing is translated that nobody says.
func TestMistakesHaveWords(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, name := range []string{"../../strict/strict.go", "../../fault/parse.go", "../../fault/plan.go", "../../fault/validate.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		quoted := `("(?:[^"\\]|\\.)*")`
		for _, m := range regexp.MustCompile(`\bSay\(`+quoted).FindAllSubmatch(source, -1) {
			said[unquoted(t, m[1])] = true
		}
		for _, m := range regexp.MustCompile(`\badd\([^\n,]+, `+quoted+`, `+quoted).FindAllSubmatch(source, -1) {
			said[unquoted(t, m[1])], said[unquoted(t, m[2])] = true, true
		}
	}
	if len(said) < 40 {
		t.Errorf("found %d texts only", len(said))
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for english := range said {
		chinese := inChinese[english]
		if toWrite.MatchString(english) {
			continue
		}
		if a, b := verbs.FindAllString(english, -1), verbs.FindAllString(chinese, -1); strings.Join(a, "") != strings.Join(b, "") || chinese == "" {
			t.Errorf("%q is in Chinese %q", english, chinese)
		}
	}
	for english := range inChinese {
		if !said[english] {
			t.Errorf("nothing says %q", english)
		}
	}
}

func unquoted(t *testing.T, text []byte) string {
	t.Helper()
	s, err := strconv.Unquote(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMistakeInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	for plan, want := range map[string][2]string{
		"rules:\n- name: a\n  mach: {path: x}\n": {`第 3 行：没有 "mach" 这个字段；是不是 "match"？`, `Line 3: there is no key "mach"; did you mean "match"?`},
		"ttl: soon\nrules: []":                   {`第 1 行："soon" 不是时长；请写成 200ms、30s、10m 或 7d`, `Line 1: "soon" is no length of time; write 200ms, 30s, 10m or 7d`},
		"rules:\n- name: a\n  effect: {errcode: 1, quota: true}": {
			"第 3 行：一次调用只有一个结果：errcode 与 quota 互相矛盾；请拆成两条规则", "Line 3: a call has one end: errcode and quota contradict each other; make two rules of it"},
		"rules:\n- name: a\n": {"第 2 行：有一条规则没有 effect；effect: {errcode: -1}", "Line 2: a rule has no effect; effect: {errcode: -1}"},
		"seed: 1":             {"计划里没有规则；rules: [{name: busy, effect: {errcode: -1}}]", "the plan has no rules; rules: [{name: busy, effect: {errcode: -1}}]"},
	} {
		_, err := fault.ParseRules([]byte(plan))
		m, ok := err.(*fault.Mistake) //nolint:errorlint // it is one
		if !ok {
			t.Fatalf("%q: %v", plan, err)
		}
		for i, l := range []i18n.Lang{i18n.Chinese, i18n.English} {
			v := visit{Visit: &web.Visit{Lang: l}}
			if got := v.mistake(m); got != want[i] {
				t.Errorf("%s\nwant %s", got, want[i])
			}
		}
	}
}
