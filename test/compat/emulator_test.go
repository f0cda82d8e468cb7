package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

// emulate starts the real binary as an emulator with its demo account.
func emulate(t *testing.T, flags ...string) *testserver.Server {
	t.Helper()
	return start(t, append([]string{binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0"}, flags...))
}

// TestBadDay runs the tests that docs/emulator.md has to paste, as it says. They are
// tests: a program that gives up early does not pass.
func TestBadDay(t *testing.T) {
	boxes, err := testserver.Boxes(filepath.Join("..", "..", "docs", "emulator.md"), "A test of a bad day, in five minutes")
	must(t, err)
	s := emulate(t)
	dir := t.TempDir()
	paste := func(name, language string, replace ...string) {
		replace = append(replace, "http://127.0.0.1:8080", s.Base, "http://127.0.0.1:8081", s.Control)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.NewReplacer(replace...).Replace(boxes[language][0])), 0o600))
	}
	paste("bad-day.yaml", "yaml")
	for _, b := range []struct{ language, file, command, tries string }{
		{"js", "bad-day.test.js", "node --test bad-day.test.js", "< 9"},
		{"python", "bad_day.py", "python3 -m unittest bad_day.py", "(9)"},
		{"php", "bad-day.php", "php bad-day.php", "< 9"},
	} {
		t.Run(b.language, func(t *testing.T) {
			run := func() (string, error) {
				command := strings.Fields(b.command)
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1") // two files of one size within a second
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			paste(b.file, b.language)
			if out, err := run(); err != nil {
				t.Errorf("%s: %v\n%s", b.command, err, out)
			}
			paste(b.file, b.language, b.tries, strings.Replace(b.tries, "9", "3", 1))
			if out, err := run(); err == nil || !strings.Contains(out, "gave up") {
				t.Errorf("%s, of a program that tries three times alone: %v\n%s", b.command, err, out)
			}
		})
	}
}
