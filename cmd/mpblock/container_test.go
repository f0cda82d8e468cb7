//go:build shells && container

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the documents say about containers is done in real ones, one after the other, in
// the namespaces of test/container/alone: so their ports are free, whatever they are.
func TestContainers(t *testing.T) {
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"base", importGo},
		{"README.md", func(t *testing.T) { runBox(t, "README.md", "Four boxes to paste") }},
		{"README.zh-CN.md", func(t *testing.T) { runBox(t, "README.zh-CN.md", "四段可直接粘贴的命令") }},
		{"operations.md", runInstalled},
		{"compose.yaml", func(t *testing.T) { runComposed(t, "compose.yaml") }},
		{"compose.emulator.yaml", func(t *testing.T) { runComposed(t, "compose.emulator.yaml") }},
	} {
		if !t.Run(step.name, step.run) {
			return // what it has left would be in the way of the next
		}
	}
	if left := docker(t, time.Minute, "docker container ls --all --quiet; docker volume ls --quiet"); left != "" {
		t.Errorf("containers or volumes are left: %s", left)
	}
}

// docker runs a script in the clone, within a time, and returns what it prints.
func docker(t *testing.T, within time.Duration, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.WaitDelay = "../..", time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// importGo makes the image that the Dockerfile begins with, since there may be no registry:
// Go as it is here, a small shell, and the modules that this machine has.
func importGo(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`(?m)^FROM (golang:\S+) AS build$`).FindSubmatch(dockerfile)
	if image == nil {
		t.Fatal("the Dockerfile does not begin with an image of Go")
	}
	docker(t, 2*time.Minute, `
		tar -ch -C "$(go env GOROOT)" --transform 's,^,usr/local/go/,' bin pkg src go.env VERSION > "$CONTAINERS/base.tar"
		tar -rf "$CONTAINERS/base.tar" -C "$CONTAINERS/base" .
		docker import --change 'ENV PATH=/usr/local/go/bin:/bin' --change 'ENV GOTOOLCHAIN=local' \
			--change 'ENV GOPROXY=file:///modules' --change 'ENV GOSUMDB=off' \
			"$CONTAINERS/base.tar" docker.io/library/`+string(image[1]))
}

// runBox pastes the box of a README that makes a container, in a clone, then what it prints
// to be pasted, and ends it as Ctrl-C does.
func runBox(t *testing.T, readme, heading string) {
	box := ""
	for _, box = range boxes(t, "../../"+readme, heading)["sh"] {
		if strings.HasPrefix(box, "docker ") {
			break
		}
	}
	build, run, _ := strings.Cut(box, "\n")
	if !strings.HasPrefix(run, "docker run ") {
		t.Fatalf("the box of the container is %q", box)
	}
	docker(t, 5*time.Minute, build)
	if modes := docker(t, time.Minute, `stat -c %u:%a "$(docker image mount mpblock)"/{data,tmp}`); modes != "65532:700\n0:1777\n" {
		t.Errorf("owners and modes of /data and /tmp are %s", modes)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", run)
	cmd.Dir = program(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	said := ""
	for lines := bufio.NewScanner(out); !strings.Contains(said, "Ctrl-C stops the server") && lines.Scan(); {
		said += lines.Text() + "\n"
	}
	useDemo(t, said)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// useDemo does what the server that says this has to paste and to click.
func useDemo(t *testing.T, said string) {
	t.Helper()
	paste := regexp.MustCompile(`(?m)^  (TOKEN=|curl ).*`).FindAllString(said, -1)
	link := regexp.MustCompile(`(?m)^  (http\S+/demo\?token=\S+)$`).FindStringSubmatch(said)
	if len(paste) != 4 || link == nil {
		t.Fatalf("the container says %q", said)
	}
	answers := shell(t, t.TempDir(), strings.Join(paste, "\n"))
	if !strings.HasPrefix(answers, `{"total":23000,"count":10000,`) || strings.Count(answers, `{"errcode":0,"errmsg":"ok"}`) != 2 {
		t.Errorf("what is to be pasted answers %s", answers)
	}
	if page := get(t, link[1]); !strings.Contains(page, "wxdec0dedec0dedec0") {
		t.Errorf("the console's link leads to %s", page)
	}
}

// get returns a page, after what it redirects to, for a browser that keeps cookies.
func get(t *testing.T, link string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Jar: jar, Timeout: time.Minute}).Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", link, res.Status, err)
	}
	return string(page)
}

// until repeats a command of docker until it ends well, in a container that starts.
const until = "timeout 60 sh -c 'until docker %s; do sleep 0.1; done' >/dev/null\n"

// runInstalled pastes the box of docs/operations.md, with the image that is there, and
// starts the container anew.
func runInstalled(t *testing.T) {
	script := ""
	for _, box := range boxes(t, "../../docs/operations.md", "Install")["sh"] {
		if strings.HasPrefix(box, "docker run") {
			script = strings.Replace(box, "\n", "\n"+fmt.Sprintf(until, "exec mpblock /mpblock account list"), 1)
		}
	}
	out := docker(t, 2*time.Minute, script+"docker restart mpblock\n"+fmt.Sprintf(until, "exec mpblock /mpblock account list")+
		"docker exec mpblock /mpblock account list\ndocker stop mpblock\n"+
		"docker container inspect --format 'ended with {{.State.ExitCode}}' mpblock\ndocker rm mpblock\ndocker volume prune --force\n")
	for _, want := range []string{"/welcome?token=", "appid ", "My account", "ended with 0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("it prints no %q:\n%s", want, out)
		}
	}
}

// runComposed runs the service of a compose file as that file says, and asks whether it is
// healthy as it does.
func runComposed(t *testing.T, name string) {
	var compose composed
	document(t, name, &compose)
	s := compose.Services["mpblock"]
	if path := filepath.Join("../../deploy", s.Build); filepath.Clean(path) != filepath.Clean("../..") {
		t.Fatalf("it builds %s", path)
	}
	args := "docker run --detach --name mpblock"
	for flag, values := range map[string][]string{
		"publish": s.Ports, "volume": s.Volumes, "tmpfs": s.Tmpfs, "cap-drop": s.CapDrop, "security-opt": s.SecurityOpt,
	} {
		for _, value := range values {
			args += " --" + flag + " " + strings.Replace(value, "no-new-privileges:true", "no-new-privileges", 1)
		}
	}
	if s.User != "" {
		args += " --user " + s.User
	}
	if s.ReadOnly {
		args += " --read-only"
	}
	script := args + " mpblock " + strings.Join(s.Command, " ") + "\n" +
		fmt.Sprintf(until, "exec mpblock "+strings.TrimPrefix(strings.Join(s.Healthcheck.Test, " "), "CMD ")) +
		"curl -sf http://127.0.0.1:8080/readyz\ndocker stop mpblock\n" +
		"docker container inspect --format 'ended with {{.State.ExitCode}}' mpblock\ndocker rm mpblock\ndocker volume prune --force\n"
	if out := docker(t, 2*time.Minute, script); !strings.Contains(out, "ended with 0\n") {
		t.Errorf("it prints %s", out)
	}
}
