package compat

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mpblock/internal/testserver"
)

// gateway starts a server in front of a platform, which is an emulator in a process of its
// own, and returns it with the secret that programs have there.
func gateway(t *testing.T) (*testserver.Server, string) {
	t.Helper()
	platform := emulate(t)
	s := start(t, []string{binary, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")})
	there := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(there, []byte(secret), 0o600))
	out, err := exec.CommandContext(t.Context(), binary, "account", "add", "--data", s.Data, "--appid", appID, "--json", "--upstream", platform.Base, "--upstream-secret-file", there).Output()
	must(t, err)
	var made struct{ Secret string }
	must(t, json.Unmarshal(out, &made))
	if out, err := exec.CommandContext(t.Context(), binary, "account", "sync", "--data", s.Data, appID).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s, made.Secret
}

// TestGateway has two libraries do through a gateway what they do with a platform: another
// host, another secret, and nothing else is new to them.
func TestGateway(t *testing.T) {
	s, own := gateway(t)
	t.Run("silenceper", func(t *testing.T) {
		users, c := silenceperUser(t, s.Base, own)
		exercise(t, c)
		followers, err := users.ListAllUserOpenIDs() // which the platform answers
		if err != nil || len(followers) != total {
			t.Errorf("ListAllUserOpenIDs returns %d, %v", len(followers), err)
		}
	})
	t.Run(coWechat.name, func(t *testing.T) {
		coWechat.exercise(t, nil, "BASE="+s.Base, "SECRET="+own)
	})
}
