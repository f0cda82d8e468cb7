package overapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
	"mpblock/internal/lines/linestest"
	"mpblock/native"
)

// changesOf are all changes of an account.
func changesOf(t *testing.T, store mpblock.Store, app mpblock.AppID) []mpblock.Change {
	t.Helper()
	all, err := store.Changes(t.Context(), app, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Jobs bear their reason and end, also when they go on, and leave alone who is blocked.
func TestTerms(t *testing.T) {
	store, app := overAPI(t, linestest.IDs(1, 5))
	last := func() mpblock.Change {
		t.Helper()
		all := changesOf(t, store, app)
		return slices.MaxFunc(all, func(a, b mpblock.Change) int { return int(a.Seq) - int(b.Seq) })
	}
	code, out, errs := command(t, "unblock", "--reason", " sorry ", "--job", "one", linestest.ID(1), linestest.ID(2))
	if c := last(); code != ui.CodeDone || c.Action != mpblock.Unblock || c.Reason != "sorry" || len(c.OpenIDs) != 2 {
		t.Fatalf("exit code %d, %+v: %s%s", code, c, out, errs)
	}
	code, out, errs = command(t, "block", "--reason", "spam", "--for", "1h", "--job", "two", linestest.ID(1), linestest.ID(2), linestest.ID(3))
	c := last()
	if code != ui.CodeDone || c.Reason != "spam" || len(c.OpenIDs) != 2 || c.Until.Sub(c.Time).Round(time.Second) != time.Hour || !strings.Contains(out, "2 done, 1 already so") {
		t.Errorf("exit code %d, %+v: %s%s", code, c, out, errs)
	}
	if _, out, _ := command(t, "status", "two"); !strings.Contains(out, "reason         spam\nfor            1h\n") {
		t.Errorf("status: %s", out)
	}
	if code, out, errs := command(t, "undo", "two", "--yes", "--job", "three"); code != ui.CodeDone || last().Action != mpblock.Unblock {
		t.Errorf("undo: exit code %d: %s%s", code, out, errs)
	}

	end := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Millisecond)
	plan := &bulk.Plan{Items: []bulk.Item{{OpenID: client.OpenID(linestest.ID(1)), Action: mpblock.Block, Status: bulk.Todo}}, Terms: bulk.Terms{Reason: "a \"quoted\" one", Until: end}}
	job, err := bulk.Create("four", os.Getenv("MPBLOCK_SERVER"), string(app), plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, errs = command(t, "resume", "four")
	if c := last(); code != ui.CodeDone || c.Reason != plan.Terms.Reason || !c.Until.Equal(end) {
		t.Errorf("exit code %d, %+v: %s%s", code, c, out, errs)
	}
	code, out, errs = command(t, "block", "--reason", "spam", "--job", "five", linestest.ID(2), strings.Replace(linestest.ID(3), "oAQIDB", "oAQIDC", 1))
	if code != ui.CodePartly || !strings.Contains(out, "1 done, 0 already so, 1 refused") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// What a server does not take is refused in words before anything is changed.
func TestTermsThatAreNone(t *testing.T) {
	store, app := overAPI(t, linestest.IDs(1, 2))
	for _, c := range [][]string{
		{"--for", "1x", "does not take --for: ttl: want how long it lasts"},
		{"--for", "99999d", "want how long it lasts"},
		{"--for=-1h", "want how long it lasts"},
		{"--until", "tomorrow", `--until "tomorrow": want a day, as 2026-12-31`},
		{"--until", "2020-01-01", "--until: "},
		{"--until", "2020-01-01T10:00:00Z", "--until: "},
		{"--until", "2020-01-01 10:00", "--until: "},
		{"--reason", "two\nlines", "--reason: "},
		{"--reason", strings.Repeat("x", 2000), "--reason: "},
	} {
		code, _, errs := command(t, append([]string{"block", linestest.ID(3), "--job", "job"}, c[:len(c)-1]...)...)
		if code != ui.CodeUsage || !strings.Contains(errs, c[len(c)-1]) || !strings.Contains(c[1], "tomorrow") && !strings.Contains(errs, "nothing was changed") {
			t.Errorf("%q: exit code %d: %s", c, code, errs)
		}
	}
	if n := len(changesOf(t, store, app)); n != 1 {
		t.Errorf("%d changes", n)
	}
	if _, err := os.Stat("job"); err == nil {
		t.Error("a job has begun")
	}
}

// On a platform without the native API what takes it is refused before anything is changed,
// and the rest works.
func TestPlatformWithoutNativeAPI(t *testing.T) {
	store, app := overAPI(t, linestest.IDs(1, 2))
	target, err := url.Parse(os.Getenv("MPBLOCK_SERVER"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1") {
			http.Error(w, "404 page not found", http.StatusNotFound)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	t.Setenv("MPBLOCK_SERVER", web.URL)
	for _, c := range [][]string{
		{"unblock", "--reason", "x", "--job", "job", linestest.ID(1)}, {"block", "--for", "1h", "--job", "job", linestest.ID(3)},
		{"block", "--until", "2100-01-01", "--job", "job", "--dry-run", linestest.ID(3)}, {"watch"},
	} {
		code, _, errs := command(t, c...)
		if code != ui.CodeUsage || !strings.Contains(errs, "takes a server with mpblock's native API (/v1), and this one has none") {
			t.Errorf("%q: exit code %d: %s", c, code, errs)
		}
	}
	if _, err := os.Stat("job"); err == nil || len(changesOf(t, store, app)) != 1 {
		t.Error("something was done")
	}
	if code, _, errs := command(t, "unblock", "--job", "job", linestest.ID(1)); code != ui.CodeDone || len(changesOf(t, store, app)) != 2 {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// A day ends where it does, in this machine's zone.
func TestUntil(t *testing.T) {
	zone := time.Local
	time.Local = time.FixedZone("UTC+8", 8*60*60)
	defer func() { time.Local = zone }()
	for s, want := range map[string]string{
		"2026-12-31": "2026-12-31T16:00:00Z", "2026-12-31T18:00": "2026-12-31T10:00:00Z", "2026-12-31 18:00:30": "2026-12-31T10:00:30Z",
		"2026-12-31T18:00:00Z": "2026-12-31T18:00:00Z",
	} {
		if got, err := parseUntil(s); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v, want %s", s, got, err, want)
		}
	}
}

// Errors of the native API mean to a job what the platform's do.
func TestInCodes(t *testing.T) {
	item := func(code string) error {
		return &native.Error{Status: 422, Code: "items.bad", Items: []native.ItemError{{Code: code}}}
	}
	for _, c := range []struct{ err, want error }{
		{item("openid.shape"), client.ErrInvalidOpenID}, {item("openid.unknown"), client.ErrInvalidOpenID}, {item("openid.foreign"), client.ErrNotThisAccount},
		{item("openid.protected"), client.ErrLimitedUser}, {item("openid.new"), client.ErrInvalidOpenID},
		{&native.Error{Status: 503, Code: "time_out"}, client.ErrSystem}, {client.ErrDailyQuota, client.ErrDailyQuota},
	} {
		if got := inCodes(c.err); !errors.Is(got, c.want) {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
	var lost *client.UnknownOutcomeError
	if !errors.As(inCodes(errors.New("reset")), &lost) || inCodes(nil) != nil || !denied(inCodes(&native.Error{Status: 403, Code: "scope"})) {
		t.Error("a lost answer is none, or a refusal none")
	}
}

// What a watch cannot begin from is said before it begins, and where to begin anew.
func TestWatchBegins(t *testing.T) {
	_, app := overAPI(t, linestest.IDs(1, 2))
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("garbage", "42\n")
	write("other", `{"appid":"wx9999999999999999","revision":1}`)
	write("ahead", `{"appid":"`+string(app)+`","revision":9}`)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--after=-1"}, ui.CodeUsage, `--after "-1": want a revision, as 42, or now`},
		{[]string{"--after", "x"}, ui.CodeUsage, "want a revision"},
		{[]string{"--place", "garbage"}, ui.CodeUsage, "garbage: it holds no place of mpblock watch"},
		{[]string{"--place", "other"}, ui.CodeUsage, "it holds the place of the account wx9999999999999999"},
		{[]string{"--place", "."}, ui.CodeUsage, "--place: "},
		{[]string{"--place", filepath.Join("none", "place")}, ui.CodeFailed, "keep the place"},
		{[]string{"--after", "9"}, ui.CodeFailed, "hint: mpblock list reads the list; then mpblock watch --after 1"},
		{[]string{"--place", "ahead"}, ui.CodeFailed, "then rm ahead && mpblock watch --place ahead --after 1"},
	} {
		if code, _, errs := command(t, append([]string{"watch"}, c.args...)...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%q: exit code %d: %s", c.args, code, errs)
		}
	}
	t.Setenv("MPBLOCK_SECRET", "0123456789abcdef0123456789abcdef")
	if code, _, errs := command(t, "watch"); code != ui.CodeRefused {
		t.Errorf("a wrong secret: exit code %d: %s", code, errs)
	}
}

// Text names who, what, why and until when, without what steers a terminal.
func TestPrintChanges(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.Local)
	c := watchCmd{}
	err := c.print(ui.Terminal{Out: &out}, []native.Change{
		{Revision: 1, Kind: native.Blocked, Time: at, Actor: "api", Reason: "a\x1b[2Jb\nc", ExpireTime: at.Add(time.Hour), OpenIDs: []string{"oA", "oB"}},
		{Revision: 2, Kind: native.Unblocked, Time: at, Actor: "api:crm", Undoes: 1, OpenIDs: []string{"oA"}},
	})
	want := `1  2026-11-28 10:00:00  blocked    oA  by api, until 2026-11-28 11:00:00, a�[2Jb c
1  2026-11-28 10:00:00  blocked    oB  by api, until 2026-11-28 11:00:00, a�[2Jb c
2  2026-11-28 10:00:00  unblocked  oA  by api:crm, takes back 1
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}

var _ bulk.Server = (*termed)(nil)

// Who ends a watch hears of no error.
func TestWatchIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if unlessEnded(ctx, os.ErrClosed) == nil {
		t.Error("an error is none")
	}
	cancel()
	if err := unlessEnded(ctx, os.ErrClosed); err != nil {
		t.Error(err)
	}
}
