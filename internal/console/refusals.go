package console

import (
	_ "embed"
	"fmt"
	"strings"

	"mpblock/internal/platform"
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
func (l lang) refused(r *platform.Refused) string {
	if format, ok := refusals[r.Format]; ok && l == zh {
		return fmt.Sprintf(format, r.Args...)
	}
	return r.Error()
}
