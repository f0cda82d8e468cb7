package console

import (
	"strconv"
	"strings"
	"testing"

	"mpblock"
)

// A slip is taken back from the notice, with the list as it was, and that again.
func TestUndoFromTheNotice(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	list := base + "/blacklist"
	b.post(base+"/block", "openid", follower(0), "openid", follower(1), "reason", "spam", "back", list)
	b.post(base+"/unblock", "openid", follower(0), "openid", follower(1), "reason", "slip", "back", list).holds(t, 200,
		`action="`+base+`/history/2/undo"`, `name="back" value="`+list+`"`, ">Undo</button>", "Nobody is on")
	b.post(base+"/history/2/undo", "note", "a\tb").holds(t, 422, "want one line", `name="note" value="a`, "2 users go back on the blacklist")
	undone := b.post(base+"/history/2/undo", "back", list)
	undone.holds(t, 200, "Undone. <form", `action="`+base+`/history/3/undo"`, ">Redo</button>", follower(0), follower(1), "spam")
	if undone.path != list || strings.Contains(undone.body, "slip") || strings.Contains(undone.body, "undo of") {
		t.Errorf("at %s:\n%s", undone.path, undone.body)
	}
	b.get(base+"/history").holds(t, 200, `<a class="label mind" href="`+base+`/history/3">undone by #3</a> <a class="again" href="`+base+`/history/3/undo">Redo</a>`,
		`<a href="`+base+`/history/2">undo of #2</a>`)
	b.get(base+"/history/2").holds(t, 200, "undone by #3", `href="`+base+`/history/3/undo" id="undo">Redo<`)
	b.get(base+"/history/3").holds(t, 200, "undo of #2", `href="`+base+`/history/3/undo" id="undo">Redo<`)
	b.get(base+"/history/3/undo").holds(t, 200, "Redo: undo change #3", "2 users will be unblocked.", ">Redo for 2<")
	b.post(base+"/history/3/undo", "back", list).holds(t, 200, "Redone. <form", `action="`+base+`/history/4/undo"`, ">Undo</button>", "Nobody is on")
	b.get(base+"/history/2").holds(t, 200, "redone by #4", `href="`+base+`/history/4/undo" id="undo">Undo<`)
	b.post(base+"/history/3/undo", "back", list).holds(t, 200, "There is nothing to undo", "Nobody is on")
	b.post("/language", "lang", "zh-CN")
	b.post(base+"/history/4/undo", "back", "https://example.org/").holds(t, 200, "已撤销。", ">重做</button>", "撤销操作 #4")
	b.get(list).holds(t, 200, "spam")
	b.get(base+"/history").holds(t, 200, "已撤销（#5）", "撤销操作 #2")
	b.post(base+"/confirm", "action", "block", "openid", follower(5)).holds(t, 200, "spam")
	if page := b.get(base); strings.Count(page.body, "spam") == 0 || strings.Contains(page.body, "undo of change") {
		t.Errorf("the overview:\n%s", page.body)
	}
}

// The numbers of a preview that has not looked at all of a job add up, and its button
// has one.
func TestUndoOfALargeJob(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	const many = 12_000
	var ids []mpblock.OpenID
	var list strings.Builder
	for i := range many {
		id := mpblock.Mint(testPrefix, mpblock.Key{9}, "many-"+strconv.Itoa(i))
		ids = append(ids, id)
		list.WriteString(id.String() + "\n")
	}
	for ; len(ids) > 0; ids = ids[min(len(ids), mpblock.MaxWrite):] {
		if _, err := s.lists.AddFollowers(t.Context(), s.account(testApp), ids[:min(len(ids), mpblock.MaxWrite)]); err != nil {
			t.Fatal(err)
		}
	}
	job := b.upload(base+"/bulk", "block", list.String()).path
	b.post(job+"/start", "reason", "raid")
	b.wait(job + "/progress")
	first, _, _ := strings.Cut(list.String(), "\n")
	b.post(base+"/unblock", "openid", first)
	b.get(job+"/undo").holds(t, 200, "Of the first 10,000 of 12,000:", "users will be unblocked.", "The other 2,000 are looked at on the way", ">Undo for up to 1")
	undo := b.post(job+"/undo", "note", "").path
	b.wait(undo + "/progress")
	b.get(job).holds(t, 200, "undone by ")
	b.get(base+"/blacklist").holds(t, 200, "Nobody is on")
	b.get(undo+"/undo").holds(t, 200, "go back on the blacklist, with the time, person and reason they had.", ">Redo for 11,999<")
	b.post("/language", "lang", "zh-CN")
	b.get(job+"/undo").holds(t, 200, "已检查前 10,000 人（共 12,000 人）：", "其余 2,000 人在执行时检查", ">撤销（最多 2,000 人）<")
}
