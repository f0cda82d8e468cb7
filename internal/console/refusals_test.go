package console

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mpblock"
)

var refusalFormat = regexp.MustCompile(`refuse\(("(?:[^"\\]|\\.)*")`)

// Every refusal of the rules has its form in Chinese, and there is none for what
// the rules do not say any more.
func TestRefusalsAreTranslated(t *testing.T) {
	said := map[string]bool{}
	var rules strings.Builder
	for _, pkg := range []string{"access", "operators", "lists", "jobs", "desk", "server"} {
		rules.WriteString(source(t, "../"+pkg+"/*.go"))
	}
	for _, m := range refusalFormat.FindAllStringSubmatch(rules.String(), -1) {
		format, err := strconv.Unquote(m[1])
		if err != nil {
			t.Fatal(err)
		}
		said[format] = true
		chinese, ok := refusals[format]
		if !ok {
			t.Errorf("no Chinese for %q", format)
			continue
		}
		verbs := regexp.MustCompile(`%(\[\d\])?[sdq]`)
		if !strings.Contains(chinese, "%[") && strings.Join(verbs.FindAllString(chinese, -1), "") != strings.Join(verbs.FindAllString(format, -1), "") {
			t.Errorf("other arguments than %q: %q", format, chinese)
		}
	}
	if len(said) < 40 {
		t.Errorf("found %d refusals only", len(said))
	}
	for format := range refusals {
		if !said[format] {
			t.Errorf("the rules do not say %q", format)
		}
	}
	if !said[formatForbidden] {
		t.Errorf("the desk does not refuse a role with %q", formatForbidden)
	}
}

func TestRefused(t *testing.T) {
	r := &mpblock.Refused{Format: "a limit of %d for %s: want 0 (none may be made) or more", Args: []any{-1, "token"}}
	if got := zh.refused(r); got != "token 的限额 -1 无效：应为 0（禁止调用）或更大的数。" {
		t.Error(got)
	}
	if got := en.refused(r); got != "A limit of -1 for token: want 0 (none may be made) or more." {
		t.Error(got)
	}
	unknown := &mpblock.Refused{Format: "something new"}
	if got := zh.refused(unknown); got != "Something new." {
		t.Error(got)
	}
	if !isForbidden(errors.Join(&mpblock.Refused{Format: formatForbidden, Args: []any{"admin", "viewer"}})) {
		t.Error("a role that is missing is not seen as such")
	}
}
