//go:build shells

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// composed is a compose file of one service over the image of this repository.
type composed struct {
	Services map[string]struct {
		Build, User, Restart string
		Command, Ports       []string
		Volumes, Tmpfs       []string
		ReadOnly             bool     `yaml:"read_only"`
		CapDrop              []string `yaml:"cap_drop"`
		SecurityOpt          []string `yaml:"security_opt"`
		StopGracePeriod      string   `yaml:"stop_grace_period"`
		Healthcheck          struct {
			Test              []string
			Interval, Timeout string
			Retries           int
			StartPeriod       string `yaml:"start_period"`
		}
	}
	Volumes map[string]struct{}
}

// inImage has the environment be that of the image, but for the address, and returns the
// binary.
func inImage(t *testing.T, data string) string {
	t.Helper()
	image, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"ENV MPBLOCK_DATA=/data MPBLOCK_LISTEN=0.0.0.0:8080\nENTRYPOINT [\"/mpblock\"]", "USER 65532:65532\nVOLUME /data"} {
		if !strings.Contains(string(image), "\n"+line+"\n") {
			t.Fatalf("the image is not the one that this test knows: it has no %q", line)
		}
	}
	t.Setenv("MPBLOCK_DATA", data)
	t.Setenv("MPBLOCK_LISTEN", "0.0.0.0:0")
	binary, err := testserver.Build("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// healthOf returns what a compose file asks how a service is, which runs the binary in the
// place of the image's.
func healthOf(t *testing.T, binary string, test []string) func(env ...string) error {
	t.Helper()
	if len(test) < 2 || test[0] != "CMD" || test[1] != "/mpblock" {
		t.Fatalf("the image has no shell and /mpblock alone, and the check of health is %q", test)
	}
	return func(env ...string) error {
		cmd := exec.CommandContext(t.Context(), binary, test[2:]...)
		cmd.Env = append(os.Environ(), env...)
		return cmd.Run()
	}
}

// What the compose file of the emulator runs, in the environment of the image, becomes
// healthy, and leaves no store in the volume.
func TestComposeEmulator(t *testing.T) {
	var compose composed
	document(t, "compose.emulator.yaml", &compose)
	data := t.TempDir()
	binary := inImage(t, data)
	mpblock := compose.Services["mpblock"]
	check := healthOf(t, binary, mpblock.Healthcheck.Test)
	command := strings.ReplaceAll(strings.Join(mpblock.Command, " "), ":8081", ":0")
	s, err := testserver.Start(append([]string{binary}, strings.Fields(command)...)...)
	if err != nil {
		t.Fatal(err)
	}
	door := "MPBLOCK_CONTROL=" + s.Control
	if err := check(door); err != nil {
		t.Errorf("it is not healthy: %v", err)
	}
	if s.Data != data {
		t.Errorf("its data is in %s, want %s", s.Data, data)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := check(door); err == nil {
		t.Error("it is healthy when it has ended")
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 1 || left[0].Name() != "LOCK" {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// What the compose file of the engine runs becomes healthy, and has in the volume what it
// was told when it is started again. It writes nothing else, and is nobody's root.
func TestComposeEngine(t *testing.T) {
	var compose composed
	document(t, "compose.yaml", &compose)
	data, before := t.TempDir(), filepath.Join(t.TempDir(), "here")
	binary := inImage(t, data)
	mpblock := compose.Services["mpblock"]
	if !slices.Equal(mpblock.Volumes, []string{"data:/data"}) || len(compose.Volumes) != 1 || !mpblock.ReadOnly ||
		!slices.Equal(mpblock.Tmpfs, []string{"/tmp"}) || mpblock.User != "65532:65532" || mpblock.StopGracePeriod != "20s" {
		t.Errorf("it is %+v", mpblock)
	}
	if err := os.Mkdir(before, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(before)
	check := healthOf(t, binary, mpblock.Healthcheck.Test)
	for _, want := range []string{"There is no account yet", "My account"} {
		s, err := testserver.Start(append([]string{binary}, mpblock.Command...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(); err != nil {
			t.Errorf("it is not healthy: %v", err)
		}
		run := func(args ...string) string {
			out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
			if err != nil {
				t.Errorf("%q: %v %s", args, err, out)
			}
			return string(out)
		}
		if got := run("account", "list"); !strings.Contains(got, want) {
			t.Errorf("the accounts are %q, want %q", got, want)
		}
		if want != "My account" {
			run("account", "add", "--name", "My account")
			run("backup", filepath.Join(data, "copy"))
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if check() == nil {
		t.Error("it is healthy when it has ended")
	}
	if left, err := os.ReadDir(before); err != nil || len(left) != 0 {
		t.Errorf("it writes %v elsewhere, %v", left, err)
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

// Prometheus takes the example rules as they are.
func TestPrometheusRules(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", filepath.Join("..", "..", "deploy", "prometheus", "mpblock.rules.yml")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Errorf("%v: %s", err, out)
	}
}
