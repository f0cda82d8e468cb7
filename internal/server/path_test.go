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
	"mpblock/internal/access/programs"
	"mpblock/internal/memstore"
)

// nobody is a client that takes an answer without looking at it.
type nobody struct{ head http.Header }

func (n nobody) Header() http.Header         { return n.head }
func (n nobody) WriteHeader(int)             {}
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkPath measures all of a page's path but the list and the network: routing,
// token, body, answer, the line in the log and the metrics; with a token that was got with
// the account's own secret, and with one of a program.
func BenchmarkPath(b *testing.B) {
	s, err := Open(b.Context(), Config{
		Store: memstore.New(), PageSize: 1, Demo: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	_, crm, err := s.Access().AddProgram(b.Context(), DemoAppID, programs.New{Name: "crm", Scopes: programs.Scopes()})
	if err != nil {
		b.Fatal(err)
	}
	for _, who := range []struct{ name, secret string }{{"account", DemoSecret}, {"program", crm}} {
		token, err := s.Access().Token(context.Background(), access.Credentials{GrantType: "client_credential", AppID: string(DemoAppID), Secret: who.secret})
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/cgi-bin/tags/members/getblacklist?access_token="+token.Value, nil)
		w := nobody{http.Header{}}
		b.Run(who.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(`{"begin_openid":""}`))
				s.Handler().ServeHTTP(w, r)
			}
		})
	}
}
