package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

// invited starts a server and returns the link that it prints.
func invited(t *testing.T, args ...string) (link string, stop func()) {
	t.Helper()
	binary, err := testserver.Build("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	var said strings.Builder
	buf := make([]byte, 512)
	for {
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if m := regexp.MustCompile(`\n  (http://\S+token=\S+)\n`).FindStringSubmatch(said.String()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return m[1], cancel
		}
		if err != nil {
			t.Fatalf("no link, %v: %s%s", err, &said, &log)
		}
	}
}

// The links that serve prints lead in: to the demo at once, to a new store by
// choosing a name and a password.
func TestInvitations(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--demo"}, "Demo 演示"},
		{[]string{"--data", t.TempDir()}, "Create the first operator"},
	} {
		link, stop := invited(t, tt.args...)
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Jar: jar}).Get(link)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), tt.want) {
			t.Errorf("%v: %d %v: %s", tt.args, res.StatusCode, err, body)
		}
		stop()
	}
}
