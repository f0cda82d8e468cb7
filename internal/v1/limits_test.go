package v1_test

import (
	"fmt"
	"strings"
	"testing"

	"mpblock"
)

// What is wrong with one field is told by its name.
func TestBadInput(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0]
	many := strings.Repeat(`,"`+f.ids[0]+`"`, 1000)
	for _, tt := range []struct {
		method, path, body string
		status             int
		code, part         string
	}{
		{"PUT", at, ``, 400, "body.empty", ""},
		{"PUT", at, `{`, 400, "body.json", "ends before its time"},
		{"PUT", at, `[]`, 400, "body.json", "array in the place of an object"},
		{"PUT", at, `{} {}`, 400, "body.json", "stands behind"},
		{"PUT", at, `{"reasons":"x"}`, 400, "body.json", `unknown field \"reasons\"`},
		{"PUT", at, `{"reason":1}`, 400, "body.json", "number in the place of reason"},
		{"PUT", at, `{"reason":"` + strings.Repeat("x", mpblock.MaxReason+1) + `"}`, 400, "change.reason", "1025 bytes"},
		{"PUT", at, `{"reason":"` + strings.Repeat("x", mpblock.MaxReason) + `"}`, 201, "", ""},
		{"PUT", at, `{"reason":"a\nb"}`, 400, "change.reason", "one line"},
		{"PUT", at, `{"ttl":"soon"}`, 400, "field", "ttl"},
		{"PUT", at, `{"ttl":"0s"}`, 400, "field", "ttl"},
		{"PUT", at, `{"ttl":"-1h"}`, 400, "field", "ttl"},
		{"PUT", at, `{"ttl":"3661d"}`, 400, "field", "at most 3660d"},
		{"PUT", at, `{"ttl":"3660d"}`, 200, "", ""},
		{"PUT", at, `{"ttl":"1.5d"}`, 400, "field", "ttl"},
		{"PUT", at, `{"ttl":"1ms"}`, 200, "", `"expire_time":"2026-03-01T08:00:00.001Z"`},
		{"PUT", at, `{"ttl":"1h","expire_time":"2026-03-01T09:00:00Z"}`, 400, "field", "not both"},
		{"PUT", at, `{"expire_time":"tomorrow"}`, 400, "field", "expire_time"},
		{"PUT", at, `{"expire_time":"2026-03-01T08:00:00Z"}`, 400, "change.until", "ahead"},
		{"PUT", at, `{"expire_time":"2039-03-01T08:00:00Z"}`, 400, "change.until", "ahead"},
		{"PUT", at + "?ttl=1h", `{}`, 400, "query", "does not take it"},
		{"PUT", "/blocks/x", `{}`, 400, "openid.shape", "28"},
		{"PUT", "/blocks/" + foreign, `{}`, 400, "openid.foreign", ""},
		{"PUT", "/blocks/" + f.stranger(1), `{}`, 409, "openid.unknown", ""},
		{"PUT", at, `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body.long", "1048576"},
		{"DELETE", at + "?reason=" + strings.Repeat("x", mpblock.MaxReason+1), ``, 400, "change.reason", ""},
		{"DELETE", at + "?reason=a&reason=b", ``, 400, "query", "more than once"},
		{"DELETE", "/blocks/" + f.stranger(1), ``, 409, "openid.unknown", ""},
		{"GET", "/blocks/x", ``, 400, "openid.shape", ""},
		{"GET", at + "?min_revision=x", ``, 400, "query", "min_revision"},
		{"GET", at + "?as_of=-1", ``, 400, "query", "as_of"},
		{"GET", at + "?as_of=99999999999999999999", ``, 400, "query", "as_of"},
		{"POST", "/blocks:check", `{"openids":[]}`, 400, "items.count", "want 1 to 1000"},
		{"POST", "/blocks:check", `{"openids":["` + f.ids[0] + `"` + many + `]}`, 400, "items.count", "1001 items"},
		{"POST", "/blocks:check", `{"openids":["` + f.ids[0] + `"` + many[:len(many)/1000*999] + `]}`, 200, "", ""},
		{"POST", "/blocks:check", openids(f.ids[0], "x", foreign), 422, "items.bad", `"errors":[{"index":1,"code":"openid.shape"`},
		{"GET", "/blocks?limit=0", ``, 400, "query", "want 1 to 1000"},
		{"GET", "/blocks?limit=1001", ``, 400, "query", "want 1 to 1000"},
		{"GET", "/blocks?order=oldest", ``, 400, "query", "order"},
		{"GET", "/blocks?order=openid&expiring_before=2026-03-01T08:00:00Z", ``, 400, "query", "order"},
		{"GET", "/blocks?since=now", ``, 400, "query", "since"},
		{"GET", "/blocks?until=now", ``, 400, "query", "until"},
		{"GET", "/blocks?expiring_before=now", ``, 400, "query", "expiring_before"},
		{"GET", "/blocks?colour=red", ``, 400, "query", "colour"},
		{"GET", at + "/history?limit=x", ``, 400, "query", "limit"},
		{"GET", "/blocks/" + foreign + "/history", ``, 400, "openid.foreign", ""},
		{"POST", "/batches", `{"openids":["` + f.ids[0] + `"]}`, 400, "field", "action"},
		{"POST", "/batches", f.body("mute", "", f.ids[0]), 400, "field", "action"},
		{"POST", "/batches", f.body("block", ""), 400, "items.count", "0 items"},
		{"POST", "/batches", f.body("block", `,"on_bad":"ignore"`, f.ids[0]), 400, "field", "on_bad"},
		{"POST", "/batches", f.body("block", `,"ttl":"x"`, f.ids[0]), 400, "field", "ttl"},
		{"POST", "/batches", f.body("unblock", `,"ttl":"1h"`, f.ids[0]), 400, "field", "has no end"},
		{"POST", "/batches", f.body("block", `,"expire_time":"2025-03-01T09:00:00Z"`, f.ids[0]), 400, "change.until", ""},
		{"POST", "/batches", f.body("block", `,"validate_only":1`, f.ids[0]), 400, "body.json", "validate_only"},
		{"POST", "/batches?action=block", f.body("block", "", f.ids[0]), 400, "query", "does not take it"},
		{"POST", "/batches", strings.Repeat(" ", 4<<20) + "{}", 413, "body.long", ""},
		{"GET", "/followers?limit=0", ``, 400, "query", ""},
		{"GET", "/followers/x", ``, 400, "openid.shape", ""},
		{"PUT", "/followers/" + foreign, ``, 400, "openid.foreign", ""},
		{"DELETE", "/followers/x", ``, 400, "openid.shape", ""},
		{"POST", "/followers:add", `{"openids":[]}`, 400, "items.count", ""},
		{"POST", "/followers:remove", openids("x"), 422, "items.bad", ""},
		{"POST", "/operations/x:undo", `{"reason":1}`, 400, "body.json", "reason"},
		{"POST", "/operations/x:undo", ``, 404, "job.none", ""},
		{"POST", "/operations/x:cancel", ``, 404, "job.none", ""},
	} {
		a := f.make(call{method: tt.method, path: tt.path, body: tt.body})
		part := tt.part
		if tt.code != "" {
			f.check(a, tt.status, fmt.Sprintf(`"code":%q`, tt.code), tt.method+" "+tt.path+" "+tt.body)
		}
		f.check(a, tt.status, part, tt.method+" "+tt.path+" "+tt.body)
	}
}
