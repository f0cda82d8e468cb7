package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/emulator"
	"mpblock/internal/wire"
)

// program makes a program, whose calls come from then on, and returns its secret.
func (b *bent) program(name string, scopes ...programs.Scope) string {
	b.Helper()
	_, secret, err := b.access.AddProgram(b.Context(), b.account.AppID, programs.New{Name: name, Scopes: scopes})
	if err != nil {
		b.Fatal(err)
	}
	tok, err := b.access.Token(b.Context(), access.Credentials{GrantType: "client_credential", AppID: string(b.account.AppID), Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	b.token = tok.Value
	return secret
}

// What a program blocks and remarks bears its name; without it, that of the API.
func TestChangesNameTheProgram(t *testing.T) {
	b := emulate(t)
	change := func(body string) {
		t.Helper()
		for _, call := range []string{"tags/members/batchblacklist", "user/info/updateremark"} {
			if _, a := b.call(call, body); a.Errcode != wire.CodeOK {
				t.Fatalf("%s: %+v", call, a)
			}
		}
	}
	body := func(n int) string {
		return `{"openid_list":["` + b.ids[n] + `"],"openid":"` + b.ids[n] + `","remark":"x"}`
	}
	change(body(0))
	b.program("crm", programs.Scopes()...)
	change(body(1))
	h := b.handler.(*handler)
	for n, actor := range []string{"api", "api:crm"} {
		id, err := mpblock.ParseOpenID(b.ids[n])
		if err != nil {
			t.Fatal(err)
		}
		c, err := h.Lists.ChangeAt(t.Context(), b.account.AppID, uint64(n+1))
		if err != nil || c.Actor != actor || c.OpenIDs[0] != id {
			t.Errorf("change %d is by %q, want %q, %v", n+1, c.Actor, actor, err)
		}
		said, err := h.Remarks.Of(t.Context(), b.account.AppID, []mpblock.OpenID{id})
		if err != nil || said[id].By != actor {
			t.Errorf("a remark is by %q, want %q, %v", said[id].By, actor, err)
		}
	}
}

func TestProgramWithoutAScope(t *testing.T) {
	b := emulate(t)
	for _, x := range []struct {
		has, lacks programs.Scope
		calls      []string
	}{
		{programs.Read, programs.Write, []string{"tags/members/batchblacklist", "tags/members/batchunblacklist"}},
		{programs.Write, programs.Read, []string{"tags/members/getblacklist", "user/info/batchget"}},
	} {
		b.program(string(x.has), x.has)
		for _, call := range x.calls {
			r := httptest.NewRequest(http.MethodPost, "/cgi-bin/"+call+"?access_token="+b.token, strings.NewReader(`{"openid_list":["`+b.ids[0]+`"]}`))
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			if detail := w.Header().Get("X-Error-Detail"); !strings.Contains(w.Body.String(), `"errcode":48001`) || !strings.Contains(detail, "has not the scope "+string(x.lacks)+", which") {
				t.Errorf("%s: %s, %q", call, w.Body, detail)
			}
		}
	}
}

// A rule of a plan, and a reading of the journal, may be of one program: of its calls for
// a token too, however it shows its secret.
func TestPlanOfAProgram(t *testing.T) {
	b := emulate(t)
	secret := b.program("crm", programs.Scopes()...)
	b.program("bot", programs.Scopes()...)
	b.plan("rules: [{name: crm, match: {program: crm}, effect: {errcode: -1}}]")
	if _, a := b.call("tags/members/getblacklist", "{}"); a.Errcode != wire.CodeOK {
		t.Errorf("another program is struck: %+v", a)
	}
	query := "grant_type=client_credential&appid=" + string(b.account.AppID) + "&secret="
	form := func(body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/cgi-bin/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	struck := []*http.Request{
		httptest.NewRequest(http.MethodGet, "/cgi-bin/token?"+query+secret, nil), form(query + secret),
		httptest.NewRequest(http.MethodPost, "/cgi-bin/stable_token", strings.NewReader(`{"grant_type":"client_credential","appid":"`+string(b.account.AppID)+`","secret":"`+secret+`"}`)),
	}
	for i, r := range append(struck, httptest.NewRequest(http.MethodGet, "/cgi-bin/token?"+query+b.secret, nil)) {
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), `"errcode":-1`); got != (i < len(struck)) {
			t.Errorf("call %d: %s", i, w.Body)
		}
	}
	for program, want := range map[string]int{"crm": len(struck), "bot": 1, "c*": len(struck), "none": 0} {
		if got, _ := b.Journal.Read(emulator.Filter{Program: program}, 0, 99); len(got) != want {
			t.Errorf("the journal has %d calls of %s, want %d", len(got), program, want)
		}
	}
	calls, _ := b.Journal.Read(emulator.Filter{}, 0, 99)
	if last := calls[len(calls)-1]; last.Program != "" || last.AppID != string(b.account.AppID) {
		t.Errorf("the account's own call is of %q", last.Program)
	}
}
