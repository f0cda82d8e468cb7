package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"mpblock/internal/access"
	"mpblock/internal/feed"
	"mpblock/internal/memstore"
)

// TestEndOfServer stops a server under a stream, a long poll and a reader that does not
// read.
func TestEndOfServer(t *testing.T) {
	var log bytes.Buffer
	s, err := Open(t.Context(), Config{Store: memstore.New(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	a, secret, err := s.Access().AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := s.Access().Token(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(a.AppID), Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	var ends []func() (string, error)
	for _, query := range []string{"?wait=60s", ""} {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		accept := "text/event-stream"
		if query != "" {
			accept = "*/*"
		}
		_, _ = fmt.Fprintf(conn, "GET /v1/accounts/%s/changes%s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nAuthorization: Bearer %s\r\n\r\n", a.AppID, query, accept, tok.Value)
		ends = append(ends, func() (string, error) {
			all, err := io.ReadAll(conn)
			return string(all), err
		})
	}
	for s.now().feed.Waiting() < 2 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	for i, end := range ends {
		got, err := end()
		if err != nil || !strings.Contains(got, "200 OK") {
			t.Errorf("%d: %q, %v", i, got, err)
		}
		if i == 1 && !strings.HasSuffix(got, "0\r\n\r\n") {
			t.Errorf("the stream ends with %q", got)
		}
	}
	if strings.Contains(log.String(), "cut") {
		t.Errorf("somebody was cut:\n%s", log.String())
	}
}

// Who follows the changes of an emulator that goes back is to ask again.
func TestResetEndsStreams(t *testing.T) {
	s, err := Open(t.Context(), Config{Emulate: &Emulation{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := s.now().feed.Follow("wx0123456789abcdef")
	defer f.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := f.Next(t.Context(), feed.At(0), 1)
		ended <- err
	}()
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, feed.ErrStopped) {
		t.Errorf("%v, want that it is to ask again", err)
	}
}
