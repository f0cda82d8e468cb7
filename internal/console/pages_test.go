package console

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
)

const base = "/a/" + string(testApp)

// Every page, in both languages: it is there, says in which language it is, is small
// enough, and holds neither script nor style of its own.
func TestPages(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("admin")
	b.post(base+"/block", "openid", follower(0), "openid", follower(1), "reason", "spam")
	b.post(base+"/unblock", "openid", follower(1), "reason", "sorry")
	b.post("/accounts/"+string(testApp)+"/programs", "name", "crm", "scope", "read", "scope", "write")
	b.post("/accounts/"+string(testApp)+"/webhooks", "name", "crm", "url", "https://example.com/", "event", "blocked")
	b.post("/accounts/" + string(testApp) + "/webhooks/crm/test")
	draft := b.upload(base+"/bulk", "block", follower(3)+"\nnonsense\n")
	job := b.upload(base+"/bulk", "block", follower(4)+"\n").path
	b.post(job + "/start")
	adding := b.send(base+"/followers/change", "add", mpblock.Mint(testPrefix, mpblock.Key{}, "new").String()+" nonsense", "", "")
	removing := b.send(base+"/followers/change", "remove", follower(5), "", "")
	pages := map[string][2]string{
		base:                             {"粉丝总数", "Followers"},
		base + "/followers":              {"已关注", "Followers"},
		base + "/followers?q=o":          {"(120)", "(120)"},
		base + "/start":                  {"开始使用", "First steps"},
		base + "/followers/change":       {"导入与移除粉丝", "Import or remove followers"},
		adding.path:                      {"登记 1 位粉丝", "Register 1 follower"},
		removing.path:                    {"移除 1 位粉丝", "Remove 1 follower"},
		base + "/remarks":                {"备注导入与导出", "Import and export remarks"},
		base + "/blacklist":              {"移出黑名单", "Export CSV"},
		base + "/blacklist?reason=spam":  {follower(0), follower(0)},
		base + "/blacklist?reason=none":  {"没有符合条件", "matches"},
		base + "/bulk":                   {"批量操作", "Bulk actions"},
		draft.path:                       {"会跳过的行", "nonsense"},
		job:                              {"结果", "Report"},
		base + "/history":                {"操作记录", "sorry"},
		base + "/history?action=unblock": {"sorry", "sorry"},
		base + "/history/1":              {"操作 #1", "Change #1"},
		base + "/history/1/undo":         {"撤销操作 #1", "1 user was changed since"},
		base + "/openids/" + follower(1) + "/remark":     {"最多 30 个字", "At most 30"},
		base + "/openids/" + follower(1):                 {"不在黑名单中", "not blocked"},
		base + "/history?q=" + follower(1):               {"sorry", "sorry"}, // goes to the OpenID
		"/accounts":                                      {"新建公众号", "New account"},
		"/accounts/" + string(testApp):                   {"IP 白名单", "IP allow-list"},
		"/accounts/" + string(testApp) + "/webhooks":     {"添加 Webhook", "New webhook"},
		"/accounts/" + string(testApp) + "/webhooks/crm": {"推送记录", "Deliveries"},
		"/accounts/" + string(testApp) + "/programs":     {"添加程序", "New program"},
		"/accounts/" + string(testApp) + "/protected":    {"添加受保护用户", "Protect people"},
		"/accounts/" + string(testApp) + "/programs/crm": {"吊销程序", "Revoke program"},
		"/audit":            {"设置变更记录", "Changes of settings"},
		"/operators":        {"新建操作员", "New operator"},
		"/operators/viewer": {"操作员 viewer", "Operator viewer"},
		"/me":               {"修改密码", "Change password"},
		"/calls":            {"getblacklist", "getblacklist"},
		"/":                 {"概览", "Overview"},
	}
	inline := regexp.MustCompile(`(?i)<script(?:>| [^>]*>[^<])|<style|\son[a-z]+=|\sstyle=|javascript:`)
	for i, l := range []i18n.Lang{i18n.Chinese, i18n.English} {
		b.post("/language", "lang", string(l))
		for path, want := range pages {
			a := b.get(path)
			a.holds(t, 200, `<html lang="`+string(l)+`"`, want[i])
			if strings.Contains(a.body, "%!") {
				t.Errorf("%s in %s: an argument is missing", path, l)
			}
			if len(a.body) > 100_000 {
				t.Errorf("%s: %d bytes", path, len(a.body))
			}
			if m := inline.FindString(a.body); m != "" {
				t.Errorf("%s: %q in the page", path, m)
			}
			if got := a.header.Get("Content-Security-Policy"); got != web.Policy {
				t.Errorf("%s: policy %q", path, got)
			}
			if got := a.header.Get("Cache-Control"); !strings.Contains(got, "no-store") && !strings.Contains(got, "no-cache") {
				t.Errorf("%s: may be kept: %q", path, got)
			}
		}
	}
	if strings.Contains(s.log.String(), "ERROR") {
		t.Error(s.log)
	}
}

// What operators and callers write is text, wherever it shows.
func TestWrittenTextIsText(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	const script = `<script>alert(1)</script>`
	b.post(base+"/block", "openid", follower(0), "reason", script)
	for _, path := range []string{base, base + "/blacklist", base + "/history", base + "/history/1", base + "/openids/" + follower(0), base + "/blacklist?reason=%3Cscript%3E"} {
		a := b.get(path)
		a.holds(t, 200, "&lt;script&gt;", "Tea &lt;house&gt;")
		if strings.Contains(a.body, script) {
			t.Errorf("%s: the reason is markup", path)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := filled(t)
	b := s.as("viewer")
	for _, path := range []string{
		"/nothing", "/a/wx9999999999999999", "/a/nonsense", base + "/nothing", base + "/history/99", base + "/history/x",
		base + "/jobs/none", "/login/oidc", "/login/oidc/return", base + "/blacklist/export?format=xml",
	} {
		b.get(path).holds(t, 404, "There is nothing at this address")
	}
	a := b.post("/calls")
	a.holds(t, 405, "Use the links and buttons")
	if a.header.Get("Allow") != http.MethodGet {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	for _, path := range []string{
		base + "/followers?after=nonsense", base + "/openids/nonsense", base + "/blacklist?from=yesterday",
	} {
		if a := b.get(path); a.status != 422 && a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	b := newSite(t).browser()
	for name, kind := range map[string]string{"style.css": "text/css", "console.js": "text/javascript", "htmx.min.js": "text/javascript", "icon.svg": "image/svg"} {
		a := b.get("/static/" + name)
		a.holds(t, 200)
		if !strings.HasPrefix(a.header.Get("Content-Type"), kind) {
			t.Errorf("%s: %s", name, a.header.Get("Content-Type"))
		}
		r := b.request(http.MethodGet, "/static/"+name, nil)
		r.Header.Set("If-None-Match", a.header.Get("ETag"))
		b.do(r).holds(t, 304)
	}
	b.get("/static/none.css").holds(t, 404)
	b.get("/static/").holds(t, 404)
}

// link returns where the link with an id leads, "" if there is none.
func link(a answer, id string) string {
	m := regexp.MustCompile(`href="([^"]+)"[^>]* id="` + id + `"`).FindStringSubmatch(a.body)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

// Followers and blacklist lead on and back, page by page.
func TestPaging(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	fields := []string{"reason", "all"}
	for i := range followers {
		fields = append(fields, "openid", follower(i))
	}
	b.post(base+"/block", fields...)
	for _, list := range []string{"/followers", "/blacklist"} {
		seen := map[string]bool{}
		var last answer
		pages := 0
		for at := base + list; at != ""; at = link(last, "page-next") {
			last = b.get(at)
			pages++
			for _, m := range regexp.MustCompile(`data-openid="([^"]+)"`).FindAllStringSubmatch(last.body, -1) {
				seen[m[1]] = true
			}
		}
		if len(seen) != followers || pages != 3 {
			t.Errorf("%s: %d different OpenIDs on %d pages", list, len(seen), pages)
		}
		second := b.get(link(last, "page-previous"))
		first := b.get(link(second, "page-previous"))
		if first.path != base+list || first.body != b.get(base+list).body {
			t.Errorf("%s: back to %s", list, first.path)
		}
		if b.get(link(last, "page-first")).path != base+list {
			t.Errorf("%s: the first page is at %s", list, link(last, "page-first"))
		}
	}
}

// A filter by day is of the viewer's days.
func TestZone(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.post(base+"/block", "openid", follower(0))
	changes := b.get(base + "/history")
	stamp := regexp.MustCompile(`<time datetime="([^"]+)" title="[^"]+ (?:&#43;|-)(\d\d:\d\d)">([^<]+)<`)
	m := stamp.FindStringSubmatch(changes.body)
	if m == nil || m[2] != "08:00" {
		t.Fatalf("without a zone: %q", m)
	}
	r := b.request(http.MethodGet, base+"/history", nil)
	r.AddCookie(&http.Cookie{Name: "mpblock_zone", Value: "Asia%2FKathmandu"})
	if m := stamp.FindStringSubmatch(b.do(r).body); m == nil || m[2] != "05:45" {
		t.Errorf("in Kathmandu: %q", m)
	}
	day := m[3][:10]
	b.get(base+"/history?from="+day+"&to="+day).holds(t, 200, "#1")
	b.get(base+"/history?to=2000-01-01").holds(t, 200, "No matching changes")
	b.get(base+"/blacklist?from=2999-01-01").holds(t, 200, "Nobody on the blacklist matches")
}
