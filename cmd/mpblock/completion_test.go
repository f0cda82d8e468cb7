//go:build shells

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

// Each shell reads what the command prints for it and completes a command, a flag and
// a value.
func TestCompletion(t *testing.T) {
	binary, err := testserver.Build("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(binary)+":"+os.Getenv("PATH"))
	if filepath.Base(binary) != "mpblock" {
		t.Fatalf("the program is %s", binary)
	}
	state, profiles := t.TempDir(), filepath.Join(t.TempDir(), "profiles.yaml")
	t.Setenv("MPBLOCK_JOBS", state)
	t.Setenv("MPBLOCK_PROFILES", profiles)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{filepath.Join(state, "block-20261128-101500.job"): "", "mine.job": "", "mine.txt": "", profiles: "profiles: {staging: {server: http://a}}"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What a shell runs to print the words that may follow a line, which is $1. Bash and
	// Zsh hand the line to the command of their complete -C, which they are asked for.
	scripts := map[string][]string{
		"bash": {"bash", "--norc", "-c", `source <(mpblock completion bash)
			command=$(complete -p mpblock | tr -d "'" | sed 's/.* -C \([^ ]*\) .*/\1/')
			COMP_LINE=$1 COMP_POINT=${#1} $command mpblock "" ""`, "bash"},
		"zsh": {"zsh", "-f", "-c", `source <(mpblock completion zsh)
			command=$(complete -p | grep mpblock | tr -d "'" | sed 's/.* -C \([^ ]*\) .*/\1/')
			COMP_LINE=$1 COMP_POINT=${#1} $command mpblock "" ""`, "zsh"},
		"fish": {"fish", "--no-config", "-c", `mpblock completion fish | source
			complete -C "$argv[1]"`},
	}
	for shell, args := range scripts {
		for line, want := range map[string]string{
			"mpblock unb":              "unblock",
			"mpblock wa":               "watch",
			"mpblock block --un":       "--until",
			"mpblock check --app":      "--appid",
			"mpblock serve --tls-se":   "--tls-self-signed",
			"mpblock block --format n": "ndjson",
			"mpblock completion f":     "fish",
			"mpblock resume bl":        "block-20261128-101500",
			"mpblock undo --yes bl":    "block-20261128-101500",
			"mpblock status mi":        "mine.job",
			"mpblock list --profile s": "staging",
			"mpblock help unb":         "unblock",
			"mpblock help account a":   "add",
		} {
			out, err := exec.CommandContext(t.Context(), args[0], append(args[1:], line)...).CombinedOutput()
			if err != nil || !slices.Contains(strings.Fields(string(out)), want) {
				t.Errorf("%s, %q: %v %q, want %q", shell, line, err, out, want)
			}
		}
	}
}
