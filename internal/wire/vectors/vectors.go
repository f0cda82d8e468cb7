// Package vectors holds requests to the API with the answers that they are to
// get, as text files that servers and clients are tested with. A file is a list of
// vectors:
//
//	== name
//	# why, if the name does not say
//	! a setting that the server or the account needs
//	METHOD path?query
//	the body, any number of lines
//	----
//	the answer
//	then blocked N
//
// The last line is there where the length of the blacklist afterwards is told.
// Words that begin with $ stand for what differs from server to server; Expand
// puts it in. They are:
//
//	$APPID $SECRET     credentials of the account
//	$TOKEN             an access token that is good
//	$EXPIRED           one that has run out
//	$SUPERSEDED        one that a newer one replaced more than 5 minutes ago
//	$FORGED            one that nobody signed
//	$F1 … $F25         its followers in byte order; $F1 to $F3 are blocked
//	$LEFT              blocked, and not a follower any more; sorts behind $F25
//	$UNKNOWN           has its prefix, and is neither a follower nor blocked; sorts last
//	$OTHER             an OpenID of another account
//	$LIST20 $LIST21    the first 20, or 21, of the followers as elements of a JSON list
//	$USERS $TOOMANY    the first 2 of the followers, or 101 of them, as objects with an openid
//	$BIG               70,000 blanks
//	$NL                a line feed
//	$ANY               in an answer: anything but a double quote
package vectors

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

//go:embed *.txt
var files embed.FS

// Vector is a request and its answer.
type Vector struct {
	Name     string // with the file's before it
	Settings []string
	Method   string
	Path     string // with the query
	Body     string
	Answer   string
	Blocked  string // length of the blacklist afterwards, "" where it is not told
}

// All returns the vectors of all files.
func All() ([]Vector, error) {
	names, err := fs.Glob(files, "*.txt")
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		vs, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, v := range vs {
			v.Name = strings.TrimSuffix(name, ".txt") + "/" + v.Name
			all = append(all, v)
		}
	}
	return all, nil
}

func parse(text string) ([]Vector, error) {
	blocks := strings.Split("\n"+text, "\n== ")
	var vs []Vector
	for _, block := range blocks[1:] {
		name, rest, _ := strings.Cut(block, "\n")
		v := Vector{Name: name}
		request, answer, ok := strings.Cut(rest, "\n----\n")
		if !ok {
			return nil, fmt.Errorf("vector %q has no line ----", name)
		}
		lines := strings.Split(request, "\n")
		for len(lines) > 0 && (strings.HasPrefix(lines[0], "# ") || strings.HasPrefix(lines[0], "! ")) {
			if setting, ok := strings.CutPrefix(lines[0], "! "); ok {
				v.Settings = append(v.Settings, setting)
			}
			lines = lines[1:]
		}
		if len(lines) > 0 {
			v.Method, v.Path, ok = strings.Cut(lines[0], " ")
		}
		if !ok || !strings.HasPrefix(v.Path, "/") {
			return nil, fmt.Errorf("vector %q has no line METHOD path", name)
		}
		v.Body = strings.Join(lines[1:], "\n")
		answer = strings.TrimRight(answer, "\n")
		v.Answer, v.Blocked, _ = strings.Cut(answer, "\nthen blocked ")
		vs = append(vs, v)
	}
	return vs, nil
}

var word = regexp.MustCompile(`\$[A-Z]+[0-9]*`)

// Expand puts values in place of the words that begin with $, but for $ANY. It
// fails with the first word that has no value.
func (v Vector) Expand(value func(word string) (string, bool)) (Vector, error) {
	var missing error
	expand := func(s string) string {
		return word.ReplaceAllStringFunc(s, func(w string) string {
			if w == "$ANY" {
				return w
			}
			val, ok := value(w[1:])
			if !ok && missing == nil {
				missing = fmt.Errorf("vector %q: nothing stands for %s", v.Name, w)
			}
			return val
		})
	}
	v.Path, v.Body, v.Answer = expand(v.Path), expand(v.Body), expand(v.Answer)
	return v, missing
}

// Matches tells whether an answer is the one that was to be got.
func (v Vector) Matches(answer string) bool {
	parts := strings.Split(v.Answer, "$ANY")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^` + strings.Join(parts, `[^"]*`) + `$`).MatchString(answer)
}
