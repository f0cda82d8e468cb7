//go:build crash || mariadb

// Package gateway holds the gateway to its promises: the real binary, in front of an
// emulator in another process that loses answers, is killed again and again.
package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/testserver"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := build()
		defer os.RemoveAll(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// build builds the binary into a directory that the caller removes.
func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "mpblock-gateway-"); err == nil {
		binary, err = testserver.Build(filepath.Join("..", ".."), dir)
	}
	return dir, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fan returns the OpenID of a user of the demo, by its number from 1 on. The first 23,000
// of 30,000 are blocked.
func fan(n int) string {
	return mpblock.Mint(mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}, mpblock.Key([]byte("mpblock-demo-key")), fmt.Sprintf("demo-%05d", n)).String()
}

// run runs a command of the binary that must go well, and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mpblock %s: %v: %s%s", strings.Join(args, " "), err, out, wrong.String())
	}
	return string(out)
}

// platform starts the platform: an emulator of 23,000 blocked, with pages of 1,000, that
// loses a tenth of the answers.
func platform(t *testing.T) *testserver.Server {
	t.Helper()
	s, err := testserver.Start(binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0", "--page-size", "1000")
	must(t, err)
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

// settings is what a gateway is started with, each time.
type settings struct {
	data   string
	flags  []string
	secret string // of the account, for its own programs
}

func (g *settings) start(t *testing.T) *testserver.Server {
	t.Helper()
	s, err := testserver.Start(append([]string{binary, "serve", "--listen", "127.0.0.1:0", "--data", g.data}, g.flags...)...)
	must(t, err)
	t.Cleanup(func() { _ = s.Kill() }) // where the test has not ended it
	return s
}

// join puts the account of a platform into a gateway.
func (g *settings) join(t *testing.T, platform *testserver.Server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(file, []byte(testserver.DemoSecret), 0o600))
	var a struct{ Secret string }
	must(t, json.Unmarshal([]byte(run(t, "account", "add", "--json", "--data", g.data, "--appid", testserver.DemoAppID,
		"--upstream", platform.Base, "--upstream-secret-file", file)), &a))
	g.secret = a.Secret
	run(t, "account", "sync", "--data", g.data, testserver.DemoAppID)
}

// browser is an operator's.
func browser(t *testing.T, g *settings, s *testserver.Server) *http.Client {
	t.Helper()
	var o struct{ Path string }
	must(t, json.Unmarshal([]byte(run(t, "operator", "add", "--json", "--data", g.data, "li.si")), &o))
	jar, err := cookiejar.New(nil)
	must(t, err)
	c := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, token, _ := strings.Cut(o.Path, "token=")
	res, err := c.PostForm(s.Base+"/password", url.Values{"token": {token}, "password": {"a long password"}, "again": {"a long password"}})
	must(t, err)
	_ = res.Body.Close() // its status says it
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the way in answers %s", res.Status)
	}
	return c
}

// token gets an access token for programs.
func (g *settings) token(s *testserver.Server) (string, error) {
	res, err := http.Get(s.Base + "/cgi-bin/token?grant_type=client_credential&appid=" + testserver.DemoAppID + "&secret=" + g.secret)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var a struct {
		AccessToken string `json:"access_token"`
		Errmsg      string
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil || a.AccessToken == "" {
		return "", fmt.Errorf("no token: %w: %s", err, a.Errmsg)
	}
	return a.AccessToken, nil
}

// listed walks a list.
func listed(t *testing.T, s *testserver.Server, token string) map[string]bool {
	t.Helper()
	all, err := s.Walk(http.DefaultClient, token)
	must(t, err)
	return all
}
