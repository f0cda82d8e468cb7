package browser

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/internal/testserver"
)

// provider is as much of an OpenID Connect provider as a browser meets: it asks nobody anything.
// A login through a whole one is in test/oidc.
type provider struct {
	*httptest.Server
	key    *rsa.PrivateKey
	denies atomic.Bool
	email  atomic.Pointer[string]
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	coded := base64.RawURLEncoding.EncodeToString
	answer := func(pattern string, body func(r *http.Request) map[string]any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body(r))
		})
	}
	answer("GET /.well-known/openid-configuration", func(*http.Request) map[string]any {
		return map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		}
	})
	answer("GET /keys", func(*http.Request) map[string]any {
		return map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": coded(key.N.Bytes()), "e": coded(big.NewInt(int64(key.E)).Bytes()),
		}}}
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		back := url.Values{"state": {q.Get("state")}, "code": {q.Get("nonce")}}
		if p.denies.Load() {
			back = url.Values{"state": {q.Get("state")}, "error": {"access_denied"}}
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	answer("POST /token", func(r *http.Request) map[string]any {
		claims, _ := json.Marshal(map[string]any{
			"iss": p.URL, "aud": "mpblock", "sub": *p.email.Load(), "email": *p.email.Load(), "email_verified": true,
			"nonce": r.FormValue("code"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		signed := coded([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + coded(claims)
		sum := sha256.Sum256([]byte(signed))
		signature, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		return map[string]any{"access_token": "A", "token_type": "Bearer", "id_token": signed + "." + coded(signature)}
	})
	return p
}

// TestSingleSignOn looks at the way in through a provider, and at each way in which it fails.
func TestSingleSignOn(t *testing.T) {
	p := newProvider(t)
	s := signing(t, p.URL)
	admin := enter(t, s, "en")
	admin.visit("/operators")
	admin.fill("#new-operator #name", "anna")
	admin.fill("#new-operator #email", "anna@example.com")
	admin.follow("#new-operator button")
	through := func(email string, denies bool) func(*tab) {
		return func(b *tab) {
			p.email.Store(&email)
			p.denies.Store(denies)
			b.visit("/login")
			b.follow("#oidc")
			b.forgive() // of the answer's status
		}
	}
	b := browse(t, s.Base)
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit("/login")
		b.speak(lang)
		for _, l := range []look{
			at("login-oidc", "/login"), wrongAt("oidc-expired", "/login/oidc/return?state=x&code=y"),
			{"oidc-denied", through("anna@example.com", true)}, {"oidc-stranger", through("stranger@example.com", false)},
		} {
			b.inspect(l, lang)
		}
	}
	b.size(1440, 900)
	through("anna@example.com", false)(b)
	b.says("#me", "anna")
	b.inBoth("me-linked", func(b *tab) { b.visit("/me") })
	b.allow("/me/unlink")
	b.inBoth("me-unlink-refused", func(b *tab) { // it is the only way in
		b.visit("/me")
		b.follow("form[action='/me/unlink'] button")
	})
	admin.inBoth("me-unlinked", func(b *tab) { b.visit("/me") })
	admin.inBoth("operator-linked", func(b *tab) {
		through("anna@example.com", false)(browse(t, s.Base))
		b.visit("/operators/anna")
	})

	p.Close()
	b = browse(t, signing(t, p.URL).Base)
	b.inBoth("oidc-failed", func(b *tab) { b.visit("/login"); b.follow("#oidc"); b.forgive() })
}

// signing starts a server whose single sign-on is at a provider.
func signing(t *testing.T, provider string) *testserver.Server {
	s, err := testserver.Start(binary, "serve", "--demo", "--demo-language", "en", "--listen", "127.0.0.1:0",
		"--oidc-issuer", provider, "--oidc-client-id", "mpblock", "--oidc-name", "Example")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
