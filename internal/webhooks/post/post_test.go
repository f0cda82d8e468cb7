package post

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
)

// The vector is that of the specification's own library for Go.
func TestSign(t *testing.T) {
	got, err := sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("sign = %s, %v, want %s", got, err, want)
	}
	if _, err := sign("whsec_***", "m", time.Unix(0, 0), nil); err == nil || strings.Contains(err.Error(), "***") {
		t.Errorf("sign with a secret that is none: %v, want an error without it", err)
	}
	if a, b := NewSecret(), NewSecret(); a == b || !strings.HasPrefix(a, "whsec_") || len(a) != 6+44 {
		t.Errorf("NewSecret = %s and %s", a, b)
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8:443": true, "[2606:4700::1]:443": true, "[::ffff:8.8.8.8]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "10.1.2.3:443": false, "172.16.0.1:1": false, "192.168.1.1:1": false,
		"169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "[fd00::1]:80": false, "[::ffff:127.0.0.1]:80": false,
		"0.0.0.0:80": false, "[::]:80": false, "100.64.0.1:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false,
		"[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "[::7f00:1]:80": false, "localhost:80": false,
	} {
		if got := public(address) == nil; got != want {
			t.Errorf("public(%s) = %v, want %v", address, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	closed, open := New(false), New(true)
	for text, want := range map[string][2]bool{ // without and with the flag
		"https://example.com/hook?x=1": {true, true}, "https://8.8.8.8:8443/": {true, true},
		"http://example.com/": {false, true}, "https://127.0.0.1/": {false, true}, "https://[::1]:1/": {false, true},
		"https://localhost/": {false, true}, "https://a.LOCALHOST./": {false, true},
		"": {}, "example.com": {}, "ftp://example.com/": {}, "https://": {}, "https://u:p@example.com/": {}, "https://example.com/#x": {},
		"https:example.com": {}, "https://example.com/" + strings.Repeat("x", longestURL): {},
	} {
		for i, c := range []*Client{closed, open} {
			err := c.Check(text)
			var refused *mpblock.Error
			if (err == nil) != want[i] || err != nil && !errors.As(err, &refused) {
				t.Errorf("Check(%.40q) with private %v = %v, want ok %v", text, c.private, err, want[i])
			}
			if err != nil && strings.Contains(err.Error(), ":p@") {
				t.Errorf("the password is in %v", err)
			}
		}
	}
}

func TestSend(t *testing.T) {
	elsewhere := atomic.Int32{}
	mux := http.NewServeMux()
	code := func(path string, status int) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	code("/ok", 204)
	code("/gone", 410)
	code("/fails", 500)
	mux.HandleFunc("/target", func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	mux.HandleFunc("POST /moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/target", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /later", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(429)
	})
	mux.HandleFunc("POST /cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	secured := httptest.NewUnstartedServer(mux)
	secured.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake that fails is what is tested
	secured.StartTLS()
	defer secured.Close()
	m := Message{"msg_1", []byte(`{}`)}
	open := New(true)
	for _, tt := range []struct {
		url  string
		want Result
	}{
		{srv.URL + "/ok", Result{Code: 204}},
		{srv.URL + "/gone", Result{Fault: Gone, Code: 410}},
		{srv.URL + "/fails", Result{Fault: Status, Code: 500}},
		{srv.URL + "/none", Result{Fault: Status, Code: 404}},
		{srv.URL + "/moved", Result{Fault: Redirect, Code: 307}},
		{srv.URL + "/later", Result{Fault: Status, Code: 429, After: 2 * time.Minute}},
		{srv.URL + "/cut", Result{Fault: Unreachable}},
		{secured.URL + "/ok", Result{Fault: Insecure}},
		{strings.Replace(srv.URL, "http:", "https:", 1), Result{Fault: Insecure}},
		{"http://127.0.0.1:1/", Result{Fault: Unreachable}},
	} {
		got, err := open.Send(t.Context(), tt.url, []string{NewSecret()}, m, time.Unix(1, 0))
		got.Took = 0
		if got != tt.want || err != nil {
			t.Errorf("Send to %s = %+v, %v, want %+v", tt.url, got, err, tt.want)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	// A name is looked at by what it leads to when the connection is made.
	for _, host := range []string{"127.0.0.1", "localhost"} {
		to := strings.Replace(srv.URL, "127.0.0.1", host, 1) + "/ok"
		if got, err := New(false).Send(t.Context(), to, []string{NewSecret()}, m, time.Unix(1, 0)); got.Fault != Private || err != nil {
			t.Errorf("Send to %s without leave = %+v, %v, want %s", to, got, err, Private)
		}
	}
}

// roundTrip is a RoundTripper that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSendHeaders(t *testing.T) {
	var got http.Header
	c := Over(roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("")), Header: http.Header{}}, nil
	}), false)
	secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	if _, err := c.Send(t.Context(), "https://example.com/", []string{NewSecret(), secret}, Message{"msg_p5jXN8AQM9LWM0D4loKWxJek", []byte(`{"test": 2432232314}`)}, time.Unix(1614265330, 0)); err != nil {
		t.Fatal(err)
	}
	both := strings.Fields(got.Get("webhook-signature"))
	if len(both) != 2 || both[1] != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" || got.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" || got.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("headers %v", got)
	}
}

func TestSendHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Over(roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}), false)
		got, err := c.Send(t.Context(), "https://example.com/", []string{NewSecret()}, Message{}, time.Unix(1, 0))
		if want := (Result{Fault: Timeout, Took: Patience}); got != want || err != nil {
			t.Errorf("Send = %+v, %v, want %+v", got, err, want)
		}
	})
}
