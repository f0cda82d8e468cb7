package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mpblock/internal/testserver"
)

// fails has the calls of an emulator fail by a plan; "" ends it.
func fails(t *testing.T, there *testserver.Server, rules string) {
	t.Helper()
	args := []string{"emulator", "faults", "clear", "--control", there.Control}
	if rules != "" {
		file := filepath.Join(t.TempDir(), "plan.yaml")
		if err := os.WriteFile(file, []byte("rules:\n"+rules), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"emulator", "faults", "load", file, "--control", there.Control}
	}
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// job starts a job of a list on an account on the platform, and returns its address.
func (b *tab) job(ids []string) string {
	b.t.Helper()
	b.draft(ids)
	b.fill("#why", "a list from the shop")
	at := eval[string](b, "location.pathname")
	b.follow("#go")
	return at
}

// stage waits until a job is at a stage on its way to the platform; "": until it has ended.
func (b *tab) stage(name string) {
	b.t.Helper()
	state := "document.querySelector('#progress').dataset.state === 'done'"
	if name != "" {
		state = "document.querySelector('#stage')?.dataset.stage === " + quote(name)
	}
	b.wait(state)
}

// TestStages has the platform refuse some of a job, then all of one, lose its answers, and
// have no more calls for the day: the pages say so, and the job goes on by itself.
func TestStages(t *testing.T) {
	there := emulator(t)
	people := free(t, there, blacklist(t, there))
	b := gateway(t)
	b.visit("/accounts/platform")
	b.put("#url", there.Base)
	b.put("#appid", testserver.DemoAppID)
	b.follow("#next")
	b.put("#secret", testserver.DemoSecret)
	b.follow("#next")
	b.follow("#next")
	b.put("#name", "Shop 小店")
	b.follow("#next")
	b.says("#connection", "23,000 on it")

	fails(t, there, "- name: limited\n  match: {path: '*/batchblacklist', openid: "+people[7]+"}\n  effect: {errcode: 50002}\n")
	job := b.job(append(people[:40:40], "o3sDe0AAAAAAAAAAAAAAAAA000AA"))
	b.stage("")
	if done, refused := b.figure("#report", "done"), b.figure("#report", "refused"); done != 39 || refused != 2 {
		t.Errorf("%d were blocked and %d refused", done, refused)
	}
	b.visit(job)
	b.says("#report", "Of them with 50002: The platform has limited this user")
	b.says("#report", "Of them with 40003: The platform does not know this OpenID")
	b.click("#people summary")
	b.says("#people", people[7]+" 50002")
	b.inBoth("job-refused", func(b *tab) { b.visit(job) })
	b.visit(account + "/bulk")
	b.says("main", "2 refused by the platform")
	b.inBoth("jobs-refused", func(b *tab) { b.visit(account + "/bulk") })

	fails(t, there, "- name: barred\n  match: {path: '*/batchblacklist'}\n  effect: {errcode: 48004}\n")
	job = b.job(people[40:60])
	b.stage("refused")
	b.says("#stage", "(48004): The account is barred from this call")
	b.inBoth("job-barred", func(b *tab) { b.visit(job); b.stage("refused") })
	fails(t, there, "")
	b.stage("")

	fails(t, there, "- name: lost\n  match: {path: '*/batchblacklist'}\n  effect: {reset: after}\n- name: unread\n  match: {path: '*/getblacklist'}\n  effect: {reset: after}\n")
	job = b.job(people[60:80])
	b.stage("unknown")
	b.says("#stage", "answer about 20 users was lost")
	b.inBoth("job-unknown", func(b *tab) { b.visit(job); b.stage("unknown") })
	b.visit(account + "/history")
	b.says("#left", "Unknown, being checked")
	b.inBoth("history-unknown", func(b *tab) { b.visit(account + "/history") })
	person := account + "/openids/" + people[60]
	b.visit(person)
	b.says("#ways", "answer about 1 user was lost")
	b.inBoth("person-unknown", func(b *tab) { b.visit(person) })
	fails(t, there, "")
	b.visit(account + "/platform")
	b.follow("#sync") // which reads the list at once
	b.visit(job)
	b.stage("")
	b.visit(account + "/history")
	b.visit(person)
	if b.has("#ways") {
		t.Error("what was settled is still on its way to the platform")
	}
	b.visit(account + "/history")
	if b.has("#left") {
		t.Error("what was settled is still being checked")
	}

	fails(t, there, "- name: over\n  match: {path: '*/batchblacklist'}\n  effect: {errcode: 45009}\n")
	job = b.job(people[80:100])
	b.stage("waiting")
	b.says("#stage", "calls for today are used up")
	b.inBoth("job-waiting", func(b *tab) { b.visit(job); b.stage("waiting") })
	b.inBoth("jobs-waiting", func(b *tab) { b.visit(account + "/bulk") })
	b.inBoth("person-waiting", func(b *tab) { b.visit(account + "/openids/" + people[80]) })
	b.says("#ways [data-stage=waiting]", "Waiting for the platform")
	if blocked := blacklist(t, there); !blocked[people[60]] || blocked[people[80]] {
		t.Error("the platform's list is not what the pages say")
	}
}
