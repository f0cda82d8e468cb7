package browser

import (
	"strings"
	"testing"
)

// TestPrograms has an admin add a program, whose secret is shown once, give it one scope
// and another secret, and revoke it.
func TestPrograms(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	page := "/accounts/" + strings.TrimPrefix(account, "/a/")
	programs := page + "/programs"
	b.visit(page)
	b.follow("#programs")
	b.fill("#new-program #name", "crm")
	b.follow("#new-program .primary")
	secret := b.text("#secret")
	if len(secret) != 32 {
		t.Fatalf("the secret is %q", secret)
	}
	b.visit(programs)
	if b.has("#secret") {
		t.Error("the secret is shown again")
	}
	b.follow("[data-program=crm] a")
	b.click("#scopes input[value=write]")
	b.follow("#scopes .primary")
	b.click("#rotate .danger") // the browser says what is missing
	if !eval[bool](b, "document.querySelector('#rotate input[name=sure]').validity.valueMissing") {
		t.Error("nobody is asked whether it is meant")
	}
	rotate := func(b *tab) {
		b.visit(programs + "/crm")
		b.click("#rotate input[name=sure]")
		b.follow("#rotate .danger")
	}
	rotate(b)
	if next := b.text("#secret"); len(next) != 32 || next == secret {
		t.Errorf("the new secret is %q, the old one %q", next, secret)
	}
	if row := b.text("[data-program=crm]"); !strings.Contains(row, "read") || strings.Contains(row, "write") {
		t.Errorf("the row says %q", row)
	}
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(programs)
		b.speak(lang)
		b.inspect(at("programs", programs), lang)
		b.inspect(at("program", programs+"/crm"), lang)
		b.inspect(look{"program-secret", rotate}, lang)
	}
	b.size(1440, 900)
	b.visit(programs + "/crm")
	b.click("#revoke input[name=sure]")
	b.follow("#revoke .danger")
	b.says("[data-program=crm]", "Revoked")
	if b.has("[data-program=crm] a") {
		t.Error("what was revoked can be opened")
	}
	for _, lang := range []string{"en", "zh-CN"} {
		b.speak(lang)
		b.inspect(at("program-revoked", programs+"/crm"), lang)
	}
}
