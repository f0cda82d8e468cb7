package browser

import "testing"

// TestWithoutScripts looks at what dialogs hold where there are no scripts: pages of their own.
func TestWithoutScripts(t *testing.T) {
	b := enter(t, serve(t), "en")
	plain := func(page, css string) func(*tab) {
		return func(b *tab) {
			b.scripts(true) // by which language and looks are known
			b.visit(account + page)
			b.untick()
			b.tick(2)
			b.scripts(false)
			defer b.scripts(true)
			b.follow(css)
		}
	}
	for _, l := range []struct {
		name, first string
		reach       func(*tab)
	}{
		{"plain-block", "really", plain("/followers", "#act")}, {"plain-unblock", "really", plain("/blacklist", "#act")},
	} {
		b.inBoth(l.name, l.reach)
		if got := eval[string](b, "document.querySelector('main .actions').firstElementChild.id"); got != l.first {
			t.Errorf("%s: the first button is %q", l.name, got)
		}
		b.size(1440, 900)
	}
}

// TestForbidden looks at what somebody sees whose role is too low.
func TestForbidden(t *testing.T) {
	b := newOperator(enter(t, serve(t), "en"), "vera", "viewer", "a phrase for the test alone")
	b.allow("/operators")
	b.inBoth("forbidden", func(b *tab) { b.visit("/operators") })
	b.says("#message", "Your role does not allow it")
}
