package i18n

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mpblock"
)

// Where the declarations are.
const (
	root  = "../../.."
	rules = root + "/internal/"
)

// declared is an error as a package declares it.
type declared struct{ kind, key, text string }

// declarations returns what packages declare with NewError, and fails where one makes
// an error in another way or of parts that cannot be read here.
func declarations(t *testing.T, dirs ...string) []declared {
	t.Helper()
	var all []declared
	for _, dir := range dirs {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") || name == root+"/error.go" { // where NewError is
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.CompositeLit); ok && isError(lit.Type) {
					t.Errorf("%s makes an mpblock.Error without NewError", dir)
				}
				call, ok := n.(*ast.CallExpr)
				if !ok || called(call.Fun) != "NewError" {
					return true
				}
				all = append(all, declared{called(call.Args[0]), literal(t, dir, call.Args[1]), literal(t, dir, call.Args[2])})
				return true
			})
		}
	}
	return all
}

// called returns the name that an expression has in its package.
// isError tells whether a type is mpblock.Error, as others or as mpblock itself names it.
func isError(e ast.Expr) bool {
	if s, ok := e.(*ast.SelectorExpr); ok {
		x, ok := s.X.(*ast.Ident)
		return ok && x.Name == "mpblock" && s.Sel.Name == "Error"
	}
	return called(e) == "Error"
}

func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func literal(t *testing.T, dir string, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%s: a key or text of NewError is no literal", dir)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var verb = regexp.MustCompile(`%(?:\[(\d)\])?([a-z])`)

// arguments returns which arguments a format takes, and how: 1d 2q.
func arguments(format string) string {
	var all []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		all = append(all, strconv.Itoa(next)+m[2])
		next++
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Every error that the rules declare has words in both languages, which take the same
// arguments, and there are no words for what they do not declare.
func TestErrorsHaveWords(t *testing.T) {
	said := map[string]bool{}
	for _, d := range declarations(t, root, rules+"access", rules+"access/programs", rules+"operators", rules+"lists", rules+"lists/protection", rules+"jobs", rules+"jobs/listing", rules+"jobs/queue", rules+"remarks", rules+"intake", rules+"desk", rules+"server", rules+"emulator", rules+"upstream", rules+"upstream/source", rules+"upstream/passage", rules+"upstream/seal", rules+"webhooks", rules+"webhooks/post") {
		if !regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)*$`).MatchString(d.key) {
			t.Errorf("%q is no key", d.key)
		}
		if said[d.key] {
			t.Errorf("two errors have the key %s", d.key)
		}
		said[d.key] = true
		if d.kind == "Internal" {
			t.Errorf("%s: what is internal needs no error of its own", d.key)
		}
		words, ok := errorWords[Msg(d.key)]
		if !ok {
			t.Errorf("%s has no words", d.key)
			continue
		}
		for l, text := range words {
			if arguments(text) != arguments(d.text) {
				t.Errorf("%s: other arguments than %q: %q", d.key, d.text, text)
			}
			begins := l == Chinese || text[:1] == strings.ToUpper(text[:1])
			if ends := regexp.MustCompile(`[.?。？]$`).MatchString(text); !begins || !ends {
				t.Errorf("%s: no sentence: %q", d.key, text)
			}
			if l == English == regexp.MustCompile(`\p{Han}`).MatchString(text) {
				t.Errorf("%s: not in %s: %q", d.key, l, text)
			}
		}
	}
	if len(said) < 80 {
		t.Errorf("found %d errors only", len(said))
	}
	for key := range errorWords {
		if !said[string(key)] {
			t.Errorf("nothing declares %q", key)
		}
	}
}

func TestRefused(t *testing.T) {
	limit := mpblock.NewError(mpblock.Invalid, "account.limit", "a limit of %d for %s").With(-1, "token")
	// An OpenID is its letters, so a sentence that begins with one keeps their case.
	foreign := mpblock.NewError(mpblock.Invalid, "openid.foreign.by_hand", "%s is another account's").With("o6_bmjrPTlm6_2sgVt7hMZOPfL2M")
	_, short := mpblock.ParseOpenID("OPENID1")
	caused := mpblock.NewError(mpblock.Invalid, "openid.text", "%q is none").With("OPENID1").Because(fmt.Errorf("read: %w", short))
	for _, tt := range []struct {
		err              *mpblock.Error
		English, Chinese string
	}{
		{limit, "A limit of -1 for token: want 0 (none may be made) or more.", "token 的限额 -1 无效：应为 0（禁止调用）或更大的数。"},
		{foreign, "o6_bmjrPTlm6_2sgVt7hMZOPfL2M is an OpenID of another account: nothing was changed.",
			"o6_bmjrPTlm6_2sgVt7hMZOPfL2M 是其他公众号的 OpenID，未做任何改动。"},
		{caused, `"OPENID1" is not an OpenID. It has 7 bytes, and an OpenID has 28.`, `"OPENID1" 不是 OpenID。它有 7 字节，而 OpenID 有 28 个字符。`},
		{mpblock.NewError(mpblock.Invalid, "no.words", "no words"), "no words", "no words"},
	} {
		if got := English.Refused(tt.err); got != tt.English {
			t.Error(got)
		}
		if got := Chinese.Refused(tt.err); got != tt.Chinese {
			t.Error(got)
		}
	}
}
