// Package i18n holds the words of the console in both its languages, and writes numbers
// and times as pages show them. The catalogue (catalogue.txt) is what the console says,
// errors.txt what the errors of the rules do, by their keys.
//
// It promises that a message there is in one language is there in the other, which its
// tests hold the files and all of the console's code to. What a page looks like it
// leaves to others.
package i18n

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// Lang is a language of the console, as the lang attribute of a page has it.
type Lang string

// The languages there are.
const (
	Chinese Lang = "zh-CN"
	English Lang = "en"
)

// Msg is the key of a message in the catalogue. Every key in Go code is written
// as msg("…"), and in a template as {{t "…"}}, which is how the tests find them.
type Msg string

//go:embed catalogue.txt
var catalogueText string

// catalogue holds every message in every language.
var catalogue = readCatalogue(catalogueText)

// readCatalogue reads blocks of three lines: the key, the message in Chinese and
// in English. Lines that begin with # are headings.
func readCatalogue(text string) map[Msg]map[Lang]string {
	all := map[Msg]map[Lang]string{}
	var block []string
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if block = append(block, line); len(block) == 3 {
			all[Msg(block[0])] = map[Lang]string{Chinese: block[1], English: block[2]}
			block = nil
		}
	}
	return all
}

// Say returns a message with its arguments in the place of each %s. Where the
// first argument is the number 1, the message under the key with ".one" is taken
// if there is one.
func (l Lang) Say(key Msg, args ...any) string {
	if len(args) > 0 && args[0] == 1 {
		if _, ok := catalogue[key+".one"]; ok {
			key += ".one"
		}
	}
	text, ok := catalogue[key][l]
	if !ok {
		return string(key)
	}
	if len(args) == 0 || !strings.Contains(text, "%s") {
		return text
	}
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = Grouped(n)
		}
	}
	return fmt.Sprintf(text, args...)
}

// Strict is Say for templates: an unknown key fails the page, and so its test.
func (l Lang) Strict(key string, args ...any) (string, error) {
	if _, ok := catalogue[Msg(key)]; !ok {
		return "", fmt.Errorf("i18n: no message %q in the catalogue", key)
	}
	return l.Say(Msg(key), args...), nil
}

// Grouped writes a number with its thousands apart.
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Other returns the language to switch to.
func (l Lang) Other() Lang {
	if l == Chinese {
		return English
	}
	return Chinese
}

// Short returns the name of the language as the platform keeps it.
func (l Lang) Short() string {
	if l == Chinese {
		return "zh"
	}
	return "en"
}
