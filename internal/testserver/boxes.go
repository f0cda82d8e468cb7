package testserver

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

var box = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")

// Boxes returns the pieces to paste of a Markdown file, by their language, in order: those
// of the section below a heading of the second level.
func Boxes(file, heading string) (map[string][]string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a document of ours
	if err != nil {
		return nil, err
	}
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		return nil, fmt.Errorf("%s has no heading %q", file, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	all := map[string][]string{}
	for _, m := range box.FindAllStringSubmatch(section, -1) {
		all[m[1]] = append(all[m[1]], m[2])
	}
	return all, nil
}
