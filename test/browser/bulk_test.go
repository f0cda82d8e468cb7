package browser

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
)

// free returns followers who are not blocked, in the order of their OpenIDs.
func free(t *testing.T, s *testserver.Server, blocked map[string]bool) []string {
	t.Helper()
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for after := ""; ; {
		res, err := http.Get(s.Base + "/cgi-bin/user/get?" + url.Values{"access_token": {token}, "next_openid": {after}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var a testserver.Answer
		err = json.NewDecoder(res.Body).Decode(&a)
		res.Body.Close()
		if err != nil || a.Errcode != 0 {
			t.Fatalf("user/get: errcode %d, %v", a.Errcode, err)
		}
		if a.Count == 0 {
			return all
		}
		for _, id := range a.Data.Openid {
			if !blocked[id] {
				all = append(all, id)
			}
		}
		after = a.Next
	}
}

// wrongLine is a line that a job refuses: as it is put in, and why.
type wrongLine struct{ text, why string }

// bad returns the lines of a list that a job has to refuse.
func bad() []wrongLine {
	var all []wrongLine
	for i := range 15 {
		all = append(all, wrongLine{fmt.Sprintf("no OpenID %d", i), "Malformed"})
	}
	for i := range 5 {
		all = append(all, wrongLine{fmt.Sprintf("o6_bmjrPTlm6_2sgVt7hMZOPf%dLM", i), "Other account’s"})
	}
	for i := range 20 {
		all = append(all, wrongLine{fmt.Sprintf("o3sDe0AAAAAAAAAAAAAAAAA%03dAA", i), "Unknown"})
	}
	return all
}

func TestThousandAtOnce(t *testing.T) {
	s := serve(t)
	before := blacklist(t, s)
	someFree := free(t, s, before)[:900]
	blocked := slices.Sorted(func(yield func(string) bool) {
		for id := range before {
			if !yield(id) {
				return
			}
		}
	})[:50]
	lines := slices.Concat(someFree, blocked, someFree[:10])
	wrong := map[string]string{} // by text and line
	for i, w := range bad() {
		at := i * 20 // among the good ones
		lines = slices.Insert(lines, at, w.text)
	}
	for i, line := range lines {
		for _, w := range bad() {
			if w.text == line {
				wrong[fmt.Sprintf("%s,%d", w.text, i+1)] = w.why
			}
		}
	}
	if len(lines) != 1000 || len(wrong) != 40 {
		t.Fatalf("the list has %d lines, %d of them wrong", len(lines), len(wrong))
	}

	b := enter(t, s, "en")
	b.follow("nav a[href='" + account + "/bulk']")
	b.put("#list", strings.Join(lines, "\n"))
	b.follow("#preview")
	for kind, want := range map[string]int{"new": 900, "already": 50, "unknown": 20, "malformed": 15, "foreign": 5, "duplicate": 10} {
		if got := b.figure("#plan", kind); got != want {
			t.Errorf("the preview says %d %s, want %d", got, kind, want)
		}
	}
	if now := blacklist(t, s); len(now) != len(before) {
		t.Fatalf("a preview has changed the blacklist from %d to %d", len(before), len(now))
	}
	b.fill("#why", "a list from the shop")
	job := eval[string](b, "location.pathname")
	b.follow("#go")
	b.reopen() // the job goes on by itself
	b.visit(job)
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	for kind, want := range map[string]int{"done": 900, "already": 50, "refused": 40, "left": 0} {
		if got := b.figure("#report", kind); got != want {
			t.Errorf("the report says %d %s, want %d", got, kind, want)
		}
	}
	now := blacklist(t, s)
	for _, id := range someFree {
		if !now[id] {
			t.Fatalf("%s was in the list and is not blocked", id)
		}
	}
	if len(now) != len(before)+900 {
		t.Errorf("the blacklist went from %d to %d, want 900 more", len(before), len(now))
	}
	refused := map[string]string{}
	for _, row := range b.table("#refused", "openid", "line", "why", "detail") {
		refused[row[0]+","+row[1]] = row[2]
	}
	if fmt.Sprint(refused) != fmt.Sprint(wrong) { // which prints maps in order
		t.Errorf("refused were\n%v\nand wrong were\n%v", refused, wrong)
	}
}

// reopen closes the tab, and opens another with its cookies.
func (b *tab) reopen() {
	b.t.Helper()
	old := b.ctx
	b.open(chromedp.WithExistingBrowserContext(chromedp.FromContext(old).BrowserContextID))
	if _, err := chromedp.Call(old, page.Close, cdp.Empty{}); err != nil {
		b.t.Fatalf("close the tab: %v", err)
	}
}

func TestExports(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.visit(account + "/followers")
	ids := b.tick(2)
	b.block("with, comma and \"quotes\" 引号")
	want := blacklist(t, s)
	b.visit(account + "/blacklist")
	rows := b.table("#export-csv", "openid", "seq", "blocked_at", "actor", "reason", "name", "remark", "until")
	got := map[string]bool{}
	reasons := map[string]string{}
	for _, row := range rows {
		got[row[0]], reasons[row[0]] = true, row[4]
	}
	if len(rows) != len(want) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the CSV has %d rows, and the API a list of %d", len(rows), len(want))
	}
	for _, id := range ids {
		if reasons[id] != "with, comma and \"quotes\" 引号" {
			t.Errorf("the CSV says of %s: %q", id, reasons[id])
		}
	}
	objects := strings.Split(strings.TrimSuffix(b.download("#export-ndjson"), "\n"), "\n")
	if len(objects) != len(rows) {
		t.Fatalf("the NDJSON has %d lines, and the CSV %d rows", len(objects), len(rows))
	}
	for i, text := range objects {
		var o struct {
			OpenID, Actor, Reason string
			Seq                   uint64
			Name, Remark, Until   string
			Time                  string `json:"blocked_at"`
		}
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("line %d, %q: %v", i+1, text, err)
		}
		if row := []string{o.OpenID, fmt.Sprint(o.Seq), o.Time, o.Actor, o.Reason, o.Name, o.Remark, o.Until}; !slices.Equal(row, rows[i]) {
			t.Fatalf("line %d of the NDJSON is %q, and row %d of the CSV %q", i+1, row, i+1, rows[i])
		}
	}
	b.visit(account + "/blacklist?q=" + ids[0][:20])
	if rows := b.table("#export-csv", "openid", "seq", "blocked_at", "actor", "reason", "name", "remark", "until"); len(rows) != 1 || rows[0][0] != ids[0] {
		t.Errorf("of a search for %s the export has %q", ids[0], rows)
	}
}

// table downloads CSV with the given heading, and returns the rows below it.
func (b *tab) table(css string, heading ...string) [][]string {
	b.t.Helper()
	text := b.download(css)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil || len(rows) == 0 || !slices.Equal(rows[0], heading) {
		b.t.Fatalf("%s: the download has no heading %q, %v: %.200q", css, heading, err, text)
	}
	return rows[1:]
}

// download clicks what the browser keeps as a file, and returns what is in it.
func (b *tab) download(css string) string {
	b.t.Helper()
	dir, ended := b.t.TempDir(), make(chan *browser.EventDownloadProgress, 1)
	err := chromedp.ListenBrowser(b.ctx, func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok && e.State != browser.DownloadProgressStateInProgress {
			select {
			case ended <- e:
			default:
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	yes := true
	_, err = chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &yes,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.click(css)
	select {
	case e := <-ended:
		if e.State != browser.DownloadProgressStateCompleted {
			b.t.Fatalf("the download of %s is %s", css, e.State)
		}
		text, err := os.ReadFile(filepath.Join(dir, e.GUID))
		if err != nil {
			b.t.Fatal(err)
		}
		return string(text)
	case <-time.After(patience):
		b.t.Fatalf("the download of %s does not end", css)
		return ""
	}
}
