//go:build shells

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goFile writes a program of Go: pieces of it, and the packages that they import.
func goFile(t *testing.T, name string, imports []string, pieces ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(pieces, "\n")
	if imports != nil {
		text = "package main\n\nimport (\n\t\"" + strings.Join(imports, "\"\n\t\"") + "\"\n)\n\n" + text
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// cloned is an empty directory beside a clone, with mpblock on the PATH.
func cloned(t *testing.T) string {
	t.Helper()
	withBinary(t)
	return program(t)
}

// loud has each call of a script that curl makes print its answer on a line of its own,
// and end the script where it is an error.
func loud(commands string) string {
	return strings.ReplaceAll("\n"+commands, "\ncurl -s ", "\necho; curl -s --fail-with-body ")
}

const (
	ending = "trap 'kill $(jobs -p); wait' EXIT\n"
	pages  = "../../docs/"
)

// Each command of docs/api.md works, one after the other, and so do its programs: from
// nothing to check, block for an hour, watch and webhook. Then those of docs/watch.md do.
func TestNativeAPIBoxes(t *testing.T) {
	dir, address, receiver := cloned(t), free(t), free(t)
	here := strings.NewReplacer("127.0.0.1:8080", address, "127.0.0.1:9000", receiver)
	start, inGo := boxes(t, pages+"api.md", "From nothing to an answer"), boxes(t, pages+"api.md", "The same in Go")
	hook, verify := boxes(t, pages+"api.md", "A webhook"), boxes(t, pages+"webhooks.md", "Check the signature")["go"][0]
	feed, replica := boxes(t, pages+"watch.md", "The feed"), boxes(t, pages+"watch.md", "A copy in a Go program")
	goFile(t, filepath.Join(dir, "main.go"), nil, here.Replace(inGo["go"][0]))
	goFile(t, filepath.Join(dir, "receiver", "main.go"), nil, here.Replace(hook["go"][0]), verify)
	goFile(t, filepath.Join(dir, "watch", "main.go"), []string{"context", "fmt", "log", "os", "time", "mpblock/native", "mpblock/replica"},
		"func follow(ctx context.Context, appID, secret string, revision uint64) error {", here.Replace(feed["go"][0]), "return nil\n}",
		"func answer(ctx context.Context, appID, secret, openID string) error {", here.Replace(replica["go"][0]), `return fmt.Errorf("%s is not blocked", openID)`+"\n}",
		`func main() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := follow(ctx, os.Getenv("APPID"), os.Getenv("SECRET"), 0); err != nil {
				log.Fatal("follow: ", err)
			}
			if err := answer(context.Background(), os.Getenv("APPID"), os.Getenv("SECRET"), os.Getenv("OPENID")); err != nil {
				log.Fatal("answer: ", err)
			}
			fmt.Println("the replica knows")
		}`)
	script := strings.Join(append(append(append(start["sh"], inGo["sh"]...), hook["sh"]...), feed["sh"]...), "\n")
	out := shell(t, dir, ending+loud(here.Replace(script))+"\necho\ngo run ./watch\n", "MPBLOCK_LISTEN="+address)
	for _, want := range []string{
		`"blocked":false}],"as_of":0}`, `"reason":"spam","actor":"api:shop","revision":1}`, `"reason":"fraud","actor":"api:shop","revision":2}`,
		`"blocks":[{"openid":"`, `"action":"amend"`, `"kind":"blocked"`, "event: ", `"result":"changed"`, `"by":"api:shop"`,
		"blocked for spam until 20", "blocked: true", "openid.shape not an OpenID", "taken with 200 in", `"type":"blocked"`,
		`"total":1,"revision":`, "the replica knows",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %s in\n%s", want, out)
		}
	}
}

// Each command of docs/webhooks.md works: those that set one up, and those of its table.
func TestWebhookCommands(t *testing.T) {
	dir, address := cloned(t), free(t)
	heard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer heard.Close()
	text, err := os.ReadFile(pages + "webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Set one up\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, m := range regexp.MustCompile(`(?m)^\$ (mpblock .*)$`).FindAllStringSubmatch(section, -1) {
		commands = append(commands, m[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`webhook [^|]*)\\|").FindAllStringSubmatch(section, -1) {
		for _, m := range regexp.MustCompile("`(webhook [^`]*)`").FindAllStringSubmatch(row[1], -1) {
			commands = append(commands, "mpblock "+m[1]+" --data data --account $APPID")
		}
	}
	if len(commands) != 9 {
		t.Fatalf("%d commands: %q", len(commands), commands)
	}
	fill := strings.NewReplacer("/var/lib/mpblock", "data", "wx…", "$APPID", "https://crm.example.com/hooks/blacklist", heard.URL, " NAME", " crm",
		" ID", ` $(mpblock webhook show crm --data data --account $APPID --json | sed -n 's/.*"id": "\(msg_[^"]*\)".*/\1/p' | head -1)`)
	out := shell(t, dir, ending+`mpblock serve --data data --webhook-private &
until [ -S data/mpblock.sock ]; do sleep 0.05; done
mpblock account add --data data > account.txt
APPID=$(sed -n 's/^appid *//p' account.txt)
`+fill.Replace(strings.Join(commands, "\n")), "MPBLOCK_LISTEN="+address)
	for _, want := range []string{"\nevents  blocked amended unblocked expired protected unprotected\nsecret  whsec_", "taken with 204 in ", "crm of wx", "is removed"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %s in\n%s", want, out)
		}
	}
}
