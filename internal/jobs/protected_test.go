package jobs

import (
	"slices"
	"testing"
	"time"

	"mpblock"
)

func (c *jobCase) protect(ids ...string) {
	c.t.Helper()
	var parsed []mpblock.OpenID
	for _, id := range ids {
		parsed = append(parsed, mpblock.OpenID([]byte(id)))
	}
	if _, _, err := c.svc.lists.Protection().Protect(c.t.Context(), c.a, "console:anna", "客服 staff", parsed); err != nil {
		c.t.Fatal(err)
	}
}

// Who is protected is left out of a job, and reported with who has protected them and why.
func TestJobLeavesOutTheProtected(t *testing.T) {
	c := newJobCase(t)
	c.protect(c.ids[4], c.ids[5])
	j := c.start()
	if p := j.Preview; p.Protected != 2 || p.New+p.Already+p.Unknown+p.Protected != p.Total {
		t.Errorf("preview %+v", p)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if j = c.job(j.ID); j.State != JobDone || j.Progress != (JobProgress{Total: 11, Done: 5, Already: 3, Refused: 3}) {
		t.Errorf("job %+v", j)
	}
	if got := c.changed(j.ID); got != "0001001111" {
		t.Errorf("changed %s", got)
	}
	var lines []RefusedLine
	for line, err := range c.svc.Refused(t.Context(), c.app, j.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Why == WhyProtected {
			lines = append(lines, line)
		}
	}
	if len(lines) != 2 || lines[0].Line != 5 || lines[0].Text != c.ids[4] || lines[0].Key != "openid.protected" ||
		!slices.Equal(lines[0].Args, []string{c.ids[4], "console:anna", "客服 staff"}) {
		t.Errorf("reported %+v", lines)
	}
}

// A preview has whom nobody can block apart, also who is blocked already, where it is to block.
func TestPreviewOfTheProtected(t *testing.T) {
	c := newJobCase(t)
	c.protect(c.ids[0], c.ids[4])
	for action, want := range map[mpblock.Action]JobPreview{
		mpblock.Block:   {Total: 11, New: 6, Already: 2, Unknown: 1, Protected: 2, Malformed: 1, Foreign: 1, Duplicates: 1},
		mpblock.Unblock: {Total: 11, New: 3, Already: 7, Unknown: 1, Malformed: 1, Foreign: 1, Duplicates: 1},
	} {
		if got := c.draft(action).Preview; got != want {
			t.Errorf("%v: %+v, want %+v", action, got, want)
		}
	}
}

// The undo of a job that has unblocked leaves out who was protected since, also where that
// is all of them.
func TestUndoJobLeavesOutTheProtected(t *testing.T) {
	c := newJobCase(t)
	draft := c.draft(mpblock.Unblock)
	if _, err := c.svc.Start(t.Context(), c.app, draft.ID, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	c.protect(c.ids[:3]...)
	if w, err := c.svc.PreviewUndo(t.Context(), c.app, draft.ID); err != nil || w.Would != 0 || w.Left != 3 {
		t.Errorf("preview %+v %v", w, err)
	}
	undo, err := c.svc.Undo(t.Context(), c.app, "anna", draft.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if errs := runQueue(c.svc, t.Context()); len(errs) != 0 {
		t.Fatal(errs)
	}
	if j := c.job(undo.ID); j.State != JobDone || j.Progress.Done != 0 || j.Progress.Refused != 3 {
		t.Errorf("undo %+v", j)
	}
	if got := c.refused(undo.ID); !slices.Equal(got, []string{"0 protected", "0 protected", "0 protected"}) {
		t.Errorf("refused %q", got)
	}
}
