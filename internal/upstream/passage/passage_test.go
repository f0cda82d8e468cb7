package passage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/upstream/passage"
	"mpblock/internal/upstream/source"
)

// platform is one that answers as a test says, and keeps the calls that came but for
// tokens, which are token-1, token-2 and on.
type platform struct {
	mu     sync.Mutex
	answer func(w http.ResponseWriter, token string)
	calls  []string
	tokens int
}

// says has it answer otherwise from now on, and forget the calls.
func (p *platform) says(answer func(w http.ResponseWriter, token string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.calls = answer, nil
}

func (p *platform) came() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "_token") {
		p.tokens++
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":7200}`, p.tokens)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.calls = append(p.calls, fmt.Sprintf("%s %s %s %d %.20s|%s", r.Method, r.URL, r.Header.Get("Content-Type"), len(body), body, r.Header.Get("Cookie")))
	p.answer(w, r.URL.Query().Get("access_token"))
}

func (p *platform) client(t *testing.T) *client.Client {
	t.Helper()
	ts := httptest.NewServer(p)
	t.Cleanup(ts.Close)
	c, err := client.New("wx0123456789abcdef", "s", client.WithBaseURL(ts.URL), client.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "secret")
	return r
}

// A call goes as it came, with the platform's token alone; one that is dead is got anew once.
func TestSend(t *testing.T) {
	t.Parallel()
	p := &platform{answer: func(w http.ResponseWriter, token string) {
		if token == "token-1" {
			fmt.Fprint(w, `{"errcode":42001,"errmsg":"access_token expired"}`)
			return
		}
		fmt.Fprint(w, `{"errcode":45009,"errmsg":"no"}`)
	}}
	a, err := passage.Send(t.Context(), p.client(t), request(t, "POST", "/cgi-bin/menu/create?x=a%26b&access_token=mine&Access_Token=mine", strings.NewReader(`{"a":1}`)))
	if err != nil || a.Code != 45009 {
		t.Fatalf("%v: %+v", err, a)
	}
	text, err := io.ReadAll(a.Body)
	if err != nil || string(text) != `{"errcode":45009,"errmsg":"no"}` {
		t.Errorf("%v: %s", err, text)
	}
	const want = `POST /cgi-bin/menu/create?access_token=token-%d&x=a%%26b application/json 7 {"a":1}|`
	if calls := p.came(); len(calls) != 2 || calls[0] != fmt.Sprintf(want, 1) || calls[1] != fmt.Sprintf(want, 2) {
		t.Errorf("%q", calls)
	}
	p.says(func(w http.ResponseWriter, _ string) { fmt.Fprint(w, `{"errcode":40001,"errmsg":"dead"}`) })
	if _, err = passage.Send(t.Context(), p.client(t), request(t, "GET", "/cgi-bin/menu/get", http.NoBody)); !errors.Is(err, client.ErrInvalidToken) || len(p.came()) != 2 {
		t.Errorf("every token is dead: %v, %q", err, p.came())
	}
}

// That this server's token is dead is no answer for who has asked; and the next call has
// another, also where this one cannot be sent again.
func TestDeadTokens(t *testing.T) {
	t.Parallel()
	for _, code := range []int{40001, 40014, 42001, 42007} {
		p := &platform{answer: func(w http.ResponseWriter, token string) {
			if token == "token-1" {
				fmt.Fprintf(w, `{"errcode":%d,"errmsg":"dead"}`, code)
			}
		}}
		c := p.client(t)
		long := func() *http.Request {
			return request(t, "POST", "/cgi-bin/media/upload", strings.NewReader(strings.Repeat("y", 2<<20)))
		}
		var refused *client.Error
		if a, err := passage.Send(t.Context(), c, long()); !errors.As(err, &refused) || refused.Code != code || len(p.came()) != 1 {
			t.Errorf("%d: %v, %+v, %d calls", code, err, a, len(p.came()))
		}
		if a, err := passage.Send(t.Context(), c, long()); err != nil || a.Code != 0 || len(p.came()) != 2 {
			t.Errorf("after %d: %v, %+v, %d calls", code, err, a, len(p.came()))
		}
	}
	p := &platform{answer: func(w http.ResponseWriter, _ string) { fmt.Fprint(w, `{"errcode":42001,"errmsg":"dead"}`) }}
	ts := httptest.NewServer(p)
	defer ts.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("76_abc-DEF"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := source.Spec{File: file}.Options(http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New("", "", append(o, client.WithBaseURL(ts.URL))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = passage.Send(t.Context(), c, request(t, "GET", "/cgi-bin/menu/get", http.NoBody))
	if e := new(mpblock.Error); !errors.As(err, &e) || e.Key != "source.dead" || !errors.Is(err, client.ErrTokenExpired) {
		t.Errorf("there is no other: %v", err)
	}
}

// Nor is it one that the address of this server is refused: the answer names it.
func TestRefusedAddress(t *testing.T) {
	t.Parallel()
	for _, code := range []int{40164, 61004, 41001, 89503} {
		p := &platform{answer: func(w http.ResponseWriter, _ string) {
			fmt.Fprintf(w, `{"errcode":%d,"errmsg":"invalid ip 203.0.113.7, not in whitelist"}`, code)
		}}
		a, err := passage.Send(t.Context(), p.client(t), request(t, "GET", "/cgi-bin/menu/get", http.NoBody))
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Code != code || !passage.Ours(refused) || strings.Contains(err.Error(), "203") || len(p.came()) != 1 {
			t.Errorf("%d: %v, %+v", code, err, a)
		}
	}
}

// Bodies and answers of any kind go through, up to a limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	p := &platform{}
	c := p.client(t)
	for _, tt := range []struct {
		in, out int
		chunks  bool
		key     string // of the error
		cut     bool
	}{
		{in: 0, out: 100}, {in: 3 << 20, out: 3 << 20}, {in: 3 << 20, out: 1, chunks: true},
		{in: 33 << 20, key: "passage.long"}, {in: 33 << 20, chunks: true, key: "passage.long"},
		{out: 65 << 20, cut: true},
	} {
		p.says(func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(bytes.Repeat([]byte("x"), tt.out))
		})
		var body io.Reader = bytes.NewReader(bytes.Repeat([]byte("y"), tt.in))
		r := request(t, "POST", "/cgi-bin/media/upload", body)
		if tt.chunks {
			r.ContentLength = -1
		}
		a, err := passage.Send(t.Context(), c, r)
		var e *mpblock.Error
		if errors.As(err, &e) != (tt.key != "") || e != nil && e.Key != tt.key {
			t.Errorf("%+v: %v", tt, err)
		}
		if err != nil {
			continue
		}
		text, err := io.ReadAll(a.Body)
		if (err != nil) != tt.cut || !tt.cut && len(text) != tt.out || len(p.came()) != 1 || !strings.Contains(p.came()[0], fmt.Sprintf(" %d y", tt.in)) && tt.in > 0 {
			t.Errorf("%+v: %v, %d bytes came, %q", tt, err, len(text), p.came())
		}
		_ = a.Body.Close()
	}
}

// An answer that is lost is told as such, and nothing is sent twice; no token is shown.
func TestLost(t *testing.T) {
	t.Parallel()
	p := &platform{answer: func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) }}
	_, err := passage.Send(t.Context(), p.client(t), request(t, "POST", "/cgi-bin/menu/create", strings.NewReader("{}")))
	if e := new(mpblock.Error); !errors.As(err, &e) || e.Key != "passage.lost" || strings.Contains(err.Error(), "token-1") || len(p.came()) != 1 {
		t.Errorf("%v, %q", err, p.came())
	}
}
