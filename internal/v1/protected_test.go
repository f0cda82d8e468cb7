package v1_test

import (
	"strings"
	"testing"
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
