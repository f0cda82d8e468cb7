package upstream_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// team gets tokens of the platform, as a team does that has one program for that.
func (s *scene) team() *client.Client {
	s.Helper()
	c, err := client.New(s.platform.AppID, s.platform.Secret, client.WithBaseURL(s.platform.URL), client.WithPlainToken())
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *scene) from(tokens source.Spec) {
	s.Helper()
	if err := s.gateway.SetTokens(s.Context(), s.account.AppID, tokens); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) token(c *client.Client) string {
	s.Helper()
	token, err := c.Token(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// Tokens of a token server, of each shape: a dead one is asked for anew, once.
func TestTokensOfAServer(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{`{"access_token":%q,"expires_in":7200}`, `{"code":0,"msg":"","data":{"access_token":%q,"expires_in":7200}}`, "%s"} {
		s := open(t)
		var team atomic.Pointer[client.Client]
		team.Store(s.team())
		var asked, made atomic.Int32
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer hunter2" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			if r.URL.Path == "/new" {
				made.Add(1)
				team.Store(s.team())
				return
			}
			asked.Add(1)
			fmt.Fprintf(w, shape, s.token(team.Load()))
		}))
		defer ts.Close()
		s.from(source.Spec{URL: ts.URL + "/get?key=hunter2", Refresh: ts.URL + "/new", Header: "hunter2"})
		fans := s.platform.Followers(20)
		block := func(ids ...string) error {
			_, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "api", ids...), true)
			return err
		}
		if err := block(fans[0]); err != nil {
			t.Fatal(err)
		}
		s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", Nth: 1}, Effect: mpblocktest.Effect{StaleToken: 40001}})
		if err := block(fans[1:3]...); err != nil || asked.Load() != 2 || made.Load() != 1 {
			t.Errorf("%s: %v; asked %d times, %d made", shape, err, asked.Load(), made.Load())
		}
		s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Errcode(40001)})
		for range 5 {
			if err := block(fans[3]); err == nil {
				t.Error("every token is dead, and it went well")
			}
		}
		if made.Load() > 7 || asked.Load() > 12 {
			t.Errorf("%s: five calls with dead tokens: asked %d times, %d made", shape, asked.Load(), made.Load())
		}
		s.platform.Fail()
		if u := s.sync(); u.Total != 3 || u.Tokens != "url "+strings.TrimPrefix(ts.URL, "http://") {
			t.Errorf("%s: %+v", shape, u)
		}
		ts.Close()
	}
}

// A token in a file is taken from there when it was replaced, while the server runs.
func TestTokensOfAFile(t *testing.T) {
	t.Parallel()
	s := open(t)
	name := filepath.Join(t.TempDir(), "token")
	write := func() {
		if err := os.WriteFile(name, []byte(s.token(s.team())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	s.from(source.Spec{File: name})
	s.sync()
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist", First: 1}, Effect: mpblocktest.Effect{StaleToken: 42001}})
	if _, err := s.gateway.Sync(t.Context(), s.account.AppID, false); err == nil || !strings.Contains(err.Error(), "no other yet") {
		t.Errorf("a dead token, and no other: %v", err)
	}
	write()
	s.sync()
}

// readable returns all that the store has in records, and what of it is Base64 as it was.
func (s *scene) readable() string {
	s.Helper()
	kinds, err := s.store.Kinds(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	var all strings.Builder
	for _, kind := range kinds {
		records, err := s.store.List(s.Context(), kind, "", 1000)
		if err != nil {
			s.Fatal(err)
		}
		for _, r := range records {
			all.Write(r.Value)
			for _, text := range regexp.MustCompile(`[A-Za-z0-9+/]{8,}={0,2}`).FindAll(r.Value, -1) {
				decoded, _ := base64.StdEncoding.DecodeString(string(text))
				all.Write(decoded)
			}
		}
	}
	return all.String()
}

// Whoever has the store and not the key has no secret, wherever tokens come from.
func TestSourcesAreSealed(t *testing.T) {
	t.Parallel()
	s := open(t)
	if strings.Contains(s.readable(), s.platform.Secret) {
		t.Error("the secret stands there")
	}
	for _, tokens := range []source.Spec{
		{Secret: "hunter2"}, {Secret: "hunter2", Plain: true},
		{URL: "http://hunter2@t.test/hunter2?key=hunter2", Refresh: "http://t.test/hunter2", Header: "X-Key: hunter2"},
		{Redis: "redis://hunter2:hunter2@r.test/key"},
	} {
		s.from(tokens)
		if strings.Contains(s.readable(), "hunter2") {
			t.Errorf("%s: it stands there", tokens.Kind())
		}
		u, err := s.gateway.Of(t.Context(), s.account.AppID)
		if said := fmt.Sprintf("%+v", u); err != nil || strings.Contains(said, "hunter2") {
			t.Errorf("%v: it is shown: %s", err, said)
		}
	}
}

// Where tokens come from may be changed on another node.
func TestSourceChangedElsewhere(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.sync()
	other := upstream.New(s.store, upstream.Options{SealFile: s.seal})
	if err := other.SetTokens(t.Context(), s.account.AppID, source.Spec{Secret: "wrong"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gateway.Sync(t.Context(), s.account.AppID, false); err == nil || !strings.Contains(err.Error(), "40125") {
		t.Errorf("with the secret of before: %v", err)
	}
}
