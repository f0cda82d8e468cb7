package console

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
)

// An admin adds a program, whose secret is shown once and gets tokens; gives it other
// scopes and another secret; and revokes it.
func TestPrograms(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp) + "/programs"
	secretOf := regexp.MustCompile(`id="secret">([0-9a-f]{32})<`)
	shown := func(a answer) string {
		t.Helper()
		m := secretOf.FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("no secret on %s:\n%s", a.path, a.body)
		}
		if secretOf.MatchString(b.get(a.path).body) {
			t.Error("the secret is shown again")
		}
		return m[1]
	}
	gets := func(secret string) error {
		_, err := s.access.Token(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(testApp), Secret: secret})
		return err
	}
	b.get("/accounts/"+string(testApp)).holds(t, 200, `href="`+at+`"`)
	b.get(at).holds(t, 200, "There is no program yet", `value="read" checked`, `value="write" checked`)
	b.post(at, "name", "CRM", "scope", "read").holds(t, 422, "cannot be the name of a program", `value="CRM"`, `value="write">`)
	b.post(at, "name", "crm").holds(t, 422, "A program needs one scope at least", `value="crm"`)
	b.post(at, "name", "crm", "scope", "send").holds(t, 422, "There is no scope")
	added := b.post(at, "name", "crm", "scope", "read")
	added.holds(t, 200, "Program crm has been added.", string(testApp), "admin", "never")
	secret := shown(added)
	if err := gets(secret); err != nil {
		t.Error(err)
	}
	b.post(at, "name", "crm", "scope", "read").holds(t, 422, "has a program crm already")

	one := at + "/crm"
	b.get(one).holds(t, 200, "Program crm", `value="read" checked`, `value="write">`)
	b.get(at+"/none").holds(t, 404)
	b.post(one).holds(t, 422, "one scope at least", `value="read">`)
	b.post(one, "scope", "write").holds(t, 200, "Saved.", `value="write" checked`, `value="read">`)
	b.post(one+"/secret").holds(t, 200, "Select the checkbox first")
	rotated := b.post(one+"/secret", "sure", "1")
	rotated.holds(t, 200, "Program crm has a new secret.")
	if next := shown(rotated); gets(next) != nil || gets(secret) == nil {
		t.Error("the new secret is not the one that is good")
	}
	b.post(one+"/revoke").holds(t, 200, "Select the checkbox first")
	gone := b.post(one+"/revoke", "sure", "1")
	gone.holds(t, 200, "Program crm has been revoked.", "Revoked")
	if strings.Contains(gone.body, `href="`+one+`"`) {
		t.Error("what was revoked can be opened from the list")
	}
	b.get(one).holds(t, 200, "Revoked")
	b.post(one+"/revoke", "sure", "1").holds(t, 422, "was revoked")
	b.get("/audit").holds(t, 200, "Program added", "Program scopes changed", "Program secret reset", "Program revoked", at, "write")
	b.post("/language", "lang", "zh-CN")
	b.get("/audit").holds(t, 200, "添加程序", "读取")
}

// What a program has done bears its name in all lists, in the reader's language, and
// they can be narrowed down by it.
func TestChangesOfAProgram(t *testing.T) {
	s := filled(t)
	if _, _, err := s.access.AddProgram(t.Context(), testApp, programs.New{Name: "bot", Scopes: programs.Scopes()}); err != nil {
		t.Fatal(err)
	}
	s.apply(mpblock.Block, "api:crm", "", time.Now(), follower(0)) // of a program that is there no more
	s.apply(mpblock.Block, "api", "", time.Now(), follower(1))
	b := s.as("viewer")
	for lang, words := range map[string][3]string{"en": {"Program crm", "Program bot", "API"}, "zh-CN": {"程序 crm", "程序 bot", "接口"}} {
		b.post("/language", "lang", lang)
		for _, path := range []string{base, base + "/blacklist", base + "/history", base + "/history/1", base + "/openids/" + follower(0)} {
			b.get(path).holds(t, 200, words[0], "actor=api%3Acrm")
		}
		list := b.get(base + "/history?actor=api%3Acrm")
		list.holds(t, 200, words[0], words[1], words[2], "#1")
		if strings.Contains(list.body, "#2") {
			t.Error("the changes of another are there")
		}
		if got := b.get(base + "/blacklist?actor=api%3Acrm").ids(); len(got) != 1 || got[0] != follower(0) {
			t.Errorf("blocked by crm: %q", got)
		}
	}
}
