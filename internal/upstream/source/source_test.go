package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestShapes(t *testing.T) {
	t.Parallel()
	in := noon.Add
	for _, tt := range []struct {
		text, token string
		end         time.Time
		key         string // of the error
	}{
		{`{"access_token":"76_abc-DEF","expires_in":7200}`, "76_abc-DEF", in(2 * time.Hour), ""},
		{`{"access_token":"76_abc-DEF","expires_in":"7200"}`, "76_abc-DEF", in(2 * time.Hour), ""},
		{`{"code":0,"msg":"","data":{"access_token":"76_abc-DEF","expires_in":60}}`, "76_abc-DEF", in(time.Minute), ""},
		{`{"code":0,"data":{"access_token":"76_abc-DEF","expire_time":1795867260}}`, "76_abc-DEF", time.Unix(1795867260, 0), ""},
		{`{"code":0,"data":{"access_token":"76_abc-DEF","expire_time":1795867260000}}`, "76_abc-DEF", time.Unix(1795867260, 0), ""},
		{`{"code":"0","data":"76_abc-DEF"}`, "76_abc-DEF", time.Time{}, ""},
		{"\ufeff76_abc-DEF\r\n", "76_abc-DEF", time.Time{}, ""},
		{`{"code":0,"data":{"access_token":"76_abc-DEF","expire_time":1400000000}}`, "", time.Time{}, "source.expired"},
		{`{"errcode":40164,"errmsg":"invalid ip 192.0.2.7"}`, "", time.Time{}, "source.code"},
		{`{"code":403,"msg":"wrong key hunter2"}`, "", time.Time{}, "source.code"},
		{`s:10:"76_abc-DEF";`, "", time.Time{}, "source.php"},
		{`a:1:{s:12:"access_token";s:10:"76_abc-DEF";}`, "", time.Time{}, "source.php"},
		{"\x00\x00\x00\x02\x11\x0a76_abc-DEF", "", time.Time{}, "source.php"},
		{"", "", time.Time{}, "source.shape"},
		{"<html>502</html>", "", time.Time{}, "source.shape"},
		{`{"token":"hunter2"}`, "", time.Time{}, "source.shape"},
		{`{"access_token":"two words"}`, "", time.Time{}, "source.shape"},
		{`["76_abc-DEF"]`, "", time.Time{}, "source.shape"},
	} {
		f, err := read([]byte(tt.text), noon)
		var e *mpblock.Error
		if errors.As(err, &e) != (tt.key != "") || e != nil && e.Key != tt.key || f.token != tt.token || !f.end.Equal(tt.end) {
			t.Errorf("%q: %+v, %v", tt.text, f, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "76_abc")) {
			t.Errorf("%q: the error shows it: %v", tt.text, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec Spec
		kind string
		key  string // of the error
	}{
		{Spec{Secret: "s"}, StableToken, ""},
		{Spec{Secret: "s", Plain: true, Key: "cloudbase_access_token"}, PlainToken, ""},
		{Spec{URL: "https://t.test/get?key=hunter2", Refresh: "http://t.test/new", Header: "X-Key: hunter2"}, FromURL, ""},
		{Spec{File: "/run/token"}, FromFile, ""},
		{Spec{Redis: "rediss://u:hunter2@r.test/wx:access_token:wx1?db=3"}, FromRedis, ""},
		{Spec{}, "", "source.places"},
		{Spec{Secret: "s", File: "/f"}, "", "source.places"},
		{Spec{File: "/f", Plain: true}, FromFile, "source.alone"},
		{Spec{File: "/f", Header: "x"}, FromFile, "source.alone"},
		{Spec{File: "f"}, FromFile, "source.path"},
		{Spec{Secret: "s", Key: "a&b"}, StableToken, "source.key"},
		{Spec{URL: "ftp://hunter2@t.test"}, FromURL, "source.address"},
		{Spec{URL: "http://t.test", Refresh: "hunter2"}, FromURL, "source.address"},
		{Spec{URL: "http://t.test", Header: "X Key: hunter2"}, FromURL, "source.header"},
		{Spec{URL: "http://t.test", Header: "X-Key: hunter2\nHost: b"}, FromURL, "source.header"},
		{Spec{Redis: "redis://:hunter2@r.test"}, FromRedis, "source.address"},
		{Spec{Redis: "redis://:hunter2@r.test/k?db=x"}, FromRedis, "source.address"},
		{Spec{Redis: "http://:hunter2@r.test/k"}, FromRedis, "source.address"},
	} {
		err := tt.spec.Check()
		var e *mpblock.Error
		if errors.As(err, &e) != (tt.key != "") || e != nil && e.Key != tt.key || tt.spec.Kind() != tt.kind {
			t.Errorf("%+v: %q, %v", tt.spec, tt.spec.Kind(), err)
		}
		if said := fmt.Sprint(err, tt.spec.Place()); strings.Contains(said, "hunter2") {
			t.Errorf("%+v: it is shown: %s", tt.spec, said)
		}
		if _, err := tt.spec.Options(http.DefaultClient); (err != nil) != (tt.key != "") {
			t.Errorf("%+v: %v", tt.spec, err)
		}
	}
}

// shelf is a place whose tokens a test puts there.
type shelf struct {
	found

	err     error
	asked   int
	dead    []string
	changed bool
}

func (s *shelf) place() place {
	return place{
		changed: func() bool { return s.changed },
		ask: func(_ context.Context, dead string, _ time.Time) (found, error) {
			s.asked++
			if dead != "" {
				s.dead = append(s.dead, dead)
			}
			s.changed = false
			return s.found, s.err
		},
	}
}

// A token is asked for when it is first needed, shortly before its end, and once when it
// is dead: not in a loop.
func TestKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{found: found{token: "one", end: time.Now().Add(2 * time.Hour)}}
		k := keep(s.place())
		want := func(refused, token string, asked int) {
			t.Helper()
			got, err := k.Token(t.Context(), refused)
			if (err != nil) != (token == "") || got != token || s.asked != asked {
				t.Fatalf("%q, %v; asked %d times, not %d", got, err, s.asked, asked)
			}
		}
		want("", "one", 1)
		want("", "one", 1)
		want("older", "one", 1) // has been renewed since
		time.Sleep(2*time.Hour - 2*endMargin)
		want("", "one", 1)
		s.token, s.end = "two", time.Time{}
		time.Sleep(endMargin + time.Second)
		want("", "two", 2)
		s.token = "three"
		time.Sleep(guessed + time.Second) // its end is unknown
		want("", "three", 3)
		want("three", "", 4) // there is no other
		for range 10 {
			want("", "", 4)
			want("three", "", 4)
		}
		time.Sleep(deadMargin + time.Second)
		want("", "three", 5) // perhaps the platform was wrong
		want("three", "", 6)
		s.token, s.changed = "four", true // whoever renews it has written it
		want("", "four", 7)
		if len(s.dead) != 4 || len(slices.Compact(s.dead)) != 1 || s.dead[0] != "three" {
			t.Errorf("the place was told of %v", s.dead)
		}
		want("four", "", 8)
		s.token = "five"
		time.Sleep(deadMargin + time.Second)
		want("", "five", 9)
		s.err = errPHP
		if _, err := k.Token(t.Context(), "five"); !errors.Is(err, errPHP) {
			t.Error(err)
		}
	})
}

// A place that fails takes nobody's good token away; one that was refused is not good.
func TestKeptWhileThePlaceFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{found: found{token: "one"}} // its end is unknown
		k := keep(s.place())
		want := func(refused, token string, asked int) {
			t.Helper()
			got, err := k.Token(t.Context(), refused)
			if (err != nil) != (token == "") || got != token || s.asked != asked {
				t.Fatalf("%q, %v; asked %d times, not %d", got, err, s.asked, asked)
			}
		}
		want("", "one", 1)
		s.err = errPHP
		time.Sleep(guessed + time.Second)
		want("", "one", 2)
		want("", "one", 2)
		time.Sleep(shortLife + time.Second)
		want("", "one", 3)
		want("one", "", 4)
		want("", "", 5) // not the refused one again
		s.err, s.token, s.end = nil, "two", time.Now().Add(2*time.Hour)
		want("", "two", 6)
		s.err = errPHP
		time.Sleep(2*time.Hour - endMargin/2)
		want("", "two", 7)
		time.Sleep(endMargin)
		want("", "", 8) // it has ended
	})
}

// Of many who need a token one asks; who waits may leave.
func TestOneAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		k := keep(place{ask: func(context.Context, string, time.Time) (found, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return found{token: "one"}, nil
		}})
		for range 20 {
			go func() {
				if got, err := k.Token(t.Context(), ""); err != nil || got != "one" {
					t.Errorf("%q, %v", got, err)
				}
			}()
		}
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := k.Token(gone, ""); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if asked.Load() != 1 {
			t.Errorf("%d asked", asked.Load())
		}
	})
}

func TestServer(t *testing.T) {
	t.Parallel()
	var answer, calls atomic.Value
	answer.Store(`{"access_token":"first-token","expires_in":7200}`)
	calls.Store("")
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Store(calls.Load().(string) + " " + r.URL.Path + "?" + r.URL.RawQuery + "," + r.Header.Get("X-Key"))
		text := answer.Load().(string)
		switch {
		case r.URL.Path == "/new":
			answer.Store(`{"code":0,"data":{"access_token":"second-token"}}`)
			fmt.Fprint(w, `{"code":0}`)
		case strings.HasPrefix(text, "http"):
			http.Redirect(w, r, text, http.StatusFound)
		default:
			fmt.Fprint(w, text)
		}
	}))
	defer ts.Close()
	spec := Spec{URL: ts.URL + "/get?k=1", Refresh: ts.URL + "/new", Header: "X-Key: hunter2"}
	ask := spec.server(http.DefaultClient).ask
	for i, want := range []struct{ dead, token, calls string }{
		{"", "first-token", " /get?k=1,hunter2"},
		{"first-token", "second-token", " /new?,hunter2 /get?k=1,hunter2"},
		{"first-token", "second-token", " /get?k=1,hunter2"}, // a new one is made once for each
	} {
		calls.Store("")
		f, err := ask(t.Context(), want.dead, noon)
		if err != nil || f.token != want.token || calls.Load() != want.calls {
			t.Errorf("%d: %q, %v, calls %s", i, f.token, err, calls.Load())
		}
	}
	for text, key := range map[string]string{
		ts.URL + "/elsewhere":              "source.status",
		strings.Repeat("x", maxText+10):    "source.shape",
		`{"code":1,"msg":"hunter2"}`:       "source.code",
		`s:12:"second-token";`:             "source.php",
		"{\"access_token\":\"hunter2\\n\"": "source.shape",
	} {
		answer.Store(text)
		_, err := ask(t.Context(), "", noon)
		if e := new(mpblock.Error); !errors.As(err, &e) || e.Key != key || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	ts.Close()
	if _, err := ask(t.Context(), "", noon); err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "k=1") {
		t.Errorf("nobody is there: %v", err)
	}
}

// A file is read again when it was replaced, in whatever way.
func TestFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "token")
	k := keep(Spec{File: name}.file())
	want := func(refused, token string) {
		t.Helper()
		if got, err := k.Token(t.Context(), refused); got != token || (err != nil) != (token == "") {
			t.Errorf("%q, %v, not %q", got, err, token)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want("", "")
	write(name, "token-one\n")
	want("", "token-one")
	write(name+".new", `{"access_token":"token-two"}`)
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	want("", "token-two")
	want("token-two", "") // nobody has written another
	write(name, "token-three")
	want("", "token-three")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	want("", "token-three")
	want("token-three", "")
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Token(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}
