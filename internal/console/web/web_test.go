package web

import (
	"bytes"
	"encoding/gob"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
)

func TestPathsOfOurs(t *testing.T) {
	for address, want := range map[string]string{
		"/a/x": "/a/x", "//evil.example": "-", "https://evil.example/": "-", `/\evil.example`: "-", "javascript:alert(1)": "-", "": "-", "a": "-", "/a\r\nb": "-",
	} {
		if got := Local(address, "-"); got != want {
			t.Errorf("Local(%q) = %q, want %q", address, got, want)
		}
	}
	if got := PathOf("https://here.example/a/x?q=1", "-"); got != "/a/x?q=1" {
		t.Error(got)
	}
}

func TestZoneWithoutCookie(t *testing.T) {
	if zoneOf(httptest.NewRequest("GET", "/", nil)) != mpblock.Zone {
		t.Error("another zone than the platform's without a cookie")
	}
}

func TestRemoteIsNoHeader(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "[::ffff:192.0.2.7]:1234"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	if got := (&Visit{R: r}).Remote().String(); got != "192.0.2.7" {
		t.Error(got)
	}
}

// Sessions are in the store under the names that their types had when the console was
// first released: others would log everybody out at the next upgrade.
func TestSessionsOutliveAnUpgrade(t *testing.T) {
	rules, err := operators.Open(t.Context(), memstore.New(), operators.Options{})
	if err != nil {
		t.Fatal(err)
	}
	New(Options{Operators: rules})
	for name, value := range map[string]any{
		"mpblock/internal/platform.Session": operators.Session{Name: "anna", Epoch: 7},
		"[]console.notice":                  []Notice{{Kind: "good", Text: "saved"}},
	} {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(&value); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), name) {
			t.Errorf("%s is kept as %q", name, b.String())
		}
	}
}
