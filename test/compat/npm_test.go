package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

// library is one of npm's, driven by a script of npm/.
type library struct {
	name   string
	shows  string // how an error of a call begins, as the library shows it
	forged string // what it shows where the secret is wrong
	https  bool   // it speaks nothing else
}

var (
	// After a refused token it calls with access_token=undefined.
	tnwx      = library{name: "tnwx", shows: "errcode 4", forged: "errcode 40001"}
	coWechat  = library{name: "co-wechat-api", shows: "WeChatAPIError 4", forged: "WeChatAPIError 40125"}
	wechatAPI = library{name: "wechat-api", shows: "errcode 4", forged: "WeChatAPIError 40125", https: true}

	libraries = []library{tnwx, coWechat, wechatAPI}
)

// run starts a library in Node.js, and returns what has it make a call and reads what it
// returns. inside is a command that runs another one, or nothing; environment is added to
// that of the test.
func (l library) run(t *testing.T, inside []string, environment ...string) func(name string, arg, answer any) error {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("npm", l.name+".js"))
	must(t, err)
	command := slices.Concat(inside, []string{"node", script})
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), append([]string{"APPID=" + testserver.DemoAppID, "SECRET=" + testserver.DemoSecret}, environment...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // so that the script ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v: %s", l.name, err, &stderr)
		}
	})
	calls, answers := json.NewEncoder(in), json.NewDecoder(out)
	return func(name string, arg, answer any) error {
		if err := calls.Encode(map[string]any{"call": name, "arg": arg}); err != nil {
			return err
		}
		var raw json.RawMessage
		if err := answers.Decode(&raw); err != nil {
			return fmt.Errorf("no answer of %s: %w", l.name, err)
		}
		var a struct {
			Errcode       int
			Errmsg, Error string
		}
		switch err := json.Unmarshal(raw, &a); {
		case err != nil:
			return err
		case a.Error != "":
			return errors.New(a.Error)
		case a.Errcode != 0:
			return fmt.Errorf("errcode %d %s", a.Errcode, a.Errmsg)
		}
		return json.Unmarshal(raw, answer)
	}
}

// drive starts a library, and returns what it does with the blacklist.
func (l library) drive(t *testing.T, inside []string, environment ...string) client {
	t.Helper()
	call := l.run(t, inside, environment...)
	change := func(name string) func([]string) error {
		return func(ids []string) error { return call(name, ids, &testserver.Answer{}) }
	}
	return client{
		list: func(after string) (page, error) {
			var a testserver.Answer
			err := call("list", after, &a)
			return page{a.Total, a.Count, a.Data.Openid, a.Next}, err
		},
		block:   change("block"),
		unblock: change("unblock"),
	}
}

// exercise holds the library to what all have to stand, and to its own way to show errors.
func (l library) exercise(t *testing.T, inside []string, environment ...string) {
	c := l.drive(t, inside, environment...)
	exercise(t, c)
	if err := c.block([]string{"OPENID1"}); err == nil || !strings.HasPrefix(err.Error(), l.shows) {
		t.Errorf("block OPENID1: %v, want an error that begins with %q", err, l.shows)
	}
	forger := l.drive(t, inside, append(environment, "SECRET="+strings.Repeat("0", 32))...)
	if _, err := forger.list(""); err == nil || !strings.HasPrefix(err.Error(), l.forged) {
		t.Errorf("with a wrong secret: %v, want an error that begins with %q", err, l.forged)
	}
}

// trust returns what makes Node.js trust a server's own CA.
func trust(s *testserver.Server) string {
	return "NODE_EXTRA_CA_CERTS=" + filepath.Join(s.Data, "tls", "ca.pem")
}

func TestNPM(t *testing.T) {
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			var flags []string
			if l.https {
				flags = []string{"--tls-self-signed"}
			}
			s := serve(t, flags...)
			l.exercise(t, nil, "BASE="+s.Base, trust(s))
		})
	}
}

// TestUntrusted sees that it is the CA that lets a library in.
func TestUntrusted(t *testing.T) {
	s := serve(t, "--tls-self-signed")
	for _, l := range libraries {
		if _, err := l.drive(t, nil, "BASE="+s.Base, "NODE_EXTRA_CA_CERTS=").list(""); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s without the CA: %v, want an error about the certificate", l.name, err)
		}
	}
}

// TestRealName runs the libraries pointed nowhere, on a machine of their own as far as
// network and /etc/hosts go. There the platform's name is an emulator's, which fails when
// it is told to. As root that needs nothing; others need user namespaces.
func TestRealName(t *testing.T) {
	const name = "api.weixin.qq.com"
	hosts := filepath.Join(t.TempDir(), "hosts")
	must(t, os.WriteFile(hosts, []byte("127.0.0.1 localhost "+name+"\n"), 0o644))
	unshare := []string{"unshare", "--net", "--mount"}
	nsenter := []string{"nsenter", "--net", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--user", "--map-root-user")
		nsenter = append(nsenter, "--user", "--preserve-credentials")
	}
	s := start(t, append(unshare, "sh", "-c", `ip link set lo up && mount --bind "$0" /etc/hosts && exec "$@"`, hosts,
		binary, "serve", "--demo", "--listen", "127.0.0.1:443", "--data", filepath.Join(t.TempDir(), "data"),
		"--control-listen", "127.0.0.1:8081", "--tls-self-signed", "--tls-name", name))
	nsenter = append(nsenter, "--target", fmt.Sprint(s.PID))
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			l.exercise(t, nsenter, trust(s))
			c := l.drive(t, nsenter, trust(s))
			_, err := c.list("")
			must(t, err)
			faults := func(command ...string) {
				command = slices.Concat(nsenter, []string{binary, "emulator", "faults"}, command)
				if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%q: %v: %s", command, err, out)
				}
			}
			faults("load", "busy-day")
			refused := 0
			for range 10 {
				if _, err := c.list(""); err != nil && strings.Contains(err.Error(), "-1") {
					refused++
				}
			}
			if refused == 0 || refused == 10 {
				t.Errorf("on a busy day %d of 10 calls are refused", refused)
			}
			faults("clear")
		})
	}
}
