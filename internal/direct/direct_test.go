package direct_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/internal/direct"
)

const path = "/cgi-bin/list"

// door is a server with a Listener in front of it, which waits a time for the rest of a request.
type door struct {
	*direct.Listener
	srv    *http.Server
	ended  atomic.Int64
	byHTTP atomic.Int64 // requests that net/http took
}

func open(tb testing.TB, h http.HandlerFunc, part time.Duration) *door {
	tb.Helper()
	return openWith(tb, h, direct.Options{First: time.Minute, Part: part})
}

func openWith(tb testing.TB, h http.HandlerFunc, o direct.Options) *door {
	tb.Helper()
	d := &door{}
	o.Handler, o.Takes, o.Idle, o.Write = h, func(p string) bool { return p == path }, time.Minute, time.Minute
	o.Ended, o.Log = func() { d.ended.Add(1) }, slog.New(slog.DiscardHandler)
	d.Listener = direct.Listen(listen(tb), o)
	d.srv = &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.byHTTP.Add(1)
		h(w, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = d.srv.Serve(d) }()
	tb.Cleanup(func() {
		_ = d.srv.Close()
		if err := d.Shutdown(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
		<-done
	})
	return d
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func dial(t *testing.T, to net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// echo answers with all that a handler may see of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("X-Err", fmt.Sprint(err))
	w.Header().Set("Content-Type", "text/plain")
	if r.URL.Query().Get("status") != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	head, _, _ := strings.Cut(r.RemoteAddr, ":")
	said := fmt.Sprintf("%s %s %q %s %q %d %v %q", r.Method, r.URL.Path, r.URL.RawQuery, head, r.Host, r.ContentLength, r.Header, body)
	if r.URL.Query().Get("pieces") == "" {
		_, _ = io.WriteString(w, said)
		return
	}
	pieces := net.Buffers{[]byte(said), []byte("; "), []byte("in pieces")}
	w.Header().Set("Content-Length", fmt.Sprint(len(said)+len("; in pieces")))
	_, _ = w.(io.ReaderFrom).ReadFrom(&pieces)
}

func post(query, more, body string) string {
	return fmt.Sprintf("POST %s%s HTTP/1.1\r\nHost: h:1\r\nContent-Type: a\r\n%sContent-Length: %d\r\n\r\n%s", path, query, more, len(body), body)
}

var anyDate = regexp.MustCompile("Date: [^\r]*")

// said is all that comes back for what is sent.
func said(t *testing.T, to net.Listener, parts ...string) string {
	t.Helper()
	c := dial(t, to)
	for _, part := range parts {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return anyDate.ReplaceAllString(string(all), "Date: X")
}

// Whatever is sent, what comes back is what net/http alone says, byte for byte.
func TestSameAsHTTP(t *testing.T) {
	d := open(t, echo, 0)
	plain := listen(t)
	srv := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(plain) }()
	t.Cleanup(func() { _ = srv.Close() })
	last := "GET " + path + "?last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	smuggled := post("", "", "smuggled")
	for _, x := range []struct {
		sent    string
		foreign bool
	}{
		{sent: post("", "", "{}")},
		{sent: post("?a=b%20c&pieces=1", "", "{}") + post("?pieces=1", "Connection: keep-alive\r\n", "")},
		{sent: post("", "", "one") + post("", "", "two") + post("", "A: b\r\n", "three") + post("", "", "two")},
		{sent: "GET " + path + "?x HTTP/1.1\r\nHost: h\r\n\r\nPOST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{sent: post("?status=1", "", "{}")},
		{sent: post("?pieces=1", "", strings.Repeat("x", 16<<10))},
		{sent: post("?pieces=1", "", strings.Repeat("x", 16<<10+1)), foreign: true},
		{sent: post("", "B: "+strings.Repeat("x", 9<<10)+"\r\n", "{}"), foreign: true},
		{sent: post("", "Connection: close\r\n", "{}"), foreign: true},
		{sent: post("", "Expect: 100-continue\r\n", "{}"), foreign: true},
		{sent: post("", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), foreign: true},
		{sent: post("", "Content-Length: 3\r\n", "{}"), foreign: true},
		{sent: post("", "Content-Length: 8\r\n", smuggled), foreign: true},
		{sent: post("", "A: b\r\n c: d\r\n", "{}"), foreign: true},
		{sent: post("", "A: b\x01c\r\n", "{}"), foreign: true},
		{sent: post("", "A : b\r\n", "{}"), foreign: true},
		{sent: post("", "A: b\n\n", smuggled), foreign: true},
		{sent: post("", "A: b\rc\r\n", "{}"), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "Host: h:1\r\n", "", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "h:1", "h/1", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "Length: 2", "Length: +2", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "Length: 2", "Length: -2", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "HTTP/1.1", "HTTP/1.0", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "HTTP/1.1", "HTTP/2.0", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "list", "%6cist", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "list", "lists", 1), foreign: true},
		{sent: strings.Replace(post("", "", "{}"), "POST", "HEAD", 1), foreign: true},
		{sent: strings.ReplaceAll(post("", "", "{}"), "\r\n", "\n"), foreign: true},
		{sent: "\r\n" + post("", "", "{}"), foreign: true},
		{sent: "GE", foreign: true},
		{sent: post("", "", "{}")[:60], foreign: true},
		{sent: "\x16\x03\x01", foreign: true},
		{sent: ""},
	} {
		before := d.byHTTP.Load()
		got, want := said(t, d, x.sent), said(t, plain, x.sent)
		if got != want {
			t.Errorf("%.200q:\ngot  %.300q\nwant %.300q", x.sent, got, want)
		}
		if !x.foreign && d.byHTTP.Load() != before {
			t.Errorf("%.300q was handed on", x.sent)
		}
		if strings.Contains(want, "Connection: close") {
			continue
		}
		if got, want := said(t, d, x.sent, last), said(t, plain, x.sent, last); got != want {
			t.Errorf("%.200q, and one more:\ngot  %.300q\nwant %.300q", x.sent, got, want)
		}
	}
}

// A request that comes in parts is answered when it is whole.
func TestParts(t *testing.T) {
	d := open(t, echo, time.Minute)
	c := dial(t, d)
	in := bufio.NewReader(c)
	for i := range 3 {
		for b := range strings.SplitSeq(post("", "", fmt.Sprint("body ", i)), "") {
			_, _ = io.WriteString(c, b)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); !strings.HasSuffix(string(body), fmt.Sprintf(`"body %d"`, i)) {
			t.Errorf("answer %d: %s", i, body)
		}
		_ = res.Body.Close()
	}
	if d.byHTTP.Load() != 0 {
		t.Error("it was handed on")
	}
}

// One whose rest is late is net/http's, with its own time limits, and nothing of it is lost.
func TestLate(t *testing.T) {
	begun := make(chan struct{}, 1)
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		echo(w, r)
	}, time.Millisecond)
	c := dial(t, d)
	whole := post("", "", "the body")
	_, _ = io.WriteString(c, whole[:len(whole)-4])
	<-begun
	_, _ = io.WriteString(c, whole[len(whole)-4:])
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); !strings.HasSuffix(string(body), `"the body"`) || d.byHTTP.Load() != 1 {
		t.Errorf("%s, %d times by net/http", body, d.byHTTP.Load())
	}
}
