package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock"
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

// taken is a store that takes batches and does nothing with them.
type taken struct{ mpblock.Store }

func (taken) Apply(_ context.Context, _ mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	return mpblock.Change{Seq: 1, OpenIDs: mpblock.Distinct(b.OpenIDs)}, nil
}

// BenchmarkBatch measures all of a batch's path but the store and the network.
func BenchmarkBatch(b *testing.B) {
	s, err := Open(b.Context(), Config{Store: taken{memstore.New()}, Demo: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	token, err := s.Access().Token(b.Context(), access.Credentials{GrantType: "client_credential", AppID: string(DemoAppID), Secret: DemoSecret})
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = DemoOpenID(i + 1).String()
	}
	body := `{"openid_list":["` + strings.Join(ids, `","`) + `"]}`
	r := httptest.NewRequest(http.MethodPost, "/cgi-bin/tags/members/batchblacklist?access_token="+token.Value, nil)
	rec := httptest.NewRecorder()
	r.Body = io.NopCloser(strings.NewReader(body))
	if s.Handler().ServeHTTP(rec, r); !strings.Contains(rec.Body.String(), `"errcode":0`) {
		b.Fatal(rec.Body)
	}
	w := nobody{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		s.Handler().ServeHTTP(w, r)
	}
}

// unlisted is a store whose records are read one by one, as where a shard of a cluster
// is away: a list of records is asked of all shards.
type unlisted struct{ mpblock.Store }

var errAway = errors.New("one shard is away")

func (unlisted) List(context.Context, string, string, int) ([]mpblock.Record, error) {
	return nil, errAway
}

// No call of the API lists records, whoever makes it, but openapi/quota/get, which adds
// up what each node has counted: the loss of one shard stops none of the accounts that lie
// on others.
func TestNoCallListsRecords(t *testing.T) {
	store := memstore.New()
	w := openWorld(t, Config{Store: store})
	app := w.account.AppID
	_, crm, err := w.Access().AddProgram(t.Context(), app, programs.New{Name: "crm", Scopes: programs.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	node, err := Open(t.Context(), Config{Store: unlisted{store}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	call := func(method, path, body string) (said struct {
		Errcode     int
		AccessToken string `json:"access_token"`
	}) {
		t.Helper()
		rec := httptest.NewRecorder()
		node.Handler().ServeHTTP(rec, httptest.NewRequest(method, "/cgi-bin/"+path, strings.NewReader(body)))
		if err := json.Unmarshal(rec.Body.Bytes(), &said); err != nil || said.Errcode != 0 {
			t.Errorf("%s: %v: %s", path, err, rec.Body)
		}
		return said
	}
	for _, token := range []string{
		w.token,
		call("GET", "token?grant_type=client_credential&appid="+string(app)+"&secret="+crm, "").AccessToken,
		call("POST", "stable_token", `{"grant_type":"client_credential","appid":"`+string(app)+`","secret":"`+crm+`"}`).AccessToken,
	} {
		with, one := "?access_token="+token, mpblock.Mint(w.account.Prefix, w.account.Key, "one").String()
		call("POST", "tags/members/batchblacklist"+with, `{"openid_list":["`+one+`"]}`)
		call("POST", "tags/members/getblacklist"+with, `{"begin_openid":""}`)
		call("POST", "tags/members/batchunblacklist"+with, `{"openid_list":["`+one+`"]}`)
		call("GET", "user/get"+with, "")
		call("GET", "user/info"+with+"&openid="+one, "")
	}
}

// A caller who goes away while it waits for changes is no fault of the server's, in log and
// metrics alike.
func TestCallerGone(t *testing.T) {
	var log bytes.Buffer
	w := openWorld(t, Config{Store: memstore.New(), CallLog: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, wait := range []string{"0s", "30s"} { // the first call has the account remembered
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/accounts/"+string(w.account.AppID)+"/changes?wait="+wait, nil)
		r.Header.Set("Authorization", "Bearer "+w.token)
		w.Handler().ServeHTTP(httptest.NewRecorder(), r)
		cancel()
	}
	if !strings.Contains(log.String(), "status=200") || !strings.Contains(log.String(), "status=499") || strings.Contains(log.String(), "status=500") {
		t.Error(log.String())
	}
}
