package compat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"mpblock/internal/testserver"
)

// door asks a control door, and reads its answer into out unless that is nil.
func door(t *testing.T, s *testserver.Server, method, path, body string, out any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Control+path, strings.NewReader(body))
	must(t, err)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, text)
	}
	if out != nil {
		must(t, json.Unmarshal(text, out))
	}
}

// fault is what a fault plan does to a call, and what two libraries say of it, of a change
// and of a list: the rows of the table in docs/clients.md.
type fault struct {
	effect     string
	done       bool   // whatever the library says
	silenceper string // part of its error; "": it says that all is well
	coWechat   string // likewise
}

var faults = []fault{
	{"errcode: -1", false, "errcode=-1 ", "WeChatAPIError -1 "},
	{"errcode: 45009", false, "errcode=45009 ", "WeChatAPIError 45009 "},
	{"errcode: 45011", false, "errcode=45011 ", "WeChatAPIError 45011 "},
	{"stale_token: 40001", false, "errcode=40001 ", ""},
	{"stale_token: 42001", false, "errcode=42001 ", ""},
	{"http: 502, body: <html>", false, "statusCode=502", "status code: 502"},
	{"reset: before", false, "connection reset", "ECONNRESET"},
	{"reset: after", true, "connection reset", "ECONNRESET"},
	{"lost_answer: cut", true, "EOF", "socket hang up"},
	{`lost_answer: "502"`, true, "statusCode=502", "status code: 502"},
	{"lost_answer: timeout", true, "Client.Timeout exceeded", "RequestTimeoutError"},
	{"truncate: 0.5", true, "unexpected EOF", "aborted"},
	{"malformed: true", true, "unexpected end of JSON", "JSON.parse error"},
	{"slow: 500KB/s", true, "", ""},
	{"latency: 100ms, spread: 50ms", true, "", ""},
	{"page_size: 3", true, "", ""},
	{"drift: {block: 1}", true, "", ""},
	{"quota: true", false, "errcode=45009 ", "WeChatAPIError 45009 "},
}

// TestEachFault has each effect strike one change and one list of either library.
func TestEachFault(t *testing.T) {
	s := emulate(t)
	old := util.DefaultHTTPClient
	util.DefaultHTTPClient = &http.Client{Timeout: 3 * time.Second} // its own waits without an end
	t.Cleanup(func() { util.DefaultHTTPClient = old })
	node := coWechat.drive(t, nil, "BASE="+s.Base)
	for _, f := range faults {
		t.Run(f.effect, func(t *testing.T) {
			f.strike(t, s, 1, f.silenceper, func() client {
				_, c := silenceperUser(t, s.Base, secret) // anew: it would keep the token of the time before the reset
				return c
			})
			calls := 1
			if strings.HasPrefix(f.effect, "stale") { // it goes on with its next token
				calls, f.done = 2, true
			}
			f.strike(t, s, calls, f.coWechat, func() client { return node })
		})
	}
}

// strike has one call of each kind struck, and holds what the library says, and what the
// server has done, to what is known of them.
func (f fault) strike(t *testing.T, s *testserver.Server, calls int, says string, dial func() client) {
	t.Helper()
	hold := func(path string, call func(c client, p page) error) (before page) {
		t.Helper()
		door(t, s, http.MethodPost, "/reset", "", nil)
		c := dial()
		before, err := c.list("")
		must(t, err)
		door(t, s, http.MethodPut, "/faults", `rules: [{name: one, match: {path: "`+path+`", nth: 1}, effect: {`+f.effect+`}}]`, nil)
		door(t, s, http.MethodDelete, "/journal", "", nil)
		err = call(c, before)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: it says %v, want %q", path, err, says)
		}
		var v struct{ OK bool }
		if door(t, s, http.MethodPost, "/verify", fmt.Sprintf(`{"match":{"path":%q},"times":%d}`, path, calls), &v); !v.OK {
			t.Errorf("%s: it did not make %d calls", path, calls)
		}
		door(t, s, http.MethodDelete, "/faults", "", nil)
		return before
	}
	victim := hold("*/batchunblacklist", func(c client, p page) error { return c.unblock(p.IDs[:1]) }).IDs[0]
	now, err := dial().list("")
	must(t, err)
	if done := !slices.Contains(now.IDs, victim); done != f.done {
		t.Errorf("the change was made: %v, want %v", done, f.done)
	}
	hold("*/getblacklist", func(c client, _ page) error {
		p, err := c.list("")
		want, total := 10_000, blocked
		switch {
		case strings.HasPrefix(f.effect, "page_size"):
			want = 3
		case strings.HasPrefix(f.effect, "drift"):
			total++
		}
		if err == nil && (len(p.IDs) != want || p.Total != total) {
			t.Errorf("a page of %d of %d, want %d of %d", len(p.IDs), p.Total, want, total)
		}
		return err
	})
}

// Neither silenceper/wechat nor tnwx asks for another token when the server refuses theirs:
// they go on with it until it would have ended by itself.
func TestDeadTokensAreKept(t *testing.T) {
	s := emulate(t)
	_, kept := silenceperUser(t, s.Base, secret)
	for name, c := range map[string]client{"silenceper": kept, "tnwx": tnwx.drive(t, nil, "BASE="+s.Base)} {
		_, err := c.list("")
		must(t, err)
		door(t, s, http.MethodPost, "/reset", "", nil)
		for range 3 {
			if _, err := c.list(""); err == nil || !strings.Contains(err.Error(), "40001") {
				t.Errorf("%s after a reset: %v", name, err)
			}
		}
	}
}

// What docs/emulator.md says of lost-answers: from then on one in ten changes is made and
// its answer is lost, each answer says so in its head, and it can be counted and ended.
func TestLostAnswers(t *testing.T) {
	s := emulate(t)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"emulator"}, args...)...)
		cmd.Env = append(os.Environ(), "MPBLOCK_CONTROL="+s.Control)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		return string(out)
	}
	_, goes := silenceperUser(t, s.Base, secret)
	clients := map[string]client{"silenceper": goes}
	for _, l := range []library{tnwx, coWechat} {
		clients[l.name] = l.drive(t, nil, "BASE="+s.Base)
	}
	bent := func() string {
		res, err := http.Get(s.Base + "/cgi-bin/token")
		must(t, err)
		res.Body.Close()
		return res.Header.Get("X-Mpblock-Emulator")
	}
	if got := bent(); got != "" {
		t.Errorf("with no plan, an answer says %q", got)
	}
	for name, c := range clients {
		before, err := c.list("")
		must(t, err)
		run("faults", "load", "lost-answers")
		const changes = 200
		errs := 0
		for _, id := range before.IDs[:changes] {
			if c.unblock([]string{id}) != nil {
				errs++
			}
		}
		if got := bent(); got != "faults" {
			t.Errorf("%s: an answer says %q", name, got)
		}
		struck := 0
		for _, m := range regexp.MustCompile(`struck (\d+) of 200 calls`).FindAllStringSubmatch(run("faults", "show"), -1) {
			n, err := strconv.Atoi(m[1])
			must(t, err)
			struck += n
		}
		after, err := c.list("")
		must(t, err)
		if errs < changes/20 || errs > changes/5 || errs != struck || after.Total != before.Total-changes {
			t.Errorf("%s: of %d changes %d were made; %d answers were lost, and %d are counted", name, changes, before.Total-after.Total, errs, struck)
		}
		run("faults", "clear")
		must(t, c.block(before.IDs[:20]))
	}
}
