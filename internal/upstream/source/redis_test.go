//go:build redis

package source

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"mpblock"
)

// start starts a Redis from Debian's package, with a password, and returns its address and
// a connection.
func start(t *testing.T) (string, redis.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	dir := t.TempDir()
	conf := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(conf, []byte("bind 127.0.0.1\nport "+port+"\ndir "+dir+"\nsave \"\"\nrequirepass hunter2\nuser reader on >hunter3 ~wx:* +get +pttl +select +auth\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("redis-server", conf)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	var log strings.Builder
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatalf("redis-server has ended:\n%s", log.String())
		}
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			break
		}
	}
	c, err := redis.Dial("tcp", address, redis.DialPassword("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return address, c
}

func do(t *testing.T, c redis.Conn, command string, args ...any) {
	t.Helper()
	if _, err := c.Do(command, args...); err != nil {
		t.Fatal(err)
	}
}

// A key that somebody else renews is read, and nothing else is asked of that Redis.
func TestRedis(t *testing.T) {
	address, c := start(t)
	for key, value := range map[string]string{
		"wx:access_token:wx0123456789abcdef": "token-of-wxjava", "wx:easy": `s:15:"token-of-wxjava";`, "wx:empty": "",
		"gowechat_officialaccount__access_token_wx0123456789abcdef": "token-of-silenceper",
	} {
		do(t, c, "SET", key, value, "PX", 7_200_000)
	}
	do(t, c, "SELECT", 3)
	do(t, c, "SET", "wx:there", `{"access_token":"token-of-three","expires_in":600}`)
	do(t, c, "LPUSH", "wx:list", "x")
	do(t, c, "SELECT", 0)
	for _, tt := range []struct{ user, path, token, key string }{
		{":hunter2", "/wx:access_token:wx0123456789abcdef", "token-of-wxjava", ""},
		{"reader:hunter3", "/wx:access_token:wx0123456789abcdef", "token-of-wxjava", ""},
		{":hunter2", "/gowechat_officialaccount__access_token_wx0123456789abcdef", "token-of-silenceper", ""},
		{":hunter2", "/wx:there?db=3", "token-of-three", ""},
		{":hunter2", "/wx:easy", "", "source.php"},
		{":hunter2", "/wx:empty", "", "source.shape"},
		{":hunter2", "/wx:none", "", "source.redis_key"},
		{":hunter2", "/wx:list?db=3", "", "source.redis_refuses"},
		{":hunter2", "/wx:list?db=99", "", "source.redis_refuses"},
		{":wrong", "/wx:there", "", "source.redis_refuses"},
		{"reader:hunter3", "/gowechat_officialaccount__access_token_wx0123456789abcdef", "", "source.redis_refuses"},
	} {
		r, err := parseRedis("redis://" + tt.user + "@" + address + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		f, err := r.ask(t.Context(), "", now)
		var e *mpblock.Error
		if f.token != tt.token || errors.As(err, &e) != (tt.key != "") || e != nil && e.Key != tt.key {
			t.Errorf("%+v: %+v, %v", tt, f, err)
		}
		if left := f.end.Sub(now); err == nil && (left < 9*time.Minute || left > 2*time.Hour) {
			t.Errorf("%+v: it ends in %v", tt, left)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "token-of")) {
			t.Errorf("%+v: the error shows it: %v", tt, err)
		}
	}
}

// A dead token is asked for anew, once; one that was renewed meanwhile is taken.
func TestRedisRenews(t *testing.T) {
	address, c := start(t)
	r, err := parseRedis("redis://:hunter2@" + address + "/k")
	if err != nil {
		t.Fatal(err)
	}
	k := keep(place{ask: r.ask})
	for _, step := range []struct{ there, refused, want string }{
		{"token-one", "", "token-one"}, {"token-two", "", "token-one"}, {"token-two", "token-one", "token-two"}, {"token-two", "token-two", ""},
	} {
		do(t, c, "SET", "k", step.there)
		if got, err := k.Token(t.Context(), step.refused); got != step.want || (err != nil) != (step.want == "") {
			t.Errorf("%+v: %q, %v", step, got, err)
		}
	}
	_, _ = c.Do("SHUTDOWN", "NOSAVE") // it answers by hanging up
	if _, err := r.ask(t.Context(), "", time.Now()); err == nil || !strings.Contains(err.Error(), "does not answer: connect: connection refused") {
		t.Error(err)
	}
}
