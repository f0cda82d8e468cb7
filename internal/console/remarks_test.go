package console

import (
	"net/http"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/lines"
)

// part sends a form as the script does.
func (b *browser) part(path string, fields ...string) answer {
	b.s.t.Helper()
	r := b.form(path, fields...)
	r.Header.Set("HX-Request", "true")
	return b.do(r)
}

// A remark is edited in a dialog or on a page, and stands wherever the OpenID does.
func TestRemarks(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	page := base + "/openids/" + follower(0)
	b.get(page+"/remark").holds(t, 200, "<html", `action="`+page+`/remark"`, "At most 30 characters, seen by the team and by programs of this account", `name="back" value="`+base+`/followers"`)
	done := b.post(page+"/remark", "remark", " 广告 <b>号</b> ", "name", "Wang", "back", base+"/followers?q="+follower(0)[:14])
	done.holds(t, 200, "The remark is saved.", "广告 &lt;b&gt;号&lt;/b&gt; <span class=\"soft\">Wang</span>")
	if done.path != base+"/followers?q="+follower(0)[:14] {
		t.Errorf("back at %s", done.path)
	}
	dialog := b.part(page+"/remark", "remark", "ad", "name", "Wang")
	if dialog.body != `ad <span class="soft">Wang</span>` || dialog.header.Get("HX-Retarget") != `[data-remark="`+follower(0)+`"]` {
		t.Errorf("%q goes to %q", dialog.body, dialog.header.Get("HX-Retarget"))
	}
	b.post(base+"/block", "openid", follower(0), "openid", follower(1))
	b.post(base+"/unblock", "openid", follower(0))
	b.post(base+"/block", "openid", follower(0))
	shown := `<span data-remark="` + follower(0) + `">ad <span class="soft">Wang</span></span>`
	for _, path := range []string{"/followers?q=" + follower(0)[:14], "/blacklist", "/openids/" + follower(0), "/history/1"} {
		b.get(base+path).holds(t, 200, shown, `hx-get="`+page+`/remark"`)
	}
	for _, path := range []string{base, base + "/history"} { // of the first few of a change
		b.get(path).holds(t, 200, `<td data-label="Remark">ad Wang</td>`)
	}
	b.get(base+"/history/1/undo").holds(t, 200, `ad <span class="soft">Wang</span>`)
	b.post(base+"/confirm", "action", "block", "openid", follower(0), "openid", "nonsense").holds(t, 200, `ad <span class="soft">Wang</span>`, "nonsense")

	v := s.as("viewer")
	if a := v.get(base + "/blacklist"); !strings.Contains(a.body, shown) || strings.Contains(a.body, "/remark") {
		t.Error("a viewer does not see the remark alone")
	}
	v.get(page+"/remark").holds(t, 403)
	v.post(page+"/remark", "remark", "x", "name", "").holds(t, 403)

	b.post(page+"/remark", "remark", "", "name", "")
	if a := b.get(page); strings.Contains(a.body, "Wang") {
		t.Error("what was erased is still there")
	}
	if strings.Contains(s.log.String(), "Wang") || strings.Contains(s.log.String(), "广告") {
		t.Error("a remark in the log")
	}
}

// Exports have the remarks, and the reader of lists takes back what they were, also what
// a spreadsheet would take for a formula.
func TestRemarksInExports(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.post(base+"/block", "openid", follower(0), "openid", follower(1))
	want := [2]string{"'=sum, \"x\"", "+1"}
	b.post(base+"/openids/"+follower(0)+"/remark", "name", want[0], "remark", want[1])
	for _, format := range []string{"csv", "ndjson"} {
		a := b.get(base + "/blacklist/export?format=" + format)
		got := map[string][2]string{}
		_, err := lines.Read(strings.NewReader(a.body), lines.Options{}, func(l lines.Line) error {
			name, remark := l.Person()
			got[l.Text] = [2]string{name, remark}
			return nil
		})
		if err != nil || len(got) != 2 || got[follower(0)] != want || got[follower(1)] != [2]string{} {
			t.Errorf("%s: %q, %v", format, got, err)
		}
		if format == "csv" && (!strings.Contains(a.body, `,"''=sum, ""x""",'+1`)) {
			t.Errorf("not guarded: %s", a.body)
		}
	}
}

// Names and remarks come from a file, and what is exported can be imported again.
func TestRemarksOfAFile(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	foreign := mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{}, "x").String()
	file := "昵称,OpenID,备注\nWang,\"" + follower(0) + "\",'=ad\n,nonsense,x\n," + foreign + ",x\n," + follower(1) + "," + strings.Repeat("x", 31) + "\n," + follower(2) + ",\n"
	a := b.upload(base+"/remarks", "", file)
	a.holds(t, 200, "The remark of 1 person is set.", "3 lines were refused:<ul><li>line 3, “nonsense”: ",
		"<li>line 4, “"+foreign+"”: ", "<li>line 5, “"+follower(1)+"”: ")
	many := b.upload(base+"/remarks", "", "openid,remark\n"+strings.Repeat("oxx,y\n", sampleRows+7))
	many.holds(t, 200, "57 lines were refused:", "<li>line 51, “oxx”: ", "<li>7 more are not shown.</li></ul>")
	if strings.Contains(many.body, "line 52,") {
		t.Error("the list of refused lines is not bounded")
	}
	b.get(base+"/openids/"+follower(0)).holds(t, 200, `=ad <span class="soft">Wang</span>`)
	b.upload(base+"/remarks", "", follower(0)+"\n").holds(t, 422, "the first line must name the columns")
	b.upload(base+"/remarks", "", "openid,remark\n"+follower(3)+"\n,x\n").holds(t, 200, "1 line was refused:<ul><li>line 3, “,x”: ")

	v := s.as("viewer")
	v.get(base+"/remarks").holds(t, 200, "takes the role operator")
	v.upload(base+"/remarks", "", file).holds(t, 403)
	v.get(base+"/remarks/export?format=ndjson").holds(t, 200, `{"openid":"`+follower(0)+`","name":"Wang","remark":"=ad"}`)
	v.get(base+"/remarks/export").holds(t, 404)
	csv := v.get(base + "/remarks/export?format=csv")
	csv.holds(t, 200, follower(0)+",Wang,'=ad")
	b.post(base+"/openids/"+follower(0)+"/remark", "remark", "", "name", "")
	b.upload(base+"/remarks", "", csv.body)
	b.get(base+"/openids/"+follower(0)).holds(t, 200, `=ad <span class="soft">Wang</span>`)
	s.as("limited").get(base+"/remarks/export?format=csv").holds(t, 404)
}

// What is refused is shown with what was entered, and nothing is erased by a form that
// is not whole.
func TestRemarkIsRefused(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	page := base + "/openids/" + follower(0) + "/remark"
	b.post(page, "remark", "kept", "name", "")
	long := strings.Repeat("长", 31)
	b.post(page, "remark", long, "name", "Wang").holds(t, http.StatusUnprocessableEntity, "A remark of 31 characters: want at most 30.", `value="`+long+`"`, `value="Wang"`, "<html")
	if a := b.part(page, "remark", long, "name", "Wang"); a.header.Get("HX-Retarget") != "" || !strings.Contains(a.body, `value="`+long+`"`) {
		t.Errorf("in a dialog: %s", a.body)
	}
	foreign := mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{}, "x").String()
	b.post(base+"/openids/"+foreign+"/remark", "remark", "x", "name", "").holds(t, 422, foreign+" is an OpenID of another account")
	b.post(base+"/openids/nonsense/remark", "remark", "x", "name", "").holds(t, 422, "nonsense")
	b.get(base+"/openids/nonsense/remark").holds(t, 404)
	b.part(page).holds(t, 422, "arrived incomplete")
	b.part(page, "name", "").holds(t, 422)
	b.get(base+"/openids/"+follower(0)).holds(t, 200, "kept")
}
