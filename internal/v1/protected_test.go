package v1_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
)

func TestProtected(t *testing.T) {
	f := open(t)
	at := "/protected/" + f.ids[0]
	f.want(200, `{"protected":[]}`, "GET", "/protected", "")
	f.want(201, `"reason":"staff","actor":"api","create_time":"2026-03-01T08:00:00Z","blocked":false}`, "PUT", at, `{"reason":"staff"}`)
	f.want(200, `{"protected":[{"openid":"`+f.ids[0]+`","reason":`, "GET", "/protected", "")
	f.want(409, `"code":"openid.protected"`, "PUT", "/blocks/"+f.ids[0], `{}`)
	f.want(422, `"errors":[{"index":1,"code":"openid.protected","detail":"`+f.ids[0]+` is protected by api (staff)`, "POST", "/batches", f.body("block", "", f.ids[1], f.ids[0]))
	f.want(200, `"changed":1,"unchanged":0,"refused":1`, "POST", "/batches", f.body("block", `,"on_bad":"skip"`, f.ids[1], f.ids[0]))
	f.want(200, `"changed":1,"unchanged":1,"refused":0`, "POST", "/batches", f.body("unblock", "", f.ids[1], f.ids[0]))
	f.want(204, "", "DELETE", at, "")
	f.want(204, "", "DELETE", at, "")
	f.want(201, "", "PUT", "/blocks/"+f.ids[0], `{}`)
	f.want(400, `"code":"protection.why"`, "PUT", at, `{}`)
	f.want(400, `"code":"protection.why"`, "PUT", at, `{"reason":"`+strings.Repeat("x", 81)+`"}`)
	f.want(400, `"code":"openid.foreign"`, "PUT", "/protected/"+foreign, `{"reason":"x"}`)
	f.want(400, `"code":"openid.shape"`, "DELETE", "/protected/x", "")
}

// TestProgramsMayNotUnprotect takes protection away with the account's own secret alone, and
// writes down who did what.
func TestProgramsMayNotUnprotect(t *testing.T) {
	f := open(t)
	at := "/protected/" + f.ids[0]
	program := "Bearer " + f.program("crm", programs.Read, programs.Write)
	f.want(201, "", "PUT", at, `{"reason":" staff "}`)
	f.check(f.make(call{method: "DELETE", path: at, token: program}), 403, `"code":"caller.own"`, "a program's DELETE")
	f.check(f.make(call{method: "PUT", path: at, body: `{"reason":"x"}`, token: program}), 403, `"code":"caller.own"`, "a program's PUT")
	f.check(f.make(call{method: "GET", path: "/protected", token: program}), 200, `"reason":"staff"`, "a program's GET")
	f.want(200, "", "PUT", at, `{"reason":"staff"}`) // changes nothing
	f.clock.move(time.Second)
	f.want(200, `"reason":"partner"`, "PUT", at, `{"reason":"partner"}`)
	f.clock.move(time.Second)
	f.want(204, "", "DELETE", at, "")
	f.want(204, "", "DELETE", at, "") // changes nothing
	lines, err := audit.New(f.store, f.clock, slog.New(slog.DiscardHandler)).Lines(t.Context(), "", 10)
	if err != nil || len(lines) < 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	on := string(f.account.AppID) + "/" + f.ids[0]
	if l := lines[0]; l.Deed != audit.Unprotected || l.By != "api" || l.On != on {
		t.Errorf("%+v", l)
	}
	for i, why := range []string{"partner", "staff"} {
		if l := lines[1+i]; l.Deed != audit.Protected || l.By != "api" || l.On != on || !slices.Equal(l.Fields, []string{why}) {
			t.Errorf("%+v", l)
		}
	}
}
