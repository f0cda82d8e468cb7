package overapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"mpblock/cmd/mpblock/ui"
)

// hostile is a server that sends what steers a terminal and forges lines.
func hostile(t *testing.T) {
	t.Helper()
	bad, err := json.Marshal("o\x1b]0;title\x07\n\"},{\u202ex,\u009b2J")
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "stable_token"):
			_, _ = io.WriteString(w, `{"access_token":"T","expires_in":7200}`)
		case strings.HasSuffix(r.URL.Path, "getblacklist"):
			fmt.Fprintf(w, `{"total":1,"count":1,"data":{"openid":[%s]},"next_openid":""}`, bad)
		default:
			fmt.Fprintf(w, `{"errcode":48001,"errmsg":%s}`, bad)
		}
	}))
	t.Cleanup(ts.Close)
	t.Setenv("MPBLOCK_SERVER", ts.URL)
	t.Setenv("MPBLOCK_APPID", "wx0123456789abcdef")
	t.Setenv("MPBLOCK_SECRET", "x")
	t.Chdir(t.TempDir())
}

func TestWhatAServerSendsIsShownWithoutControlCharacters(t *testing.T) {
	hostile(t)
	if err := os.WriteFile("empty.txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"list", "list --format csv", "list --format ndjson", "diff empty.txt", "block o6_bmjrPTlm6_2sgVt7hMZOPfL2M --any-prefix", "probe",
	} {
		code, out, errs := command(t, strings.Fields(args)...)
		for _, text := range []string{out, errs} {
			if at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("%s prints %q", args, text)
			}
		}
		switch lines := strings.Split(strings.TrimSpace(out), "\n"); {
		case args == "list --format ndjson":
			var v struct{ OpenID string }
			if err := json.Unmarshal([]byte(out), &v); err != nil || len(lines) != 1 || code != 0 {
				t.Errorf("%s exits with %d and prints %q, %v", args, code, out, err)
			}
		case args == "list" && (len(lines) != 1 || lines[0] != "o�]0;title���}�{�x��2J"):
			t.Errorf("%s prints %q", args, out)
		case strings.HasPrefix(args, "block") && (code != 7 || !strings.Contains(errs, "48001 o�]0;title")):
			t.Errorf("%s exits with %d and prints %q", args, code, errs)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for s, want := range map[string]string{
		"http://host": "http://host", "https://host/": "https://host", "https://host:1/a/b//": "https://host:1/a/b",
		"127.0.0.1:8080": "http://127.0.0.1:8080", "localhost:8080/": "http://localhost:8080", "[::1]:8080": "http://[::1]:8080", "127.9.9.9": "http://127.9.9.9",
	} {
		if got, err := baseURL(s); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", s, got, err, want)
		}
	}
	for s, hint := range map[string]string{
		"": "", "http://": "", "http://ho st": "", "api.weixin.qq.com": "--server https://api.weixin.qq.com",
		"192.168.1.1:8080": "--server https://192.168.1.1:8080", "127.0.0.1.example.com": "--server https://127.0.0.1.example.com",
		"http://host/cgi-bin": "--server http://host", "127.0.0.1:8080/cgi-bin/": "--server http://127.0.0.1:8080",
	} {
		got, err := baseURL(s)
		var f ui.Failure
		if !errors.As(err, &f) || f.Code != ui.CodeUsage || f.Hint != hint {
			t.Errorf("%q is taken as %q, %v, hint %q", s, got, err, f.Hint)
		}
	}
}

func TestReadSecret(t *testing.T) {
	const secret = "5eedda7a5eedda7a5eedda7a5eedda7a"
	name := filepath.Join(t.TempDir(), "secret")
	for text, good := range map[string]bool{
		secret: true, secret + "\n": true, "\ufeff" + secret + "\r\n": true, " \t" + secret + "\n\n": true,
		"": false, "\ufeff\n": false, secret + "\n" + secret: false, "\xff\xfe5\x00e\x00": false, secret + "\u200b": false,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := access{SecretFile: name}.readSecret()
		if good != (err == nil) || good && got != secret {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%q: %v", text, err)
		}
	}
	t.Setenv("MPBLOCK_SECRET", "\ufeff"+secret+"\n")
	if got, err := (access{}).readSecret(); got != secret || err != nil {
		t.Errorf("from the environment: %q, %v", got, err)
	}
}

// A certificate that is not trusted is told with what to do about it.
func TestUntrustedCertificate(t *testing.T) {
	ts := httptest.NewUnstartedServer(http.NotFoundHandler())
	ts.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.StartTLS()
	defer ts.Close()
	t.Setenv("MPBLOCK_SECRET", "x")
	code, _, errs := command(t, "list", "--server", ts.URL, "--appid", "wx0123456789abcdef")
	if code != ui.CodeFailed || !strings.Contains(errs, "hint: if it is the right server, trust its certificate: SSL_CERT_FILE=FILE") {
		t.Errorf("it exits with %d and prints %q", code, errs)
	}
}
