package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mpblock/internal/memstore"
)

// Connections of calls that do not pass through net/http have their places among all
// others: those that are idle make room, and an end closes them at once.
func TestDirectConnectionsAreCapped(t *testing.T) {
	const most = 3
	var log bytes.Buffer
	w := openWorld(t, Config{Store: memstore.New(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil))})
	w.conns = most
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	ask := func(request string) *bufio.Reader {
		t.Helper()
		c, err := net.Dial("tcp", w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
		_, _ = io.WriteString(c, request)
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", res.Status, err)
		}
		return in
	}
	call := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", w.path("getblacklist"))
	other := "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
	var last *bufio.Reader
	for i := range 4 * most { // each beyond the first few makes an idle one end
		if last = ask(call); i%2 == 1 {
			ask(other)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := last.ReadByte(); err == nil {
		t.Error("a connection is open after the end")
	}
	if text := log.String(); strings.Count(text, "level=WARN") != 1 || strings.Contains(text, "are cut") {
		t.Errorf("said: %s", text)
	}
}
