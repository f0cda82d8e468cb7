//go:build shells

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// boxes are the pieces of a README to paste, by their language: the first of each that
// comes after a heading.
func boxes(t *testing.T, name, heading string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), heading)
	if !ok {
		t.Fatalf("%s has no %q", name, heading)
	}
	after, _, _ = strings.Cut(after, "\n## ")
	all := map[string][]string{}
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(after, -1) {
		all[m[1]] = append(all[m[1]], m[2])
	}
	return all
}

// What the README has to paste works in an empty directory beside a clone, and is the
// same in both languages but for its comments.
func TestREADMEBoxes(t *testing.T) {
	en := boxes(t, "../../README.md", "## Four boxes to paste")
	zh := boxes(t, "../../README.zh-CN.md", "## 四段可直接粘贴的命令")
	comment := regexp.MustCompile(`(?m) *(#|// ).*$`)
	if bare := func(all map[string][]string) string { return comment.ReplaceAllString(fmt.Sprint(all), "") }; bare(en) != bare(zh) {
		t.Errorf("they differ:\n%s\n%s", bare(en), bare(zh))
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.Mkdir(program, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "mpblock")); err != nil {
		t.Fatal(err)
	}
	shell := func(script string, env ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
		cmd.Dir, cmd.Env = program, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\n%v: %s", script, err, out)
		}
	}

	t.Run("a Go test", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(program, "program_test.go"), []byte(en["go"][0]), 0o600); err != nil {
			t.Fatal(err)
		}
		shell(en["sh"][len(en["sh"])-1])
	})
	t.Run("in CI", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		_, script, _ := strings.Cut(en["yaml"][0], "run: |\n")
		script = strings.ReplaceAll(script, "127.0.0.1:8080", address)
		shell(script+"\nkill $!", "MPBLOCK_LISTEN="+address)
		if _, err := http.Get("http://" + address + "/readyz"); err == nil {
			t.Error("the server goes on")
		}
	})
}
