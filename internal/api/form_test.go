package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// Programs post a form to get a token; what the query has comes first.
func TestTokenByForm(t *testing.T) { synctest.Test(t, tokenByForm) }

func tokenByForm(t *testing.T) {
	f := newFixture(t)
	post := func(query, kind, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/cgi-bin/token"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	const form = "application/x-www-form-urlencoded"
	good := "grant_type=client_credential&appid=" + f.words["APPID"] + "&secret=" + f.words["SECRET"]
	for _, tt := range []struct{ name, query, kind, body, want string }{
		{"a form", "", form, good, `"expires_in":7200`},
		{"with a charset", "", form + "; charset=UTF-8", good + "\r\n", `"expires_in":7200`},
		{"a part of it in the query", "?secret=" + f.words["SECRET"], form, strings.Replace(good, f.words["SECRET"], "", 1), `"expires_in":7200`},
		{"the query comes first", "?secret=wrong", form, good, `"errcode":40125`},
		{"no form", "", "text/plain", good, `"errcode":41002`},
		{"nothing", "", form, "", `"errcode":41002`},
	} {
		if got := post(tt.query, tt.kind, tt.body); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
