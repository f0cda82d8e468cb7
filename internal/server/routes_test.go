package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock/internal/memstore"
)

// Whatever path of the platform a client asks for is answered in JSON; pages are for
// browsers.
func TestPathsOfThePlatform(t *testing.T) {
	w := openWorld(t, Config{Store: memstore.New()})
	ask := func(method, path, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(""))
		r.Header.Set("Accept", accept)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return rec
	}
	for _, tt := range []struct {
		method, path, accept string
		status               int
		want                 string
	}{
		{"GET", "//cgi-bin/token", "*/*", 200, `"errcode":41002`},
		{"POST", "/cgi-bin//stable_token", "", 200, `"errcode":44002`},
		{"GET", "/sns/userinfo?access_token=x", "application/json", 200, `{"errcode":40066,"errmsg":"invalid url"}`},
		{"POST", "/wxa/business/getuserphonenumber", "", 200, `"errcode":40066`},
		{"POST", "/datacube/getusersummary", "*/*", 200, `"errcode":40066`},
		{"GET", "/nothing", "text/html,*/*", 404, "<html"},
		{"GET", "/login", "*/*", 200, "<html"},
		{"POST", "/healthz", "*/*", 200, "ok"},
	} {
		rec := ask(tt.method, tt.path, tt.accept)
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) || strings.HasPrefix(tt.want, `{"`) && !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, rec.Code, rec.Body)
		}
	}
	if rec := ask(http.MethodPut, "/login", "*/*"); rec.Code != 405 {
		t.Errorf("a page with another method: %d", rec.Code)
	}
}
