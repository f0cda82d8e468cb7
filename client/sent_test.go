package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock/client"
	"mpblock/mpblocktest"
)

// unknown tells whether an error says that a call may have happened.
func unknown(err error) bool {
	var u *client.UnknownOutcomeError
	return errors.As(err, &u)
}

// What was never sent is not taken for what may have happened.
func TestNeverSent(t *testing.T) {
	w := newWorld(t)
	requests := 0
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	ts.Config.ErrorLog = nil
	ts.StartTLS()
	defer ts.Close()
	token := client.WithToken("SECRET-TOKEN")
	distrusts := w.client(t, token, client.WithHTTPClient(&http.Client{}), client.WithBaseURL(ts.URL), client.WithRetries(0))
	err := distrusts.Block(t.Context(), w.ids[0])
	if err == nil || unknown(err) || !strings.Contains(err.Error(), "certificate") || requests != 0 {
		t.Errorf("a certificate that is not trusted: %v after %d requests", err, requests)
	}
	keepsSecrets(t, err, "SECRET-TOKEN")

	trusts := w.client(t, token, client.WithHTTPClient(ts.Client()), client.WithBaseURL(ts.URL))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := trusts.Block(ended, w.ids[0]); !errors.Is(err, context.Canceled) || unknown(err) || requests != 0 {
		t.Errorf("a context that had ended: %v after %d requests", err, requests)
	}
}

// A call whose connection was made counts as sent, over HTTP/1.1 and HTTP/2, and so
// does every call over a transport that does not say.
func TestMayHaveBeenSent(t *testing.T) {
	w := newWorld(t)
	for _, http2 := range []bool{false, true} {
		protocol := ""
		ts := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			protocol = r.Proto
			panic(http.ErrAbortHandler)
		}))
		ts.EnableHTTP2 = http2
		ts.StartTLS()
		c := w.client(t, client.WithToken("x"), client.WithHTTPClient(ts.Client()), client.WithBaseURL(ts.URL))
		if err := c.Block(t.Context(), w.ids[0]); !unknown(err) || (protocol == "HTTP/2.0") != http2 {
			t.Errorf("%s: %v", protocol, err)
		}
		ts.Close()
	}
	c := w.client(t, client.WithToken("x"), client.WithHTTPClient(&http.Client{Transport: silent{}}))
	if err := c.Block(t.Context(), w.ids[0]); !unknown(err) {
		t.Errorf("a transport that says nothing: %v", err)
	}
}

// silent is a transport that calls no hooks and loses every answer.
type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// Pauses stop growing, however many there are.
func TestManyRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/tags/members/*"}, Effect: mpblocktest.Errcode(-1)})
		start := time.Now()
		err := w.client(t, client.WithRetries(70)).Block(t.Context(), w.ids[0])
		want := 31750*time.Millisecond + 63*30*time.Second // 0.25 s to 16 s, then 30 s each
		if took := time.Since(start); !errors.Is(err, client.ErrSystem) || w.count("batchblacklist") != 71 || took != want {
			t.Errorf("%d calls in %v, want 71 in %v: %v", w.count("batchblacklist"), took, want, err)
		}
	})
}

// A call that the pace would let through too late is not waited for.
func TestPaceBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.client(t, client.WithToken("x"), client.WithPace(time.Minute), client.WithRetries(0))
		_ = c.Block(t.Context(), w.ids[0])
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Block(ctx, w.ids[0]); !errors.Is(err, context.DeadlineExceeded) || unknown(err) {
			t.Errorf("got %v", err)
		}
	})
}

// What a server writes into its refusal cannot steer a terminal or forge a line.
func TestErrorsArePrintable(t *testing.T) {
	err := &client.Error{Call: "batchblacklist", Code: 40003, Message: "a\x1b]0;title\x07\r\nhint: b\u202e甲　", RID: "1\n2"}
	if got, want := err.Error(), "batchblacklist: 40003 a�]0;title���hint: b�甲　 (rid 1�2)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
