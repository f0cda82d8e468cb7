package console

import (
	_ "embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// lang is a language of the console, as the lang attribute of a page has it.
type lang string

// The languages there are.
const (
	zh lang = "zh-CN"
	en lang = "en"
)

// msg is the key of a message in the catalogue. Every key in Go code is written
// as msg("…"), and in a template as {{t "…"}}, which is how the tests find them.
type msg string

//go:embed catalogue.txt
var catalogueText string

// catalogue holds every message in every language.
var catalogue = readCatalogue(catalogueText)

// readCatalogue reads blocks of three lines: the key, the message in Chinese and
// in English. Lines that begin with # are headings.
func readCatalogue(text string) map[msg]map[lang]string {
	all := map[msg]map[lang]string{}
	var block []string
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if block = append(block, line); len(block) == 3 {
			all[msg(block[0])] = map[lang]string{zh: block[1], en: block[2]}
			block = nil
		}
	}
	return all
}

// say returns a message with its arguments in the place of each %s. Where the
// first argument is the number 1, the message under the key with ".one" is taken
// if there is one.
func (l lang) say(key msg, args ...any) string {
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
			args[i] = grouped(n)
		}
	}
	return fmt.Sprintf(text, args...)
}

// strict is say for templates: an unknown key fails the page, and so its test.
func (l lang) strict(key string, args ...any) (string, error) {
	if _, ok := catalogue[msg(key)]; !ok {
		return "", fmt.Errorf("console: no message %q in the catalogue", key)
	}
	return l.say(msg(key), args...), nil
}

// grouped writes a number with its thousands apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// other returns the language to switch to.
func (l lang) other() lang {
	if l == zh {
		return en
	}
	return zh
}

// cookieLang is the cookie that keeps the language of those who are not logged in.
const cookieLang = "mpblock_lang"

// preferred returns the language of someone of whom no setting is known: that of
// the cookie, else the first in the browser's list that there is, else English.
func preferred(r *http.Request) lang {
	if c, err := r.Cookie(cookieLang); err == nil && (lang(c.Value) == zh || lang(c.Value) == en) {
		return lang(c.Value)
	}
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag = strings.ToLower(strings.TrimSpace(tag))
		if strings.HasPrefix(tag, "zh") {
			return zh
		}
		if strings.HasPrefix(tag, "en") {
			return en
		}
	}
	return en
}

// short returns the name of the language as the platform keeps it.
func (l lang) short() string {
	if l == zh {
		return "zh"
	}
	return "en"
}
