package wire

import (
	"encoding/json"
	"errors"
	"testing"
)

func FuzzUsersRequest(f *testing.F) {
	f.Add([]byte(`{"user_list":[{"openid":"` + id1 + `","lang":"zh_CN"},{"openid":null},{}],"x":[]}`))
	f.Add([]byte(`{"user_list":[["` + id1 + `"]]}`))
	f.Add([]byte(`{"user_list":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := UsersRequest(body)
		var m map[string]json.RawMessage
		ref := json.Unmarshal(body, &m)
		if m == nil && ref == nil {
			ref = errors.New("null")
		}
		var list []map[string]any
		if raw, ok := m["user_list"]; ok && ref == nil {
			ref = json.Unmarshal(raw, &list)
		}
		var want []string
		for _, user := range list {
			id, ok := user["openid"].(string)
			if user == nil || user["openid"] != nil && !ok {
				ref = errors.New("wrong type")
			}
			want = append(want, id)
		}
		compare(t, body, got, err, want, ref)
	})
}

// The bodies of the other calls have texts alone.
func TestTexts(t *testing.T) {
	read := map[string]func([]byte) (string, error){
		"cgi_path": QuotaRequest, "appid": ClearQuotaRequest, "rid": RIDRequest, "touser": MessageRequest,
		"openid": func(body []byte) (string, error) { r, err := RemarkRequest(body); return r.OpenID, err },
		"remark": func(body []byte) (string, error) { r, err := RemarkRequest(body); return r.Remark, err },
	}
	for name, read := range read {
		for body, want := range map[string]string{`{"` + name + `":"x<y"}`: "x<y", `{"` + name + `":null,"other":7}`: "", `{}`: ""} {
			if got, err := read([]byte(body)); err != nil || got != want {
				t.Errorf("%s: %q, %v", body, got, err)
			}
		}
		for _, body := range []string{`{"` + name + `":7}`, `{"` + name + `":"a","` + name + `":"b"}`, `[]`, `null`, `x=1`} {
			var e *Error
			if _, err := read([]byte(body)); !errors.As(err, &e) || e.Code != CodeBadData {
				t.Errorf("%s: %v", body, err)
			}
		}
	}
}
