//go:build shells

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each command of docs/api.md works, one after the other, and so does its program.
func TestNativeAPIBoxes(t *testing.T) {
	dir := withBinary(t)
	address := free(t)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(boxes(t, "../../docs/api.md", "The same in Go")["go"][0]), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := strings.Join(boxes(t, "../../docs/api.md", "From nothing to an answer")["sh"], "\n")
	commands = strings.ReplaceAll(strings.ReplaceAll(commands, "127.0.0.1:8080", address), "\ncurl -s ", "\necho; curl -s --fail-with-body ")
	out := shell(t, dir, "trap 'kill $(jobs -p); wait' EXIT\n"+commands+"\necho\ngo run main.go\n", "MPBLOCK_LISTEN="+address)
	for _, want := range []string{
		`"blocked":false}],"as_of":0}`, `"reason":"spam","actor":"api:shop","revision":1}`, `"reason":"fraud","actor":"api:shop","revision":2}`,
		`"blocks":[{"openid":"`, `"action":"amend"`, `"kind":"blocked"`, "event: ", `"result":"changed"`, `"by":"api:shop"`,
		"blocked for spam until 20", "blocked: true", "openid.shape: not an OpenID",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %s in\n%s", want, out)
		}
	}
}
