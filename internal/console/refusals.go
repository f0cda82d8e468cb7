package console

import (
	_ "embed"
	"fmt"
	"strings"

	"mpblock"
)

//go:embed refusals.txt
var refusalsText string

// refusals are the Chinese forms of what the platform refuses, by the English ones.
var refusals = readRefusals(refusalsText)

// readRefusals reads blocks of two lines: the format in English, as the platform has
// it, and in Chinese.
func readRefusals(text string) map[string]string {
	all := map[string]string{}
	english := ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case english == "":
			english = line
		default:
			all[english], english = line, ""
		}
	}
	return all
}

// refused returns what the platform has refused, in a language.
func (l lang) refused(r *mpblock.Refused) string {
	if format, ok := refusals[r.Format]; ok && l == zh {
		return fmt.Sprintf(format, r.Args...) + "。"
	}
	return sentence(r.Error())
}

// sentence makes a sentence of an error's text.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if last := s[len(s)-1]; last != '.' && last != '?' {
		s += "."
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
