//go:build unix

package client_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpblock/client"
)

// mode returns the mode of a file itself, not of what a link points to.
func mode(t *testing.T, name string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// Whatever stands in the place of the token file and of its companions, the token
// lands in a file of its owner's alone, and nothing else is written.
func TestTokenFileInASharedDirectory(t *testing.T) {
	for _, name := range []string{"token", "token.new", "token.lock"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			dir := t.TempDir()
			file, victim := filepath.Join(dir, "token"), filepath.Join(dir, "victim")
			if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			var warnings []error
			c := w.client(t, client.WithTokenFile(file), client.WithWarnings(func(err error) { warnings = append(warnings, err) }))
			if err := c.Block(t.Context(), w.ids[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(victim); err == nil {
				t.Error("what the link points to was made")
			}
			if m := mode(t, file); m != 0o600 {
				t.Errorf("the token file has mode %v", m)
			}
			if len(warnings) > 1 || (len(warnings) == 0) != (name == "token.new") {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

func TestTokenFileIsItsOwnersAlone(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "token")
	for _, name := range []string{file, file + ".new"} {
		if err := os.WriteFile(name, []byte("something else"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o666); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	c := w.client(t, client.WithTokenFile(file))
	token, err := c.Token(t.Context())
	if err != nil || mode(t, file) != 0o600 {
		t.Errorf("written anew: %v, %v", mode(t, file), err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := w.client(t, client.WithTokenFile(file)).Token(t.Context())
	if err != nil || again != token || mode(t, file) != 0o600 || w.count("stable_token") != 1 {
		t.Errorf("read: %v, %v, %d tokens got", mode(t, file), err, w.count("stable_token"))
	}
}

// A file that cannot be used costs no call, and is told of.
func TestTokenFileThatCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "directory", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"missing/token", "directory"} {
		var warnings []string
		c := w.client(t, client.WithTokenFile(filepath.Join(dir, name)), client.WithWarnings(func(err error) { warnings = append(warnings, err.Error()) }))
		if err := c.Block(t.Context(), w.ids[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := strings.Join(warnings, "\n"); !strings.Contains(s, "write the token file") || !strings.Contains(s, name) {
			t.Errorf("%s: warnings %q", name, s)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.new-*")); len(left) > 0 {
			t.Errorf("%s leaves %q", name, left)
		}
		if err := w.client(t, client.WithTokenFile(filepath.Join(dir, name))).Block(t.Context(), w.ids[0]); err != nil {
			t.Errorf("%s, with nobody to warn: %v", name, err)
		}
	}
	text, err := json.Marshal(map[string]any{"token": "shared", "expires": time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := w.client(t, client.WithTokenFile(file)).Token(t.Context()); got != "shared" || err != nil {
		t.Errorf("a file that can be used gives %q, %v", got, err)
	}
}
