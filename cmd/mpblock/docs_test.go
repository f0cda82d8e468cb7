package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/alecthomas/kong"
)

// documents returns the text of each Markdown file of the repository by its path there.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "dist"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := fs.ReadFile(root, path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("%d documents", len(all))
	}
	return all
}

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	spans    = regexp.MustCompile("`([^`\n]+)`")
	ourPaths = regexp.MustCompile(`^(bench|client|cmd|deploy|docs|internal|mpblocktest|test|tools)/[\w./-]+$`)
)

// anchors are what the headings of a document can be linked by.
func anchors(text string) []string {
	var all []string
	for _, m := range headings.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(m[1])))
	}
	return all
}

// Each link within the repository and each path of it that a document names is there.
func TestDocumentsNameWhatExists(t *testing.T) {
	all := documents(t)
	for name, text := range all {
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
			if anchor != "" && !slices.Contains(anchors(all[path]), anchor) {
				t.Errorf("%s links to %s: there is no such heading", name, m[1])
			}
		}
		for _, m := range spans.FindAllStringSubmatch(text, -1) {
			if !ourPaths.MatchString(m[1]) || strings.Contains(m[1], "DATE") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", name, m[1], err)
			}
		}
	}
}

// Each command that a document names is one, and has the flags that it is given.
func TestDocumentsNameCommands(t *testing.T) {
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("(?m)^ *(?:\\./)?mpblock ([^#\n]+)")
	n := 0
	for name, text := range documents(t) {
		text = strings.ReplaceAll(text, "\\\n", " ")
		var commands []string
		for _, m := range spans.FindAllStringSubmatch(text, -1) {
			if command, ok := strings.CutPrefix(m[1], "mpblock "); ok {
				commands = append(commands, command)
			}
		}
		for _, block := range code.FindAllString(text, -1) {
			for _, m := range line.FindAllStringSubmatch(block, -1) {
				commands = append(commands, m[1])
			}
		}
		for _, command := range commands {
			n++
			if wrong := unknownIn(parser.Model.Node, strings.Fields(command)); wrong != "" {
				t.Errorf("%s: mpblock %s: there is no %s", name, command, wrong)
			}
		}
	}
	if n < 60 {
		t.Errorf("the documents have %d commands", n)
	}
}

// code is what a document shows as code: between fences, or indented below an empty line.
var code = regexp.MustCompile("(?s)```.*?\n *```|\n\n(?:    [^\n]*\n)+")

// unknownIn returns the first word of a command that is neither a command nor a flag of
// it, "" if there is none. Words behind the last command are its arguments.
func unknownIn(node *kong.Node, words []string) string {
	for _, word := range words {
		flag, isFlag := strings.CutPrefix(word, "--")
		if isFlag {
			flag, _, _ = strings.Cut(flag, "=")
			known := func(f *kong.Flag) bool { return f.Name == flag || slices.Contains(f.Aliases, flag) }
			if !slices.ContainsFunc(slices.Concat(node.AllFlags(false)...), known) {
				return word
			}
			continue
		}
		next := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word })
		switch {
		case next >= 0:
			node = node.Children[next]
		case len(node.Children) > 0 && word != "…" && word != "COMMAND" && word != "help" && !strings.Contains(word, "|"):
			return word
		}
	}
	return ""
}
