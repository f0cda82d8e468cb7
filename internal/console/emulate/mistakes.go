package emulate

import (
	_ "embed"
	"fmt"
	"strings"

	"mpblock/internal/console/i18n"
	"mpblock/internal/fault"
)

//go:embed mistakes.txt
var mistakesText string

// inChinese are the texts of mistakes in Chinese, by their English formats.
var inChinese = pairs(mistakesText)

func pairs(text string) map[string]string {
	all, english := map[string]string{}, ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "" || line[0] == '#':
		case english == "":
			english = line
		default:
			all[english], english = line, ""
		}
	}
	return all
}

// mistake says what is wrong with a plan, and what to write instead.
func (v visit) mistake(m *fault.Mistake) string {
	said := textIn(v.Lang, m.What)
	if m.Fix.Format != "" {
		said = v.Say(msg("emulator.fix"), said, textIn(v.Lang, m.Fix))
	}
	if m.Line == 0 {
		return said
	}
	return v.Say(msg("emulator.line"), m.Line, said)
}

// textIn says a text of a mistake in a language. What has no words there is what to write.
func textIn(l i18n.Lang, t fault.Text) string {
	if chinese, ok := inChinese[t.Format]; ok && l == i18n.Chinese {
		return fmt.Sprintf(chinese, t.Args...)
	}
	return t.String()
}
