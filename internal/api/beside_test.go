package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/remarks"
	"mpblock/internal/wire"
)

// bent is an emulator with one account.
type bent struct {
	*testing.T
	*emulator.Emulator
	server
	access  *access.Service
	account *mpblock.Account
	secret  string
}

func emulate(t *testing.T) *bent {
	t.Helper()
	b := &bent{T: t, Emulator: emulator.New(mpblock.SystemClock{}, emulator.DefaultJournal)}
	store := memstore.WithClock(b.Clock)
	var err error
	if b.access, err = access.Open(t.Context(), store, access.WithClock(b.Clock)); err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{Clock: b.Clock})
	if err != nil {
		t.Fatal(err)
	}
	b.add()
	err = l.MintFollowers(t.Context(), b.account, 5, func(ids []mpblock.OpenID) error {
		for _, id := range ids {
			b.ids = append(b.ids, id.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.handler = New(Options{
		Access: b.access, Lists: l, Remarks: remarks.New(store, b.Clock), Emulator: b.Emulator, RID: true,
		Observe: func(r Request) { b.access.CountCall(r.AppID, r.Call, int(r.Code)) },
	})
	return b
}

// add makes an account, whose calls come from then on.
func (b *bent) add() {
	b.Helper()
	var err error
	if b.account, b.secret, err = b.access.AddAccount(b.Context(), access.NewAccount{}); err != nil {
		b.Fatal(err)
	}
	b.renew()
}

// renew gets a token that is good now.
func (b *bent) renew() {
	b.Helper()
	tok, err := b.access.StableToken(b.Context(), access.Credentials{GrantType: "client_credential", AppID: string(b.account.AppID), Secret: b.secret}, false)
	if err != nil {
		b.Fatal(err)
	}
	b.token = tok.Value
}

// call makes a call with the present token, and returns its rid and what it holds.
func (b *bent) call(name, body string) (rid string, answer answer) {
	b.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.Context(), "POST", "/cgi-bin/"+name+"?access_token="+url.QueryEscape(b.token), strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	func() {
		defer func() { _ = recover() }() // of an answer that is lost
		b.handler.ServeHTTP(w, r)
	}()
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			b.Fatalf("%s: %v: %s", name, err, w.Body)
		}
	}
	return w.Header().Get("X-Request-Id"), answer
}

type answer struct {
	Errcode wire.Code
	Errmsg  string
	Request wire.Request
	Quota   wire.DayQuota
}

func (b *bent) plan(text string) {
	b.Helper()
	p, err := fault.Parse([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	b.Load(p)
}

func (b *bent) earlier(rid string) answer {
	b.Helper()
	_, a := b.call("openapi/rid/get", `{"rid":"`+rid+`"}`)
	return a
}

// What became of a call is found by its rid: what was refused, whose answer was lost, and
// what a fault plan answered.
func TestEarlierCalls(t *testing.T) {
	b := emulate(t)
	body := `{"openid_list":["` + b.ids[0] + `"]}`
	check := func(what, rid, body, answered string) {
		t.Helper()
		a := b.earlier(rid)
		r := a.Request
		if a.Errcode != wire.CodeOK || r.Body != body || !strings.Contains(r.Answer, answered) || r.ClientIP != "192.0.2.7" {
			t.Errorf("%s: %+v, want an answer with %s", what, a, answered)
		}
		if r.URL != "/cgi-bin/tags/members/batchblacklist?access_token=***" || time.Since(time.Unix(r.InvokeTime, 0)).Abs() > time.Hour {
			t.Errorf("%s: at %s, %d", what, r.URL, r.InvokeTime)
		}
	}
	rid, _ := b.call("tags/members/batchblacklist", body)
	check("a good call", rid, body, `{"errcode":0,"errmsg":"ok"}`)
	rid, refused := b.call("tags/members/batchblacklist", `{"openid_list":["OPENID1"]}`)
	if !strings.HasSuffix(refused.Errmsg, " rid: "+rid) {
		t.Errorf("the rid %s is not in %q", rid, refused.Errmsg)
	}
	check("a refused call", rid, `{"openid_list":["OPENID1"]}`, `"errcode":40003`)
	b.plan("rules: [{name: busy, match: {path: '*/batchblacklist'}, effect: {errcode: 45015}}]")
	rid, struck := b.call("tags/members/batchblacklist", body)
	if struck.Errcode != wire.CodeReplyTime || !strings.HasPrefix(struck.Errmsg, "response out of time limit") {
		t.Errorf("a plan's 45015: %+v", struck)
	}
	check("a call that a plan refused", rid, body, `"errcode":45015`)
	b.plan("rules: [{name: lost, match: {path: '*/batchblacklist'}, effect: {lost_answer: cut}}]")
	rid, _ = b.call("tags/members/batchblacklist", body)
	check("a call whose answer was lost", rid, body, `"errcode":0`)
	b.plan(`rules: [{name: proxy, match: {path: '*/batchblacklist'}, effect: {http: 503, body: '{"busy": true}'}}]`)
	calls, _ := b.Journal.Read(emulator.Filter{}, 0, 1)
	_, _ = b.call("tags/members/batchblacklist", body)
	calls, _ = b.Journal.Read(emulator.Filter{}, calls[0].N, 1)
	rid = calls[0].RID // the answer does not have it
	check("a call that a proxy answered", rid, body, `"busy"`)
	b.Unload()
	if a := b.earlier("61725984-6126f6f9-040f19c4"); a.Errcode != wire.CodeNoRID {
		t.Errorf("a rid of nothing: %+v", a)
	}
	if b.add(); b.earlier(rid).Errcode != wire.CodeNoRID {
		t.Error("another account is told of the call")
	}
}

// Neither the journal nor what is told of it holds a token or a secret.
func TestEarlierCallsKeepSecrets(t *testing.T) {
	b := emulate(t)
	credentials := `{"grant_type":"client_credential","appid":"` + string(b.account.AppID) + `","secret":"` + b.secret + `"}`
	var rids []string
	for _, body := range []string{credentials, strings.Replace(credentials, "client_credential", "x", 1), credentials + "junk"} {
		rid, _ := b.call("stable_token", body)
		rids = append(rids, rid)
	}
	for _, rid := range rids {
		a := b.earlier(rid)
		if a.Errcode != wire.CodeOK || !strings.Contains(a.Request.Body, `"secret":"***"`) {
			t.Errorf("%s: %+v", rid, a)
		}
		again, _ := b.call("openapi/rid/get", `{"rid":"`+rid+`"}`) // and of the call that asked
		for _, shown := range []string{fmt.Sprint(a), fmt.Sprint(b.earlier(again))} {
			if strings.Contains(shown, b.secret) || strings.Contains(shown, b.token) {
				t.Errorf("a secret or token is shown: %s", shown)
			}
		}
	}
}

// A quota that a plan has used up shows as used, and is given back like any other.
func TestQuotaOfAPlan(t *testing.T) {
	b := emulate(t)
	const call = "tags/members/getblacklist"
	want := func(what string, code wire.Code, used, remain int) {
		t.Helper()
		_, got := b.call(call, "{}")
		_, q := b.call("openapi/quota/get", `{"cgi_path":"/cgi-bin/`+call+`"}`)
		if got.Errcode != code || q.Quota.Used != used || q.Quota.Remain != remain {
			t.Errorf("%s: %d %+v, want %d, %d used and %d left", what, got.Errcode, q.Quota, code, used, remain)
		}
	}
	spend := func() {
		b.plan("rules: [{name: noon, match: {path: '*/getblacklist', nth: 1}, effect: {quota: true}}]")
		b.call(call, "{}")
		b.Unload()
	}
	giveBack := func() {
		t.Helper()
		if _, a := b.call("clear_quota", `{"appid":"`+string(b.account.AppID)+`"}`); a.Errcode != wire.CodeOK {
			t.Errorf("clear_quota: %+v", a)
		}
	}
	const all = access.Unlimited
	want("at first", wire.CodeOK, 1, all-1)
	spend()
	want("used up", wire.CodeDailyQuota, all, 0)
	giveBack()
	want("cleared", wire.CodeOK, 1, all-1)
	_, err := b.access.UpdateAccount(t.Context(), b.account.AppID, func(a *mpblock.Account) error {
		a.Daily = map[mpblock.Call]int{mpblock.CallList: 3}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want("with a limit", wire.CodeOK, 1, 2)
	spend()
	want("used up", wire.CodeDailyQuota, 3, 0)
	giveBack()
	for n := range 3 {
		want("cleared", wire.CodeOK, n+1, 2-n)
	}
	want("all are made", wire.CodeDailyQuota, 3, 0)
	if err := b.Clock.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	b.renew()
	want("the next day", wire.CodeOK, 1, 2)
}

// A remark that a program sets is the one that operators see; the team's name for the
// person stays.
func TestRemarkOfAProgram(t *testing.T) {
	b := emulate(t)
	id, err := mpblock.ParseOpenID(b.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	kept := b.handler.(*handler).Remarks
	if err := kept.Set(t.Context(), b.account, "mei", id, "Li Lei", "old"); err != nil {
		t.Fatal(err)
	}
	for _, remark := range []string{"new", ""} {
		if _, a := b.call("user/info/updateremark", `{"openid":"`+b.ids[0]+`","remark":"`+remark+`"}`); a.Errcode != wire.CodeOK {
			t.Fatalf("%+v", a)
		}
		all, err := kept.Of(t.Context(), b.account.AppID, []mpblock.OpenID{id})
		if got := all[id]; err != nil || got.Name != "Li Lei" || got.Remark != remark || got.By != mpblock.ActorAPI {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
