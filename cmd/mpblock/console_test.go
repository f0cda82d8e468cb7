package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
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

// Where all addresses are listened on, the link is one that can be clicked.
func TestGreetingOfAllAddresses(t *testing.T) {
	link, _ := invited(t, "--demo", "--listen", "0.0.0.0:0")
	if !strings.HasPrefix(link, "http://127.0.0.1:") {
		t.Errorf("link %s", link)
	}
}

// A demo that was kept, and whose operator has chosen a password, starts again: its
// operator logs in, and no link goes round that. Other names of the server are said.
func TestGreetings(t *testing.T) {
	data := t.TempDir()
	s, err := server.Open(t.Context(), server.Config{
		Data: data, Store: memstore.New(), Demo: true, Listen: "127.0.0.1:0", TLSSelfSigned: true, TLSNames: []string{"api.example.com"},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	greeting := func() string {
		t.Helper()
		var out strings.Builder
		c := serveCmd{Data: data, Demo: true, TLSName: []string{"api.example.com"}}
		if err := c.greet(t.Context(), ui.Terminal{Out: &out, Err: io.Discard}, s, false); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	_, port, _ := net.SplitHostPort(s.Addr().String())
	before := greeting()
	token := regexp.MustCompile(`/demo\?token=(\S+)\n`).FindStringSubmatch(before)
	if token == nil || !strings.Contains(before, "\n  and as https://api.example.com:"+port+",") {
		t.Fatalf("no link or no name: %s", before)
	}
	session, err := s.Operators().UseDemo(t.Context(), token[1], false)
	if err != nil {
		t.Fatal(err)
	}
	me, err := s.Operators().Self(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := me.ChangePassword(t.Context(), "", "correct horse 电池"); err != nil {
		t.Fatal(err)
	}
	after := greeting()
	if strings.Contains(after, "/demo?") || !strings.Contains(after, "log in by themselves:\n  "+s.URL()+"/\n") {
		t.Errorf("once it has a password: %s", after)
	}
}
