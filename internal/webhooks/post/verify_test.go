package post

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// verify tells whether a message is from who has the secret, and was sent just now.
func verify(secret string, header http.Header, body []byte, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	sent, bad := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || bad != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", header.Get("webhook-id"), sent, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(one), []byte(want)) {
			return true
		}
	}
	return false
}

// What docs/webhooks.md has readers paste is this file's, and takes what is sent.
func TestVerify(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("verify_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, box, _ := strings.Cut(string(doc), "```go\n")
	box, _, _ = strings.Cut(box, "```")
	if box == "" || !strings.Contains(string(here), box) {
		t.Error("the function in docs/webhooks.md is not the one here")
	}
	secret, at := NewSecret(), time.Unix(1_800_000_000, 0)
	c := Over(roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		for _, tt := range []struct {
			secret string
			now    time.Time
			body   string
			want   bool
		}{
			{secret, at, string(body), true}, {secret, at.Add(4 * time.Minute), string(body), true},
			{NewSecret(), at, string(body), false}, {secret, at.Add(6 * time.Minute), string(body), false}, {secret, at, "{}", false},
		} {
			if got := verify(tt.secret, r.Header, []byte(tt.body), tt.now); got != tt.want {
				t.Errorf("verify of %q at %v = %v, want %v", tt.body, tt.now, got, tt.want)
			}
		}
		return &http.Response{StatusCode: 204, Body: http.NoBody, Header: http.Header{}}, nil
	}), false)
	if _, err := c.Send(t.Context(), "https://example.com/", []string{NewSecret(), secret}, Message{"msg_1", []byte(`{"type":"test"}`)}, at); err != nil {
		t.Fatal(err)
	}
}
