package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock/internal/api"
	"mpblock/internal/listcache"
	"mpblock/internal/memstore"
	"mpblock/internal/ops"
	"mpblock/internal/platform"
)

// nobody is a client that takes an answer without looking at it.
type nobody struct{ head http.Header }

func (n nobody) Header() http.Header         { return n.head }
func (n nobody) WriteHeader(int)             {}
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkPath measures all of a page's path but the list and the network: routing,
// token, body, answer, the line in the log and the metrics.
func BenchmarkPath(b *testing.B) {
	s := &server{metrics: ops.New("test"), calls: newLogger("text", io.Discard)}
	store := s.metrics.Wrap(listcache.New(memstore.New(), 1<<20))
	if err := fillDemo(b.Context(), store); err != nil {
		b.Fatal(err)
	}
	p, err := platform.Open(b.Context(), store, platform.Options{PageSize: 1})
	if err != nil {
		b.Fatal(err)
	}
	s.platform = p
	token, err := p.Token(context.Background(), platform.Credentials{GrantType: "client_credential", AppID: string(demoAppID), Secret: demoSecret})
	if err != nil {
		b.Fatal(err)
	}
	calls := api.New(api.Options{Platform: p, Observe: s.observe})
	r := httptest.NewRequest(http.MethodPost, "/cgi-bin/tags/members/getblacklist?access_token="+token.Value, nil)
	w := nobody{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(`{"begin_openid":""}`))
		calls.ServeHTTP(w, r)
	}
}
