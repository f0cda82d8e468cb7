//go:build shells

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"mpblock/internal/testserver"
)

// document reads a YAML file of deploy/ whose keys are these and no others.
func document(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// What the compose file runs, in the environment of the image, becomes healthy, and leaves
// no store in the volume.
func TestComposeEmulator(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Build       string
			Command     []string
			Ports       []string
			Healthcheck struct {
				Test              []string
				Interval, Timeout string
				Retries           int
			}
		}
	}
	document(t, "compose.emulator.yaml", &compose)
	image, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if !strings.Contains(string(image), "\nENV MPBLOCK_DATA=/data MPBLOCK_LISTEN=0.0.0.0:8080\nENTRYPOINT [\"/mpblock\"]\n") {
		t.Fatal("the image is not the one that this test knows")
	}
	t.Setenv("MPBLOCK_DATA", data)
	t.Setenv("MPBLOCK_LISTEN", "0.0.0.0:0")
	binary, err := testserver.Build("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mpblock := compose.Services["mpblock"]
	health := mpblock.Healthcheck.Test
	if len(health) < 2 || health[0] != "CMD" || health[1] != "/mpblock" {
		t.Fatalf("the image has no shell and /mpblock alone, and the check of health is %q", health)
	}
	check := func(door string) error {
		cmd := exec.CommandContext(t.Context(), binary, health[2:]...)
		cmd.Env = append(os.Environ(), "MPBLOCK_CONTROL="+door)
		return cmd.Run()
	}
	command := strings.ReplaceAll(strings.Join(mpblock.Command, " "), ":8081", ":0")
	s, err := testserver.Start(append([]string{binary}, strings.Fields(command)...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(s.Control); err != nil {
		t.Errorf("it is not healthy: %v", err)
	}
	if s.Data != data {
		t.Errorf("its data is in %s, want %s", s.Data, data)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := check(s.Control); err == nil {
		t.Error("it is healthy when it has ended")
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 1 || left[0].Name() != "LOCK" {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// The command lines of what is there for CI are run, on a program whose tests make one
// call and fail. What would end a step then is left out, so that the server can be ended.
func TestCI(t *testing.T) {
	var github struct {
		Name string
		On   []string
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Steps  []struct {
				Name, Uses, If, Run string
				With                map[string]string
			}
		}
	}
	document(t, "ci/github.yml", &github)
	var steps []string
	for _, step := range github.Jobs["test"].Steps {
		steps = append(steps, step.Run)
	}
	var gitlab struct {
		Test struct {
			Image     string
			Script    []string
			Artifacts struct {
				When  string
				Paths []string
			}
		}
	}
	document(t, "ci/gitlab.yml", &gitlab)
	if clone := gitlab.Test.Script[0]; !regexp.MustCompile(`^git clone .* mpblock-source$`).MatchString(clone) {
		t.Errorf("the first line is %q", clone)
	}
	for name, script := range map[string]string{
		"github": strings.Replace(strings.Join(steps, "\n"), "make test\n", "make test || true\n", 1),
		"gitlab": strings.Replace(strings.Join(gitlab.Test.Script[1:], "\n"), "exit 1", "true", 1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := program(t)
			if err := os.Rename(filepath.Join(dir, "..", "mpblock"), filepath.Join(dir, "mpblock-source")); err != nil {
				t.Fatal(err)
			}
			api, door := free(t), free(t)
			makefile := "test:\n\tcurl -s http://" + api + "/cgi-bin/token > answer.json\n\tfalse\n"
			if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(makefile), 0o600); err != nil {
				t.Fatal(err)
			}
			shell(t, dir, script+"\nkill %1; wait",
				"MPBLOCK_LISTEN="+api, "MPBLOCK_CONTROL_LISTEN="+door, "MPBLOCK_CONTROL=http://"+door)
			for name, want := range map[string]string{"answer.json": `{"errcode":`, "calls.har": `/cgi-bin/token`, "mpblock.log": "mpblock ready on"} {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s has no %q, %v: %s", name, want, err, text)
				}
			}
		})
	}
}

// free returns an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
