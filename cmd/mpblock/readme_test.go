//go:build shells

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mpblock/internal/testserver"
)

// boxes are the pieces of a document to paste, by their language.
func boxes(t *testing.T, name, heading string) map[string][]string {
	t.Helper()
	all, err := testserver.Boxes(name, heading)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// program is an empty directory beside a clone.
func program(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "mpblock")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "program")
}

// shell runs a script there, and returns what it prints.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// paste writes the first box of Go into a directory as a test, and runs the last one for
// a shell, which tests it.
func paste(t *testing.T, dir string, boxes map[string][]string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "program_test.go"), []byte(boxes["go"][0]), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell(t, dir, boxes["sh"][len(boxes["sh"])-1])
}

// What the README has to paste works in an empty directory beside a clone, and is the
// same in both languages but for its comments.
func TestREADMEBoxes(t *testing.T) {
	en := boxes(t, "../../README.md", "Four boxes to paste")
	zh := boxes(t, "../../README.zh-CN.md", "四段可直接粘贴的命令")
	comment := regexp.MustCompile(`(?m) *(#|// ).*$`)
	if bare := func(all map[string][]string) string { return comment.ReplaceAllString(fmt.Sprint(all), "") }; bare(en) != bare(zh) {
		t.Errorf("they differ:\n%s\n%s", bare(en), bare(zh))
	}
	dir := program(t)
	t.Run("a Go test", func(t *testing.T) { paste(t, dir, en) })
	t.Run("in CI", func(t *testing.T) {
		address := free(t)
		_, script, _ := strings.Cut(en["yaml"][0], "run: |\n")
		script = strings.ReplaceAll(script, "127.0.0.1:8080", address)
		shell(t, dir, script+"\nkill $!", "MPBLOCK_LISTEN="+address)
		if _, err := http.Get("http://" + address + "/readyz"); err == nil {
			t.Error("the server goes on")
		}
	})
}

// The test of docs/emulator.md tests what it says, in the time that it says.
func TestEmulatorBox(t *testing.T) {
	out := paste(t, program(t), boxes(t, "../../docs/emulator.md", "A test of a bad day, in five minutes"))
	m := regexp.MustCompile(`ok\s+example.com/program\s+(\S+s)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no test ran: %s", out)
	}
	if took, err := time.ParseDuration(m[1]); err != nil || took >= time.Second {
		t.Errorf("it took %s, %v", m[1], err)
	}
}
