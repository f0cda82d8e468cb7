//go:build crash

package crash

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mpblock/internal/testserver"
)

// onSmallDisk starts the server in a mount namespace of its own, with its data on
// a file system of 48 MiB. It returns that file system as it is seen from here.
// As root that needs nothing; others need user namespaces.
func onSmallDisk(t *testing.T) (s *testserver.Server, disk string) {
	t.Helper()
	dir := t.TempDir()
	command := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		command = append(command, "--user", "--map-root-user")
	}
	if out, err := exec.Command(command[0], append(command[1:], "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir)...).CombinedOutput(); err != nil {
		t.Fatalf("this test fills a disk of its own, and may not mount one: run it as root, or allow user namespaces (%v: %s)", err, out)
	}
	s, err := testserver.Start(append(command, "sh", "-c", `mount -t tmpfs -o size=48m tmpfs "$0" && exec "$@"`,
		dir, binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() }) // where the test has not ended it
	return s, fmt.Sprintf("/proc/%d/root%s", s.PID, dir)
}

// fill takes up all that is left of a file system.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	for _, size := range []int{64 << 10, 1} {
		b := make([]byte, size)
		for err = nil; err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	s, disk := onSmallDisk(t)
	token := tokenOf(t, s)
	client := &http.Client{Timeout: 5 * time.Minute}
	blocked := 23_000
	// change blocks or unblocks one OpenID and returns the errcode.
	id := demo(30_000, 30_000)
	is := false
	change := func() int {
		call := "batchblacklist"
		if is {
			call = "batchunblacklist"
		}
		a, err := s.Post(client, call, token, testserver.Batch(id))
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log())
		}
		if a.Errcode == 0 {
			is = !is
		}
		return a.Errcode
	}

	fill(t, filepath.Join(disk, "ballast"))
	code := 0
	for range 100_000 { // until what Pebble has reserved for its log is used up
		if code = change(); code != 0 {
			break
		}
	}
	if code != -1 {
		t.Fatalf("on a full disk a change is answered with %d, want -1", code)
	}
	for range 20 {
		begin := time.Now()
		if code := change(); code != -1 {
			t.Errorf("on a full disk a change is answered with %d, want -1", code)
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it took %v to say so", took)
		}
		a, err := s.Post(client, "getblacklist", token, "{}")
		if err != nil || a.Errcode != 0 || a.Count != 10_000 || a.Total < blocked || a.Total > blocked+1 {
			t.Fatalf("a page on a full disk: errcode %d, count %d, total %d, %v", a.Errcode, a.Count, a.Total, err)
		}
	}
	if status, text := ready(t, s); status != 503 || !strings.Contains(text, "full") {
		t.Errorf("/readyz says %d %s", status, text)
	}
	if !strings.Contains(s.Log(), "no space left on device") {
		t.Errorf("the log does not say why:\n%s", s.Log())
	}

	must(t, os.Remove(filepath.Join(disk, "ballast")))
	deadline := time.Now().Add(5 * time.Minute)
	for status := 0; status != 200; status, _ = ready(t, s) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover when there is space again:\n%s", s.Log())
		}
	}
	listed := walk(t, s, token)
	is = listed[id[0]] // a change that is answered with -1 may have happened
	for range 5 {
		if code := change(); code != 0 {
			t.Fatalf("with space again a change is answered with %d", code)
		}
	}
	if walk(t, s, token)[id[0]] != is {
		t.Error("an acknowledged change is lost")
	}

	// The disk goes with the process: check a copy.
	copied := filepath.Join(t.TempDir(), "copy")
	out, code, err := testserver.Run(binary, "backup", "--data", filepath.Join(disk, "data"), copied)
	if err != nil || code != 0 {
		t.Fatalf("mpblock backup ends with %d, %v:\n%s", code, err, out)
	}
	kill(t, s)
	check(t, copied)
}

func ready(t *testing.T, s *testserver.Server) (int, string) {
	t.Helper()
	res, err := http.Get(s.Base + "/readyz")
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(text)
}
