package client_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock/client"
)

// A redirect is followed nowhere: neither secret nor token goes to another host.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var came []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		came = append(came, r.Method+" "+r.URL.Path+" "+r.Referer())
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+r.URL.Path)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"errcode":0,"access_token":"x","expires_in":7200}`))
		}))
		for name, o := range map[string]client.Option{"stable": client.WithRetries(0), "plain": client.WithPlainToken(), "fixed": client.WithToken("SECRET-TOKEN")} {
			c, err := client.New(appID, secret, client.WithBaseURL(ts.URL), client.WithRetries(0), o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.List(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), "not that of the API") || !strings.Contains(err.Error(), "not followed") {
				t.Errorf("%d, %s: %v", status, name, err)
			}
			keepsSecrets(t, err, "SECRET-TOKEN")
			if err := c.Block(t.Context(), "o"); name == "fixed" && !unknown(err) {
				t.Errorf("%d: a change that may have happened: %v", status, err)
			}
		}
		ts.Close()
	}
	if len(came) > 0 {
		t.Errorf("to the other host went %q", came)
	}
}
