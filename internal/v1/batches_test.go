package v1_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
)

// foreign is an OpenID of no account of the tests.
var foreign = mpblock.Mint(mpblock.Prefix{9, 9, 9, 9}, mpblock.Key{}, "x").String()

// stranger returns an OpenID of the account that does not follow it.
func (f *fixture) stranger(n int) string {
	return mpblock.Mint(f.account.Prefix, f.account.Key, fmt.Sprint("stranger ", n)).String()
}

func (f *fixture) body(action, more string, ids ...string) string {
	f.Helper()
	b, err := json.Marshal(ids)
	if err != nil {
		f.Fatal(err)
	}
	return fmt.Sprintf(`{"action":%q,"openids":%s%s}`, action, b, more)
}

func TestBatch(t *testing.T) {
	f := open(t)
	bad := f.body("block", `,"reason":"spam"`, f.ids[0], "x", f.ids[1], foreign, f.stranger(1), f.ids[0])
	f.want(422, `"code":"items.bad","errors":[{"index":1,"code":"openid.shape","detail":"not an OpenID: 1 bytes long, an OpenID has 28"},{"index":3,"code":"openid.foreign"`, "POST", "/batches", bad)
	f.want(422, `{"index":4,"code":"openid.unknown","detail":"neither a follower of account `, "POST", "/batches", bad)
	f.want(200, `"total":0`, "GET", "/blocks", "")

	skip := strings.TrimSuffix(bad, "}") + `,"on_bad":"skip"`
	want := fmt.Sprintf(`"changed":3,"unchanged":0,"refused":3,"results":[{"openid":%q,"result":"changed"},{"openid":"x","result":"refused","code":"openid.shape","detail":`, f.ids[0])
	a := f.want(200, `{`+want, "POST", "/batches", skip+`,"validate_only":true}`)
	if a.header.Get("Mpblock-Revision") != "0" {
		t.Errorf("%v", a.header)
	}
	f.want(200, `"total":0`, "GET", "/blocks", "")
	f.want(200, `{"revision":1,`+want, "POST", "/batches", skip+`}`)
	f.want(200, `{"changed":0,"unchanged":3,"refused":3`, "POST", "/batches", skip+`}`)
	f.want(200, `"total":2`, "GET", "/blocks", "")
	f.want(200, `{"changed":0,"unchanged":0,"refused":1`, "POST", "/batches", f.body("block", `,"on_bad":"skip"`, foreign))

	f.want(200, `"revision":2,"changed":1,"unchanged":1`, "POST", "/batches", f.body("amend", `,"ttl":"1h"`, f.ids[0], f.ids[5]))
	f.want(200, `"revision":3,"changed":1,"unchanged":1`, "POST", "/batches", f.body("unblock", "", f.ids[5], f.ids[0]))
}

func TestBatchNeedsTheCallThatIsLikeIt(t *testing.T) {
	f := open(t)
	if _, err := f.Access().UpdateAccount(t.Context(), f.account.AppID, func(a *mpblock.Account) error {
		a.Denied = []mpblock.Call{mpblock.CallBlock}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f.want(403, "caller.call", "POST", "/batches", f.body("block", "", f.ids[0]))
	f.want(200, "", "POST", "/batches", f.body("unblock", "", f.ids[0]))
}

type operation struct {
	ID       string
	State    string
	Done     bool
	Preview  *struct{ Total, New, Unknown, Protected, Malformed int }
	Progress struct{ Total, Changed, Unchanged, Refused int }
	Refused  []struct{ OpenID, Code string }
	By       string
	Ends     string `json:"expire_time"`
	UndoOf   string `json:"undo_of"`
}

// ends returns an operation once it has ended.
func (f *fixture) ends(id string) (o operation) {
	f.Helper()
	for !o.Done && f.Context().Err() == nil {
		f.want(200, "", "GET", "/operations/"+id, "").into(f.T, &o)
	}
	return o
}

func TestOperations(t *testing.T) {
	f := open(t)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	all := f.mint(1_500)
	tok := f.program("shop", programs.Read, programs.Write)
	var b strings.Builder
	for i, id := range all {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%q\n", id)
		} else {
			fmt.Fprintf(&b, "{\"openid\":%q,\"name\":\"x\"}\n", id)
		}
	}
	stream := func(query, body string) answer {
		t.Helper()
		return f.make(call{method: "POST", path: "/batches?action=block&" + query, body: body, token: "Bearer " + tok, header: http.Header{"Content-Type": {"application/x-ndjson"}}})
	}
	some := b.String() + fmt.Sprintf("%q\n%q\n", f.stranger(1), "nothing")
	a := stream("", some)
	f.check(a, 422, `"errors":[{"index":1500,"code":"openid.unknown"`, "strict")
	f.check(a, 422, `{"index":1501,"code":"openid.shape"`, "strict")
	var o operation
	f.want(201, "", "PUT", "/protected/"+all[0], `{"reason":"staff"}`)
	f.check(stream("", some), 422, `"errors":[{"index":0,"code":"openid.protected"`, "strict")
	if stream("on_bad=skip&validate_only=true", some).into(t, &o); o.Preview.Total != 1501 || o.Preview.New != 1499 || o.Preview.Protected != 1 || o.Preview.Malformed != 1 {
		t.Errorf("%+v", o)
	}
	f.want(204, "", "DELETE", "/protected/"+all[0], "")
	a = stream("on_bad=skip&validate_only=true", some)
	f.check(a, 200, `"state":"draft"`, "validate only")
	if a.into(t, &o); o.ID != "" || o.Preview.Total != 1501 || o.Preview.New != 1500 || o.Preview.Malformed != 1 || o.Preview.Unknown != 1 {
		t.Errorf("%+v", o)
	}
	a = stream("on_bad=skip&reason=spam&ttl=1h", some)
	f.check(a, 202, `"expire_time":"2026-03-01T09:00:00Z"`, "skip")
	a.into(t, &o)
	if where := "/v1/accounts/" + string(f.account.AppID) + "/operations/" + o.ID; a.header.Get("Location") != where {
		t.Errorf("%v, want %s", a.header, where)
	}
	o = f.ends(o.ID)
	if o.State != "done" || o.By != "api:shop" || o.Progress.Changed != 1500 || o.Progress.Refused != 2 || o.Progress.Total != 1502 || len(o.Refused) != 2 || o.Refused[0].Code != "openid.shape" || o.Refused[1].Code != "openid.unknown" {
		t.Errorf("%+v", o)
	}
	f.want(409, "job.not_running", "POST", "/operations/"+o.ID+":cancel", "")
	if got := f.walk("actor=api:shop&reason=spam", 1000, nil); len(got) != 1500 {
		t.Errorf("%d blocks are the program's", len(got))
	}
	var undo operation
	f.want(202, "", "POST", "/operations/"+o.ID+":undo", `{"reason":"sorry"}`).into(t, &undo)
	if got := f.ends(undo.ID); got.UndoOf != o.ID || got.Progress.Changed != 1500 || got.By != "api" {
		t.Errorf("%+v", got)
	}
	f.want(200, `"total":0`, "GET", "/blocks", "")

	f.want(202, "", "POST", "/batches", f.body("block", "", all...)).into(t, &o)
	if o = f.ends(o.ID); o.Progress.Changed != 1500 {
		t.Errorf("%+v", o)
	}
	f.want(422, `[{"index":1500,"code":"openid.shape","detail":"not an OpenID: 1 bytes long`, "POST", "/batches", f.body("unblock", "", append(all, "x")...))
	f.want(400, "at most 1000", "POST", "/batches", f.body("amend", "", all...))
	f.want(404, "job.none", "GET", "/operations/none", "")
}

func TestCancel(t *testing.T) {
	f := open(t) // in which no jobs are run
	var o operation
	f.want(202, `"state":"queued"`, "POST", "/batches", f.body("block", "", f.mint(1001)...)).into(t, &o)
	f.want(409, "job.running", "POST", "/operations/"+o.ID+":undo", "")
	f.want(200, `"state":"stopped","done":true`, "POST", "/operations/"+o.ID+":cancel", "")
	f.want(409, "job.no_change", "POST", "/operations/"+o.ID+":undo", "")
}

func TestFollowers(t *testing.T) {
	f := open(t)
	who := f.stranger(1)
	at := "/followers/" + who
	f.want(404, "follower.none", "GET", at, "")
	f.want(201, `"blocked":false`, "PUT", at, "")
	f.want(200, `"blocked":false`, "PUT", at, "")
	f.want(201, "", "PUT", "/blocks/"+who, "{}")
	f.want(200, `"blocked":true`, "GET", at, "")
	f.want(204, "", "DELETE", at, "")
	f.want(204, "", "DELETE", at, "")
	f.want(404, "follower.none", "GET", at, "")
	f.want(200, "", "GET", "/blocks/"+who, "") // who is blocked stays so

	f.want(422, `"errors":[{"index":1,"code":"openid.foreign"`, "POST", "/followers:add", openids(who, foreign))
	f.want(200, `{"changed":2,"unchanged":1}`, "POST", "/followers:add", openids(who, f.stranger(2), f.ids[0], who))
	f.want(200, `{"changed":1,"unchanged":1}`, "POST", "/followers:remove", openids(f.stranger(2), f.stranger(3)))
	var p struct {
		Followers []struct{ OpenID string }
		Total     int
		Next      string `json:"next_page_token"`
	}
	f.want(200, `"total":21`, "GET", "/followers?limit=20", "").into(t, &p)
	seen, next := len(p.Followers), p.Next
	p.Next, p.Followers = "", nil
	f.want(200, `"total":21`, "GET", "/followers?limit=20&page_token="+next, "").into(t, &p)
	if seen != 20 || len(p.Followers) != 1 || p.Next != "" {
		t.Errorf("%d and %+v", seen, p)
	}
}

func TestIdempotencyKey(t *testing.T) {
	f := open(t)
	once := func(status int, part, key, body string) answer {
		t.Helper()
		a := f.make(call{method: "POST", path: "/batches", body: body, header: http.Header{"Idempotency-Key": {key}}})
		f.check(a, status, part, key+" "+body)
		return a
	}
	body := f.body("block", `,"ttl":"1h"`, f.ids[0], f.ids[1])
	first := once(200, `{"revision":1,"changed":2`, "k1", body)
	f.want(200, "", "POST", "/batches", f.body("unblock", "", f.ids[0], f.ids[1]))
	f.want(200, "", "POST", "/followers:remove", openids(f.ids[1]))
	f.clock.move(time.Minute)
	if again := once(200, "", "k1", body); again.body != first.body { // though one of them is unknown by now
		t.Errorf("%s, the first time %s", again.body, first.body)
	}
	once(409, "request.reused", "k1", f.body("block", `,"ttl":"2h"`, f.ids[0], f.ids[1]))
	skip := f.body("block", `,"on_bad":"skip"`, f.ids[2], f.ids[3])
	second := once(200, `"changed":2`, "k6", skip)
	f.want(201, "", "PUT", "/protected/"+f.ids[2], `{"reason":"staff"}`)
	if again := once(200, "", "k6", skip); again.body != second.body { // though one of them is protected by now
		t.Errorf("%s, the first time %s", again.body, second.body)
	}
	third := f.body("block", "", f.ids[3], f.ids[4])
	first = once(200, `"changed":1,"unchanged":1`, "k7", third)
	f.want(201, "", "PUT", "/protected/"+f.ids[4], `{"reason":"staff"}`)
	if again := once(200, "", "k7", third); again.body != first.body {
		t.Errorf("%s, the first time %s", again.body, first.body)
	}
	ends := f.body("block", `,"expire_time":"2026-03-01T08:30:00Z"`, f.ids[5])
	late := once(200, `"changed":1`, "k10", ends)
	f.clock.move(time.Hour)
	if again := once(200, "", "k10", ends); again.body != late.body { // though its end has come
		t.Errorf("%s, the first time %s", again.body, late.body)
	}
	once(400, "change.until", "k11", ends)
	once(409, "request.reused", "k10", f.body("block", `,"expire_time":"2026-03-01T08:30:01Z"`, f.ids[5]))
	once(422, `"index":0,"code":"openid.protected"`, "k8", f.body("block", "", f.ids[4]))
	once(200, `"changed":0,"unchanged":0,"refused":1`, "k9", f.body("block", `,"on_bad":"skip"`, f.ids[4]))
	once(422, `"index":0,"code":"openid.unknown"`, "k2", f.body("block", "", f.ids[1]))
	once(200, `"changed":1,"unchanged":0,"refused":1`, "k3", f.body("block", `,"on_bad":"skip"`, f.ids[0], f.ids[1]))
	once(200, `"changed":0,"unchanged":0,"refused":1`, "k4", f.body("block", `,"on_bad":"skip"`, f.ids[1]))
	once(400, "request.key", strings.Repeat("k", 256), body)
	once(400, "request.key", "a b", body)
	once(400, "request.key.operation", "k5", f.body("block", "", f.mint(1001)...))
	a := f.make(call{method: "POST", path: "/batches", body: body, token: "Bearer " + f.program("shop", programs.Write), header: http.Header{"Idempotency-Key": {"k1"}}})
	f.check(a, 422, "openid.unknown", "another program's key")
}
