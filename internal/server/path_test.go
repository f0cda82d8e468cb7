package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock/internal/access"
	"mpblock/internal/memstore"
)

// nobody is a client that takes an answer without looking at it.
type nobody struct{ head http.Header }

func (n nobody) Header() http.Header         { return n.head }
func (n nobody) WriteHeader(int)             {}
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkPath measures all of a page's path but the list and the network: routing,
// token, body, answer, the line in the log and the metrics.
func BenchmarkPath(b *testing.B) {
	s, err := Open(b.Context(), Config{
		Store: memstore.New(), PageSize: 1, Demo: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	token, err := s.Access().Token(context.Background(), access.Credentials{GrantType: "client_credential", AppID: string(DemoAppID), Secret: DemoSecret})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/cgi-bin/tags/members/getblacklist?access_token="+token.Value, nil)
	w := nobody{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(`{"begin_openid":""}`))
		s.Handler().ServeHTTP(w, r)
	}
}
