package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"mpblock/internal/control"
	"mpblock/internal/seed"
	"mpblock/internal/server"
)

type fixture struct {
	*testing.T
	door   http.Handler
	api    http.Handler
	router routers.Router
}

func open(t *testing.T) *fixture {
	t.Helper()
	s, err := server.Open(t.Context(), server.Config{Emulate: &server.Emulation{Seed: seed.Seed{Accounts: []seed.Account{{
		AppID: "wx0123456789abcdef", Secret: "0123456789abcdef0123456789abcdef",
		Followers: seed.Followers{Count: 30}, Blacklist: []seed.Change{{Reason: "spam", Count: 10}},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	doc, err := openapi3.NewLoader().LoadFromData(control.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{t, control.New(s, slog.New(slog.DiscardHandler)), s.Handler(), router}
}

// do asks the door, and holds the answer against openapi.yaml.
func (f *fixture) do(method, path, body string, status int) string {
	f.Helper()
	r := httptest.NewRequestWithContext(f.Context(), method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8081"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	f.door.ServeHTTP(w, r)
	if w.Code != status {
		f.Errorf("%s %s %s: %d, want %d: %s", method, path, body, w.Code, status, w.Body)
	}
	route, params, err := f.router.FindRoute(r)
	if err != nil {
		f.Fatalf("%s %s is not described: %v", method, path, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	if err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}); err != nil {
		f.Errorf("%s %s: %s\nis not as described: %v", method, path, w.Body, err)
	}
	return w.Body.String()
}

func (f *fixture) call(path string) {
	f.Helper()
	f.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(f.Context(), http.MethodGet, path, nil))
}

func (f *fixture) want(got, part string) {
	f.Helper()
	if !strings.Contains(got, part) {
		f.Errorf("%s\nlacks %s", got, part)
	}
}

func TestMain(m *testing.M) {
	for _, kind := range []string{"application/yaml", "application/x-ndjson"} { // bodies that are no JSON are text, for what is checked here
		openapi3filter.RegisterBodyDecoder(kind, func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
			text, err := io.ReadAll(body)
			return string(text), err
		})
	}
	m.Run()
}

func TestTheDoorIsAsDescribed(t *testing.T) {
	f := open(t)
	f.want(f.do("GET", "/", "", 200), `"faults":null`)
	f.want(f.do("GET", "/plans", "", 200), `"lost-answers"`)
	f.want(f.do("GET", "/plans/strict", "", 200), "seed: 5")
	f.want(f.do("GET", "/plans/none", "", 404), "there are: busy-day")
	f.want(f.do("GET", "/openapi.yaml", "", 200), "openapi: 3")

	f.want(f.do("PUT", "/faults?plan=busy-day", "", 200), `"seed":814`)
	f.want(f.do("PUT", "/faults", `{"rules":[{"name":"a","effect":{"errcod":-1}}]}`, 422), `line 1: there is no key \"errcod\"; did you mean \"errcode\"?`)
	f.want(f.do("PUT", "/faults", "", 422), "no rules")
	f.want(f.do("GET", "/faults", "", 200), `"seed":814`) // what was wrong has changed nothing
	f.do("PUT", "/faults?plan=none", "", 404)
	f.want(f.do("DELETE", "/faults", "", 200), `"faults":null`)

	f.want(f.do("POST", "/clock", `{"advance":"26h","frozen":true}`, 200), `"frozen":true,"ahead":"26h0m0s"`)
	f.want(f.do("POST", "/clock", `{"set":"2020-01-01T00:00:00Z"}`, 422), "clock.backwards")
	f.do("POST", "/clock", `{"set":"2020-01-01T00:00:00Z","advance":"1h"}`, 422)
	f.do("POST", "/clock", `{}`, 422)
	f.do("POST", "/clock", `{"advance":"-1h"}`, 422)
	f.do("POST", "/clock", `{"advance":"1h"} {}`, 422)
	f.do("POST", "/clock", `{"forward":"1h"}`, 422)
	f.do("POST", "/clock", ``, 422)
	f.want(f.do("POST", "/clock", `{"frozen":false}`, 200), `"frozen":false`)

	f.want(f.do("GET", "/snapshots", "", 200), `"snapshots":[]`)
	f.do("PUT", "/snapshots/a", "", 200)
	f.do("PUT", "/snapshots/a%2Fb", "", 422)
	f.want(f.do("GET", "/snapshots", "", 200), `"name":"a"`)
	f.want(f.do("POST", "/snapshots/b/restore", "", 404), "there are: a")
	f.do("POST", "/snapshots/a/restore", "", 200)
	f.do("DELETE", "/snapshots/a", "", 200)
	f.do("DELETE", "/snapshots/a", "", 404)
	f.want(f.do("GET", "/seed", "", 200), `"secret_hash"`)
	f.do("POST", "/reset", "", 200)
}

func TestJournalVerifyAndDrift(t *testing.T) {
	f := open(t)
	f.call("/cgi-bin/token?grant_type=client_credential&appid=wx0123456789abcdef&secret=0123456789abcdef0123456789abcdef")
	f.call("/cgi-bin/user/get?access_token=bad")
	all := f.do("GET", "/journal", "", 200)
	f.want(all, `"query":"grant_type=client_credential&appid=wx0123456789abcdef&secret=***"`)
	f.want(all, `{\"access_token\":\"***\"`)
	f.want(f.do("GET", "/journal?errcode=40001&path=*user*&limit=1", "", 200), `"n":2`)
	f.want(f.do("GET", "/journal?after=2", "", 200), `"calls":[],"last":2`)
	f.want(f.do("GET", "/journal?program=*crm", "", 200), `"calls":[]`)
	f.do("GET", "/journal?limit=many", "", 422)
	f.do("GET", "/journal?wait=2h", "", 422)
	f.do("GET", "/journal?errcode=x", "", 422)
	f.want(f.do("GET", "/journal.har", "", 200), `"comment":"errcode 40001"`)
	f.want(f.do("POST", "/verify", `{"match":{"path":"*/token"},"times":1}`, 200), `"ok":true`)
	f.want(f.do("POST", "/verify", `{"match":{"path":"*/user/get","errcode":0},"at_least":1}`, 200), `"differs":["want errcode 0, got 40001"]`)
	f.do("POST", "/verify", `{"match":{"path":"*"}}`, 422)
	f.do("DELETE", "/journal", "", 200)
	f.want(f.do("GET", "/journal", "", 200), `"calls":[]`)

	var d struct{ Blocked, Unblocked []string }
	if err := json.Unmarshal([]byte(f.do("POST", "/drift", `{"block":3,"unblock":2}`, 200)), &d); err != nil || len(d.Blocked) != 3 || len(d.Unblocked) != 2 {
		t.Errorf("%v: %+v", err, d)
	}
	f.want(f.do("POST", "/drift", `{"unblock":["`+d.Blocked[0]+`"]}`, 200), `"unblocked":["`+d.Blocked[0]+`"]`)
	f.want(f.do("POST", "/drift", `{"block":["o6_bmjrPTlm6_2sgVt7hMZOPfL2M"]}`, 404), "neither a follower")
	f.do("POST", "/drift", `{"block":["o1"]}`, 422)
	f.do("POST", "/drift", `{"block":-1}`, 422)
	f.do("POST", "/drift", `{"appid":"wx0000000000000000","block":1}`, 404)
}

// Who waits for a call has it when it comes.
func TestWaiting(t *testing.T) {
	f := open(t)
	got := make(chan string, 1)
	go func() { got <- f.do("GET", "/journal?after=1&wait=60s", "", 200) }()
	f.call("/cgi-bin/token")
	f.call("/cgi-bin/user/get")
	select {
	case all := <-got:
		f.want(all, `"path":"/cgi-bin/user/get"`)
	case <-time.After(time.Minute):
		t.Fatal("it waits on")
	}
}

// A page in a browser does not get in: with the address of somebody's own, or a name that
// somebody has led here.
func TestPagesAreKeptOut(t *testing.T) {
	f := open(t)
	for name, set := range map[string]func(*http.Request){
		"origin":      func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"site":        func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"other names": func(r *http.Request) { r.Host = "rebound.example.com:8081" },
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/reset", nil)
		r.Host = "localhost:8081"
		set(r)
		w := httptest.NewRecorder()
		f.door.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
