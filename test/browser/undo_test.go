package browser

import (
	"slices"
	"strings"
	"testing"
)

// newest returns the address of the newest change.
func (b *tab) newest() string {
	b.t.Helper()
	b.visit(account + "/history")
	return eval[string](b, "document.querySelector('tr[data-seq]:not(.job) a').getAttribute('href')")
}

// TestUndoFromTheNotice takes a slip back from the notice that tells of it: the rows are
// as they were, and that can be redone from the notice, too.
func TestUndoFromTheNotice(t *testing.T) {
	for _, lang := range []struct{ code, undone, redone, undo, redo, of string }{
		{"zh-CN", "已撤销。", "已重做。", "撤销", "重做", "撤销操作 #"},
		{"en", "Undone.", "Redone.", "Undo", "Redo", "undo of #"},
	} {
		t.Run(lang.code, func(t *testing.T) {
			s := serve(t)
			b := enter(t, s, lang.code)
			press := func(button, then string) {
				t.Helper()
				if got := b.text("[data-notice=good] [data-undo]"); got != button {
					t.Errorf("the button in the notice is %q, want %q", got, button)
				}
				b.follow("[data-notice=good] [data-undo]")
				b.says("[data-notice=good]", then)
			}
			listed := func(ids []string, want bool) {
				t.Helper()
				list := blacklist(t, s)
				if slices.ContainsFunc(ids, func(id string) bool { return list[id] != want }) {
					t.Errorf("%q are to be on the list: %v", ids, want)
				}
			}

			b.visit(account + "/followers")
			ids := b.tick(2)
			b.block("an old reason")
			listed(ids, true)
			press(lang.undo, lang.undone)
			listed(ids, false)
			if !b.has("tr[data-openid]") {
				t.Error("the undo has led away from the list")
			}
			press(lang.redo, lang.redone)
			listed(ids, true)

			row := func() string {
				t.Helper()
				b.visit(account + "/blacklist?q=" + ids[0][:20])
				return b.text("tr[data-openid='" + ids[0] + "']")
			}
			before := row()
			b.untick()
			b.click("tr[data-openid='" + ids[0] + "'] input")
			b.click("#act")
			b.fill("dialog[open] #why", "a slip")
			b.follow("dialog[open] #really")
			listed(ids[:1], false)
			press(lang.undo, lang.undone)
			listed(ids[:1], true)
			if after := row(); after != before || !strings.Contains(after, "an old reason") {
				t.Errorf("the row is %q, before the slip it was %q", after, before)
			}
			b.visit(b.newest())
			b.says("#main", lang.of)
			if got := b.text("#undo"); got != lang.redo {
				t.Errorf("the page of an undo offers %q, want %q", got, lang.redo)
			}
			b.calm()
		})
	}
}
