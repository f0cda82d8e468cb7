package console

import (
	"errors"
	"net/http"
	"regexp"
	"testing"
)

// plain seals nothing.
type plain struct{}

func (plain) Wrap(_, text string) (string, error)     { return text, nil }
func (plain) Unwrap(_, sealed string) (string, error) { return sealed, nil }

// refuser is a receiver that answers 503, but for one that cannot be reached.
type refuser struct{}

func (refuser) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "away.example.com" {
		return nil, errors.New("away")
	}
	return &http.Response{StatusCode: 503, Body: http.NoBody, Header: http.Header{}}, nil
}

// An admin adds a webhook, whose secret is shown once; tries it, sends a message again, gives
// it another secret, and removes it.
func TestWebhooks(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp) + "/webhooks"
	b.get("/accounts/"+string(testApp)).holds(t, 200, `href="`+at+`"`)
	b.get(at).holds(t, 200, "There is no webhook yet", `value="expired" checked`)
	b.post(at, "name", "CRM", "url", "https://example.com/?a=1", "event", "blocked").holds(t, 422, "cannot be the name of a webhook", `value="CRM"`, `value="https://example.com/?a=1"`, `value="blocked" checked`, `value="expired">`)
	b.post(at, "name", "crm", "url", "http://example.com/", "event", "blocked").holds(t, 422, "is without TLS")
	b.post(at, "name", "crm", "url", "https://10.0.0.1/", "event", "blocked").holds(t, 422, "is not public")
	b.post(at, "name", "crm", "url", "https://example.com/").holds(t, 422, "Choose one event at least.")
	added := b.post(at, "name", "crm", "url", "https://example.com/hook", "event", "expired", "event", "blocked")
	added.holds(t, 200, "Webhook crm has been added.", "Blocked · End has come", "https://example.com/hook", "Nothing sent yet")
	secret := regexp.MustCompile(`id="secret">whsec_[^<]{40,}<`)
	one := at + "/crm"
	if !secret.MatchString(added.body) || secret.MatchString(b.get(one).body) {
		t.Error("the secret is not shown once")
	}
	b.get(one).holds(t, 200, "Nothing was sent yet.")
	b.post(one+"/test").holds(t, 200, "Not taken (503)", ">Test<", `name="id" value="msg_`)
	id := regexp.MustCompile(`name="id" value="(msg_[^"]+)"`).FindStringSubmatch(b.get(one).body)[1]
	b.post(one+"/resend", "id", id).holds(t, 200, "Not taken (503)")
	b.get(at).holds(t, 200, `label mind">The last was not taken<`)
	b.post(one+"/resend", "id", "msg_none").holds(t, 200, "has no delivery msg_none")
	rotated := b.post(one+"/secret", "days", "7")
	rotated.holds(t, 200, "Webhook crm has a new secret.", "This secret is shown once only", "Old secret good until")
	if !secret.MatchString(rotated.body) {
		t.Error("the new secret is not shown")
	}
	if body := b.post(one+"/secret", "days", "0").body; regexp.MustCompile("Old secret").MatchString(body) {
		t.Error("the old secret is said to be good")
	}
	b.post(one+"/resume").holds(t, 200, "It goes on.")
	b.post(at, "name", "away", "url", "https://away.example.com/", "event", "blocked")
	b.post(at+"/away/test").holds(t, 200, "Cannot be reached")
	b.get(at).holds(t, 200, `data-webhook="crm"`, `data-webhook="away"`)
	b.get(at+"/none").holds(t, 404)
	s.as("operator").get(at).holds(t, 403)
	b.post(one+"/remove").holds(t, 200, "Select the checkbox first")
	b.post(one+"/remove", "sure", "1").holds(t, 200, "Webhook crm has been removed.")
	b.get(one).holds(t, 404)
	b.get("/audit").holds(t, 200, "Webhook added", "Webhook secret reset", "Webhook resumed", "Webhook removed", at, "End has come")
	b.post("/language", "lang", "zh-CN")
	b.get(at+"/away").holds(t, 200, "推送记录", "无法连接", "上次推送未被接收")
}
