package console

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/listfile"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
)

// upload sends a list as the page does.
func (b *browser) upload(path, action, list string) answer {
	b.s.t.Helper()
	return b.send(path, action, "", "list.csv", list)
}

// send sends the form of a list: what was pasted, and a file.
func (b *browser) send(path, action, pasted, name, list string) answer {
	b.s.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.WriteField("action", action); err != nil {
		b.s.t.Fatal(err)
	}
	if err := w.WriteField("list", pasted); err != nil {
		b.s.t.Fatal(err)
	}
	file, err := w.CreateFormFile("file", name)
	if err != nil {
		b.s.t.Fatal(err)
	}
	fmt.Fprint(file, list)
	w.Close()
	r := b.request(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(r)
}

// Block with a reason, see it everywhere, unblock, undo.
func TestBlockUnblockUndo(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	r := b.form(base+"/confirm", "action", "block", "openid", follower(0), "openid", follower(1))
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Current-URL", s.URL+base+"/followers?q=o")
	dialog := b.do(r)
	dialog.holds(t, 200, "Block 2 users?", "They stay followers", `action="`+base+`/block"`, `value="`+follower(1)+`"`, `name="back" value="`+base+`/followers?q=o"`)
	if strings.Contains(dialog.body, "<html") {
		t.Error("a dialog with a page around it")
	}
	done := b.post(base+"/block", "openid", follower(0), "openid", follower(1), "reason", "spam", "back", base+"/followers?q=o")
	done.holds(t, 200, "2 users are blocked.", base+"/history/1/undo", `data-done="`+string(testApp)+`:followers"`)
	if done.path != base+"/followers?q=o" {
		t.Errorf("back at %s", done.path)
	}
	b.get(base+"/blacklist").holds(t, 200, "(2)", follower(0), follower(1), "spam", "operator")
	b.post(base+"/block", "openid", follower(0)).holds(t, 200, "Nothing changed")
	b.post(base+"/unblock", "openid", follower(1)).holds(t, 200, "1 user is unblocked.")
	b.get(base+"/history/1/undo").holds(t, 200, "1 user will be unblocked.", "1 user was changed since", follower(1))
	b.post(base+"/history/1/undo", "note", "by mistake").holds(t, 200, "Undone for 1 user.", "1 user was changed since", "by mistake")
	b.get(base+"/blacklist").holds(t, 200, "Nobody is on the blacklist")
	b.get(base+"/openids/"+follower(0)).holds(t, 200, "spam", "by mistake", "This user is not blocked.")
}

func TestBlockIsRefused(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.post(base+"/confirm", "action", "block").holds(t, 200, "No users are selected")
	b.post(base+"/block").holds(t, 422, "That did not work")
	b.post(base+"/block", "openid", "nonsense").holds(t, 422, "is not an OpenID")
	stranger := mpblock.Mint(testPrefix, mpblock.Key{}, "stranger").String()
	b.post(base+"/block", "openid", follower(0), "openid", stranger).holds(t, 422, "stays out of it", stranger, "not a follower")
	b.post(base+"/block", "openid", follower(0), "reason", strings.Repeat("x", 2000)).holds(t, 422, "A reason of 2000 bytes")
	b.post("/language", "lang", "zh-CN")
	b.post(base+"/block", "openid", stranger).holds(t, 422, "该用户不能加入黑名单", "不是粉丝")
	b.get(base+"/blacklist").holds(t, 200, "暂无黑名单用户")
}

// The file of what was left out says why in the language of the pages, with each line.
func TestRefusedSpeaksTheirLanguage(t *testing.T) {
	b := filled(t).as("operator")
	b.post("/language", "lang", "zh-CN")
	preview := b.upload(base+"/bulk", "block", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M\n"+follower(1)+"\n")
	b.get(preview.path+"/refused").holds(t, 200, "o6_bmjrPTlm6_2sgVt7hMZOPfL2M,1,其他公众号的,")
}

// A list of many: preview, job, report, the refused ones, undo of the whole.
func TestJob(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	var list strings.Builder
	list.WriteString("\ufeffopenid,reason\r\n")
	for i := range 100 {
		fmt.Fprintf(&list, "%s,x\r\n", follower(i))
	}
	fmt.Fprintf(&list, "%s\r\nnonsense\r\n=1+1\r\n\r\n", follower(0))
	preview := b.upload(base+"/bulk", "block", list.String())
	preview.holds(t, 200, "100 users would be blocked", "Nothing has changed yet", "nonsense", "103")
	for kind, n := range map[string]int{"new": 100, "malformed": 2, "duplicate": 1, "already": 0} {
		if !regexp.MustCompile(fmt.Sprintf(`data-kind="%s"><th scope="row">[^<]+</th><td class="number">%d<`, kind, n)).MatchString(preview.body) {
			t.Errorf("not %d %s:\n%s", n, kind, preview.body)
		}
	}
	b.get(base+"/blacklist").holds(t, 200, "Nobody is on the blacklist")
	if a := b.post(preview.path+"/start", "reason", "raid"); a.path != preview.path {
		t.Fatalf("started, and at %s", a.path)
	}
	report := b.wait(preview.path + "/progress")
	report.holds(t, 200, "100%", "102 / 102", "Done") // with those that were refused before it began
	b.post(preview.path+"/stop").holds(t, 422, "it has ended")
	b.get(base+"/blacklist?reason=raid").holds(t, 200, "(100)")
	refused := b.get(preview.path + "/refused")
	refused.holds(t, 200, "nonsense,", "'=1+1,")
	if !strings.Contains(refused.header.Get("Content-Disposition"), "attachment") {
		t.Error("the refused ones are no file")
	}
	b.get(preview.path+"/undo").holds(t, 200, "100 users will be unblocked.")
	undo := b.post(preview.path+"/undo", "note", "")
	b.wait(undo.path + "/progress")
	id := strings.TrimPrefix(preview.path, base+"/jobs/")
	b.get(undo.path).holds(t, 200, `<a href="`+preview.path+`">undo of job `+id, "100%", `href="`+undo.path+`/undo" id="undo">Redo<`)
	b.get(preview.path).holds(t, 200, `href="`+undo.path+`">undone by `, `href="`+undo.path+`/undo" id="undo">Redo<`)
	b.get(base+"/bulk").holds(t, 200, "undone by ", `<a class="again" href="`+undo.path+`/undo">Redo</a>`)
	b.get(base+"/history").holds(t, 200, ">undone by "+strings.TrimPrefix(undo.path, base+"/jobs/")+"<", `<a href="`+preview.path+`">undo of job `+id+"<")
	b.get(base+"/history?actor=job:"+id).holds(t, 200, "undone by #2", `<a href="`+base+`/history/1">#1</a>`)
	b.get(base+"/blacklist").holds(t, 200, "Nobody is on the blacklist")
	b.get(base+"/bulk").holds(t, 200, undo.path, preview.path)
	b.get(undo.path+"/undo").holds(t, 200, "Redo: undo job", "100 users go back on the blacklist", ">Redo for 100<")
	redo := b.post(undo.path+"/undo", "note", "")
	b.wait(redo.path + "/progress")
	b.get(preview.path).holds(t, 200, "redone by ", `href="`+redo.path+`/undo" id="undo">Undo<`)
	b.get(base+"/blacklist?reason=raid").holds(t, 200, "(100)", ">job "+id+"<")
}

// The history and the overview have one row for a job: what it is called, how many it has
// changed in all, and the way to its changes.
func TestJobIsOneRow(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	preview := b.upload(base+"/bulk", "block", follower(0)+"\n"+follower(1)+"\n"+follower(2)+"\n")
	b.post(preview.path+"/start", "reason", "raid")
	b.wait(preview.path + "/progress")
	id := strings.TrimPrefix(preview.path, base+"/jobs/")
	s.apply(mpblock.Unblock, "api", "", time.Now(), follower(2))
	s.apply(mpblock.Block, "job:"+id, "raid", time.Now(), follower(2)) // a second piece of it
	forgotten := "260101000000-00beef-carl"
	for i := range 2 {
		s.apply(mpblock.Block, "job:"+forgotten, "spam", time.Now(), follower(10+i))
	}
	changes := func(id string) string {
		return `<a href="` + base + `/history?actor=job%3A` + id + `">Changes</a>`
	}
	for _, path := range []string{base, base + "/history", base + "/history?action=block&actor=console:operator"} {
		a := b.get(path)
		a.holds(t, 200, changes(id), `<td class="number" data-label="Users">3</td>`, `<a href="`+preview.path+`">job `+id+"<", "raid")
		if n := strings.Count(a.body, ">job "+id+"<"); n != 1 {
			t.Errorf("%s: it has %d rows", path, n)
		}
	}
	b.get(base+"/history").holds(t, 200, changes(forgotten), `<td class="number" data-label="Users">1+</td>`)
	whole := b.get(base + "/history?actor=job:" + id)
	if n := strings.Count(whole.body, "data-seq="); n != 2 || strings.Contains(whole.body, ">Changes<") {
		t.Errorf("its changes are %d", n)
	}
}

// wait asks for the progress of a job, as the page does, until it asks no more.
func (b *browser) wait(path string) answer {
	b.s.t.Helper()
	for {
		a := b.get(path)
		if a.status != 200 || !strings.Contains(a.body, "hx-trigger") {
			return a
		}
	}
}

func TestListsThatAreNone(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.upload(base+"/bulk", "block", "").holds(t, 422, "The list is empty")
	b.upload(base+"/bulk", "block", "nonsense\n").holds(t, 422, "no OpenID of this account")
	b.upload(base+"/bulk", "delete", follower(0)).holds(t, 422, "The form arrived incomplete")
	b.upload(base+"/bulk", "block", strings.Repeat("x", lines.MaxLine+1)).holds(t, 422, "no OpenID of this account")
	b.send(base+"/bulk", "unblock", "kept\n<b>", "old.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").
		holds(t, 422, "Excel workbook of the old form", "kept\n&lt;b&gt;</textarea>", `value="unblock" checked`)
	b.post(base+"/bulk", "action", "block").holds(t, 422, "The form arrived incomplete")
	draft := b.upload(base+"/bulk", "unblock", follower(0))
	draft.holds(t, 200, "There is nothing to do")
	b.post(draft.path+"/drop").holds(t, 200, "There were no jobs yet")
	b.get(draft.path).holds(t, 404)
}

// TestRefusedFileIsReadAgain: the file of what a job left out is taken as it is.
func TestRefusedFileIsReadAgain(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	list := follower(0) + "\noxx\n=1+1 damaged\n"
	for range 3 {
		preview := b.upload(base+"/bulk", "block", list)
		preview.holds(t, 200)
		refused := b.get(preview.path + "/refused").body
		if strings.Count(refused, "\n") != 3 {
			t.Fatalf("%q", refused)
		}
		list = refused + follower(0) + ",9,x,y\n"
	}
}

// TestEachStateHasWords: each state that a job may be in is shown.
func TestEachStateHasWords(t *testing.T) {
	v := &visit{Visit: &web.Visit{Lang: i18n.English, Zone: time.UTC}}
	for _, state := range []jobs.JobState{jobs.JobDraft, jobs.JobQueued, jobs.JobRunning, jobs.JobStopping, jobs.JobStopped, jobs.JobDone, jobs.JobFailed} {
		v.Lang = i18n.English
		if view := v.jobView(jobs.Job{State: state}, nil); view.State == "" || view.Mood == "" {
			t.Errorf("%s is shown as %q", state, view.State)
		}
		v.Lang = i18n.Chinese
		if view := v.jobView(jobs.Job{State: state, Problem: jobs.ProblemGone}, nil); view.Problem != "名单已失效：提交后 30 天内没有执行。" {
			t.Errorf("why it failed is shown as %q", view.Problem)
		}
	}
}

// Both exports hold what the list holds, and the filter.
func TestExport(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.post(base+"/block", "openid", follower(0), "openid", follower(1), "reason", `=cmd, "quoted" 理由`)
	b.post(base+"/block", "openid", follower(2), "reason", "other")
	b = s.as("viewer")
	a := b.get(base + "/blacklist/export?format=csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.body, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][0] != "openid" {
		t.Fatalf("%v %q", err, rows)
	}
	for _, row := range rows[1:] {
		if row[0] == follower(0) && (row[4] != `'=cmd, "quoted" 理由` || row[3] != "console:operator" || row[1] != "1") {
			t.Errorf("%q", row)
		}
	}
	a = b.get(base + "/blacklist/export?format=ndjson&reason=other")
	var row listfile.Row
	if err := json.Unmarshal([]byte(a.body), &row); err != nil || row.OpenID != follower(2) || row.Reason != "other" {
		t.Errorf("%v %q", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Error(got)
	}
}

// An export of more than what goes out at a time is whole.
func TestLongExport(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	for range 3 {
		fields := []string{"reason", "many"}
		err := s.lists.MintFollowers(t.Context(), s.account(testApp), 900, func(ids []mpblock.OpenID) error {
			for _, id := range ids {
				fields = append(fields, "openid", id.String())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.post(base+"/block", fields...).holds(t, 200, "900 users are blocked")
	}
	a := b.get(base + "/blacklist/export?format=ndjson")
	if n := strings.Count(a.body, "\n"); a.status != 200 || n != 2700 {
		t.Errorf("%d, %d lines", a.status, n)
	}
}

// What each role is shown, and what it is refused by address.
func TestRoles(t *testing.T) {
	s := filled(t)
	s.as("operator").post(base+"/block", "openid", follower(0))
	draft := s.as("operator").upload(base+"/bulk", "block", follower(1)).path
	tests := []struct {
		path, method     string
		viewer, operator int
		fields           []string
	}{
		{base + "/block", "POST", 403, 200, []string{"openid", follower(5)}},
		{base + "/unblock", "POST", 403, 200, []string{"openid", follower(5)}},
		{base + "/confirm", "POST", 403, 200, []string{"openid", follower(5)}},
		{base + "/history/1/undo", "GET", 403, 200, nil},
		{base + "/history/1/undo", "POST", 403, 200, nil},
		{draft + "/start", "POST", 403, 200, nil},
		{draft + "/stop", "POST", 403, 200, nil},
		{"/accounts", "POST", 403, 403, []string{"name", "x"}},
		{"/accounts/" + string(testApp), "GET", 403, 403, nil},
		{"/accounts/" + string(testApp), "POST", 403, 403, nil},
		{"/accounts/" + string(testApp) + "/secret", "POST", 403, 403, []string{"sure", "1"}},
		{"/accounts/" + string(testApp) + "/programs", "GET", 403, 403, nil},
		{"/accounts/" + string(testApp) + "/programs", "POST", 403, 403, []string{"name", "x", "scope", "read"}},
		{"/accounts/" + string(testApp) + "/programs/crm", "GET", 403, 403, nil},
		{"/accounts/" + string(testApp) + "/protected", "GET", 403, 403, nil},
		{"/accounts/" + string(testApp) + "/protected", "POST", 403, 403, []string{"openids", "x", "why", "x"}},
		{"/accounts/" + string(testApp) + "/protected/end", "POST", 403, 403, []string{"openid", "x"}},
		{"/accounts/" + string(testApp) + "/programs/crm", "POST", 403, 403, []string{"scope", "read"}},
		{"/accounts/" + string(testApp) + "/programs/crm/secret", "POST", 403, 403, []string{"sure", "1"}},
		{"/accounts/" + string(testApp) + "/programs/crm/revoke", "POST", 403, 403, []string{"sure", "1"}},
		{"/operators", "GET", 403, 403, nil},
		{"/operators", "POST", 403, 403, []string{"name", "x", "role", "admin"}},
		{"/operators/viewer", "GET", 403, 403, nil},
		{"/operators/viewer", "POST", 403, 403, []string{"role", "admin"}},
		{"/operators/admin/reset", "POST", 403, 403, nil},
		{"/operators/admin/logout", "POST", 403, 403, nil},
		{"/operators/admin/disable", "POST", 403, 403, []string{"disabled", "1"}},
		{"/operators/admin/remove", "POST", 403, 403, []string{"sure", "1"}},
		{"/second-factor", "POST", 403, 403, []string{"required", "1"}},
	}
	for name, status := range map[string]func(int) int{
		"viewer": func(i int) int { return tests[i].viewer }, "operator": func(i int) int { return tests[i].operator },
	} {
		b := s.as(name)
		for i, tt := range tests {
			a := b.get(tt.path)
			if tt.method == "POST" {
				a = b.post(tt.path, tt.fields...)
			}
			want := status(i)
			if a.status != want {
				t.Errorf("%s %s %s: %d, want %d", name, tt.method, tt.path, a.status, want)
			}
			if want == 403 && !strings.Contains(a.body, "You may not do this") {
				t.Errorf("%s %s %s: without words", name, tt.method, tt.path)
			}
		}
		if strings.Contains(b.get(base).body, `href="/operators"`) {
			t.Errorf("%s is shown the operators", name)
		}
	}
	viewer := s.as("viewer")
	for _, path := range []string{base + "/followers", base + "/blacklist", base + "/bulk", base + "/history/1", base + "/openids/" + follower(0), "/accounts"} {
		a := viewer.get(path)
		a.holds(t, 200)
		if strings.Contains(a.body, `data-needs-picks`) || strings.Contains(a.body, "/undo") || strings.Contains(a.body, `enctype=`) || strings.Contains(a.body, `id="act"`) || strings.Contains(a.body, `id="new-account"`) {
			t.Errorf("%s shows a viewer what it may not do", path)
		}
	}
	limited := s.as("limited")
	for _, path := range []string{base, base + "/followers", base + "/blacklist/export?format=csv"} {
		limited.get(path).holds(t, 404)
	}
	limited.post(base+"/block", "openid", follower(7)).holds(t, 404)
	if a := limited.get("/accounts"); strings.Contains(a.body, string(testApp)) {
		t.Error("an operator sees an account that is not its own")
	}
	if n, err := s.lists.Totals(t.Context(), testApp); err != nil || n.Blocked != 0 { // the undo has unblocked the one
		t.Errorf("%+v %v", n, err)
	}
}
