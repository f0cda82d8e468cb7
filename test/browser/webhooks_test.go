package browser

import (
	"strings"
	"testing"
)

// TestWebhooks has an admin add a webhook, whose secret is shown once, try it, and remove it.
func TestWebhooks(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	page := "/accounts/" + strings.TrimPrefix(account, "/a/")
	hooks := page + "/webhooks"
	b.visit(page)
	b.follow("#webhooks")
	b.inBoth("webhooks-none", func(b *tab) { b.visit(hooks) })
	b.size(1440, 900)
	b.visit(hooks)
	b.fill("#new-webhook #name", "crm")
	b.fill("#new-webhook #url", "https://example.invalid/hooks/blacklist")
	b.follow("#new-webhook .primary")
	if secret := b.text("#secret"); !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret is %q", secret)
	}
	b.follow("#test button")
	b.says("[data-delivery] .label", "The name leads nowhere")
	if b.has("#secret") {
		t.Error("the secret is shown again")
	}
	b.follow("[data-delivery] button")
	b.visit(hooks)
	b.says("[data-webhook=crm]", "The last was not taken")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(hooks)
		b.speak(lang)
		b.inspect(at("webhooks", hooks), lang)
		b.inspect(at("webhook", hooks+"/crm"), lang)
		b.inspect(look{"webhook-secret", func(b *tab) {
			b.visit(hooks + "/crm")
			b.follow("#rotate button")
		}}, lang)
	}
	b.size(1440, 900)
	b.visit(hooks + "/crm")
	b.click("#remove input[name=sure]")
	b.follow("#remove .danger")
	if b.has("[data-webhook=crm]") {
		t.Error("what was removed is still there")
	}
}
