package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lines/linestest"
	"mpblock/internal/server"
)

// An address that cannot be listened on has a hint that fits: for port 443, under a name
// that is somebody else's, and for each door by its flag.
func TestExplainServe(t *testing.T) {
	denied := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", fs.ErrPermission)}
	unknown := &net.OpError{Op: "listen", Err: &net.DNSError{Name: "api.example.com", IsNotFound: true}}
	taken := errors.New("address already in use")
	for _, tt := range []struct {
		door server.Door
		err  error
		hint string
	}{
		{server.DoorAPI, denied, "a port below 1024 is for root"},
		{server.DoorAPI, unknown, "--listen 127.0.0.1:443 --tls-self-signed --tls-name api.example.com"},
		{server.DoorAPI, taken, "mpblock serve --listen 127.0.0.1:0 takes any free port"},
		{server.DoorOps, taken, "--ops-listen 127.0.0.1:0"},
		{server.DoorControl, taken, "--control-listen 127.0.0.1:0"},
	} {
		var f ui.Failure
		err := explainServe(&server.ListenError{Door: tt.door, Address: ":443", Err: tt.err})
		if !errors.As(err, &f) || f.Code != ui.CodeFailed || !strings.Contains(f.Hint, tt.hint) {
			t.Errorf("%v: %v, hint %q, want %q", tt.err, err, f.Hint, tt.hint)
		}
	}
}

// Secrets in files are what is in them, without a byte order mark and line ends.
func TestSecretsOfServe(t *testing.T) {
	for text, want := range map[string]string{
		"s e": "s e", "\ufeffs e\n": "s e", "s e\r\n\r\n": "s e", "\ufeffs e": "s e",
	} {
		name := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := databaseWith(name)
		d.Store = "mysql://u@localhost:3306/d"
		c, err := d.config()
		if err != nil || c.Password != want {
			t.Errorf("--store-password-file of %q: %q, %v", text, c.Password, err)
		}
		o, err := (&consoleFlags{OIDCIssuer: "https://x", OIDCClientID: "y", OIDCClientSecret: name}).oidc()
		if err != nil || o.ClientSecret != want {
			t.Errorf("--oidc-client-secret-file of %q: %q, %v", text, o.ClientSecret, err)
		}
	}
}

// A whole OpenID where its prefix is wanted is said to be one.
func TestPrefixIsNoOpenID(t *testing.T) {
	code, _, errs := command("account", "add", "--prefix", linestest.ID(1))
	if code != ui.CodeUsage || !strings.Contains(errs, "is a whole OpenID") || !strings.Contains(errs, "hint: --prefix 01020304") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// Wrong arguments end each command with 2.
func TestWrongArguments(t *testing.T) {
	for _, line := range []string{
		"nosuch", "block --workers 0 o", "block", "list --nosuch", "resume", "apply", "serve --listen", "account show",
		"completion tcsh", "follower mint x", "copy", "check", "migrate", "operator add", "probe --server ::", "diff", "undo none", "status none",
	} {
		if code, _, errs := command(strings.Fields(line)...); code != ui.CodeUsage || !strings.HasPrefix(errs, "mpblock: ") {
			t.Errorf("%s: exit code %d: %s", line, code, errs)
		}
	}
}
