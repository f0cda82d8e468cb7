package direct_test

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard is what handlers were asked, in its order.
type heard struct {
	mu   sync.Mutex
	said []string
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	form := "" // what one request leaves in it must not be there for the next one
	if r.URL.RawQuery == "form" {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		_ = r.ParseForm()
		form = r.Form.Encode()
	}
	said := fmt.Sprintf("%s %q %s %q %d %v %v %.200v %d %.200q %v %.200q", r.Method, r.RequestURI, r.URL, r.Host, r.ContentLength,
		r.TransferEncoding, r.Close, r.Header, len(body), body, err, form)
	h.mu.Lock()
	h.said = append(h.said, said)
	h.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	switch r.URL.RawQuery {
	case "204", "304":
		w.WriteHeader(map[string]int{"204": 204, "304": 304}[r.URL.RawQuery])
	case "odd":
		w.WriteHeader(599)
	case "late":
		_, _ = io.WriteString(w, "late ")
		w.WriteHeader(http.StatusBadGateway)
	case "none":
		return
	case "abort":
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, said)
}

// took returns what was asked since it was called last.
func (h *heard) took() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	said := h.said
	h.said = nil
	return said
}

// sent sends bytes in pieces and returns what comes back, and whether that is all of it:
// what a server has said before it breaks off may be lost on its way.
func sent(tb testing.TB, to net.Listener, what string, r *rand.Rand) (answers string, whole bool) {
	tb.Helper()
	c, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		tb.Fatal(err)
	}
	whole = true
	for most := 1 << r.IntN(12); len(what) > 0 && whole; {
		n := min(1+r.IntN(most), len(what))
		_, err := io.WriteString(c, what[:n])
		what, whole = what[n:], err == nil
	}
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	return anyDate.ReplaceAllString(string(all), "Date: X"), whole && err == nil
}

// Words of which streams are made: much of it means something to some reader of HTTP.
var (
	targets = []string{path, path, path, path, path + "?a=b&a=c", path + "?form", path + "?204", path + "?304", path + "?odd", path + "?late", path + "?none",
		path + "?abort", "/cgi-bin/lists", "/cgi-bin/%6cist", "/cgi-bin/list%2f", "/cgi-bin//list", "/cgi-bin/../cgi-bin/list", "//cgi-bin/list", "http://h" + path, "/", "*", path + "#x", path + "?%zz", path + ";a"}
	hosts = []string{"h", "h", "h", "h:80", "[::1]:80", "", "a b", `a"b`, "a<b", "a{b", "a|b", "a^b", "a`b", "a@b", "a,b", "a%b", "a\\b", "ä"}
	lines = []string{"Content-Type: a", "Content-Type: application/x-www-form-urlencoded", "content-length: 3", "Content-Length: 3", "CONTENT-LENGTH: 03", "Content-Length: 0x3",
		"Content-Length: 3, 3", "Content-Length: +3", "Content-Length: ", "Content-Length:3", "Content-Length : 3", "Content-Length:\t3\t", "Content_Length: 9", "Content-Length: 99999999999999999999",
		"Transfer-Encoding: chunked", "transfer-encoding: Chunked", "Transfer-Encoding: identity", "Transfer-Encoding : chunked", "Transfer_Encoding: chunked", "Transfer-Encoding:\x0bchunked",
		"Connection: keep-alive", "Connection: close", "Connection: Keep-Alive", "Connection: keep-alive, close", "Connection: upgrade", "Connection:", "Upgrade: h2c", "Expect: 100-continue", "Expect: x",
		"Trailer: A", "TE: trailers", "A: b", "a: c", "A:", ": b", "A", "A : b", " A: b", "A: b\r\n c", "A: b\x00c", "A: b\x7fc", "A: \x80", "A\x80: b", "(A): b", "A: b\rc", "A: b\nC: d", "X-Forwarded-For: 1.2.3.4",
		"Host: h", "Host: other", "Pragma: no-cache", "B: " + strings.Repeat("x", 8<<10), "Content-Length: 16384", "Content-Length: 16385"}
	bodies = []string{"", "", "{}", "a=b", "a=b&c=d", "abc", "\r\n", "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "GET " + path + " HTTP/1.1\r\nHost: smuggled\r\n\r\n"}
)

func any1(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }

// stream makes some requests, most of which are almost right.
func stream(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		body := any1(r, bodies)
		if r.IntN(20) == 0 {
			body = strings.Repeat("x", 16383+r.IntN(3))
		}
		method, version := "POST", "HTTP/1.1"
		switch r.IntN(24) {
		case 0, 1, 2:
			method = "GET"
		case 3:
			method = any1(r, []string{"HEAD", "post", "PUT", "PRI", "GET\t", ""})
		case 4:
			version = any1(r, []string{"HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/01.1", "http/1.1", "HTTP/1.1 ", ""})
		}
		head := []string{"Host: " + any1(r, hosts[:3])}
		if r.IntN(8) == 0 {
			head[0] = "Host: " + any1(r, hosts)
		}
		if r.IntN(40) == 0 {
			head = nil
		}
		if body != "" && r.IntN(10) > 0 {
			head = append(head, fmt.Sprintf("Content-Length: %d", len(body)))
		}
		for range max(0, r.IntN(5)-2) {
			head = append(head, any1(r, lines))
		}
		r.Shuffle(len(head), func(i, j int) { head[i], head[j] = head[j], head[i] })
		end := "\r\n"
		if r.IntN(40) == 0 {
			end = "\n"
		}
		one := method + " " + any1(r, targets) + " " + version + end + strings.Join(append(head, ""), end) + end + body
		b.WriteString(one)
		if r.IntN(4) == 0 { // the same again
			b.WriteString(one)
		}
		if r.IntN(8) == 0 {
			b.WriteString(any1(r, []string{"\r\n", "\n", "\r\n\r\n", "\r\n\r\n\r\n", "\x00", "X"}))
		}
	}
	s := b.String()
	switch r.IntN(12) {
	case 0:
		s = s[:r.IntN(len(s)+1)]
	case 1:
		at := r.IntN(len(s))
		s = s[:at] + string([]byte{byte(r.IntN(256))}) + s[at+1:]
	}
	return s
}

const refusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

// Handlers hear the same of any stream of bytes, however it is cut, and so does who sent
// it, as from net/http alone.
func FuzzSameAsHTTP(f *testing.F) {
	hear, plainly := &heard{}, &heard{}
	d := open(f, hear.ServeHTTP, 0)
	plain := listen(f)
	srv := &http.Server{Handler: plainly, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = srv.Serve(plain) }()
	f.Cleanup(func() { _ = srv.Close() })
	for seed := range uint64(400) {
		f.Add(stream(rand.New(rand.NewPCG(seed, 1))), seed)
	}
	f.Fuzz(func(t *testing.T, what string, seed uint64) {
		got, all := sent(t, d, what, rand.New(rand.NewPCG(seed, 2)))
		want, allWanted := sent(t, plain, what, rand.New(rand.NewPCG(seed, 3)))
		asked, meant := hear.took(), plainly.took()
		if strings.Join(asked, "\n") != strings.Join(meant, "\n") {
			t.Errorf("%.600q: handlers hear\n%.900s\nwant\n%.900s", what, strings.Join(asked, "\n"), strings.Join(meant, "\n"))
		}
		if strings.TrimSuffix(got, refusal) == want {
			return // net/http waits for four bytes of another request before it refuses them
		}
		if all && allWanted && got != want || !strings.HasPrefix(got, want) && !strings.HasPrefix(want, got) {
			t.Errorf("%.600q:\ngot  %.900q\nwant %.900q", what, got, want)
		}
	})
}
