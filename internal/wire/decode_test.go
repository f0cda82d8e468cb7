package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const (
	id1 = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
	id2 = "o6_bmjrPTlm6_2sgVt7hMZOPfL2Q"
)

func TestListRequest(t *testing.T) {
	tests := []struct{ body, want string }{
		{``, ""},
		{`{}`, ""},
		{` { } ` + "\r\n\t", ""},
		{`{"begin_openid":""}`, ""},
		{`{"begin_openid":null}`, ""},
		{`{"begin_openid":"` + id1 + `"}`, id1},
		{`{"begin_openid":"` + id1 + "\"}\n", id1},
		{`{"next_openid":"` + id1 + `"}`, id1},
		{`{"begin_openid":"","next_openid":"` + id1 + `"}`, id1},
		{`{"begin_openid":null,"next_openid":"` + id1 + `"}`, id1},
		{`{"begin_openid":"` + id1 + `","next_openid":"` + id2 + `"}`, id1},
		{`{"next_openid":"` + id2 + `","begin_openid":"` + id1 + `"}`, id1},
		{`{"BEGIN_OPENID":"` + id1 + `"}`, ""},
		{`{"x":{"begin_openid":"y"},"n":[1,-2.5e+3,true,false,null,"“好”，\u4f60\ud83d\ude00\n"],"begin_openid":"z"}`, "z"},
		{`{"begin_openid":"\u006f\/"}`, "o/"},
	}
	for _, tt := range tests {
		if got, err := ListRequest([]byte(tt.body)); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.body, got, err, tt.want)
		}
	}
}

func TestBatchRequest(t *testing.T) {
	tests := []struct {
		body string
		want []string
	}{
		{`{}`, nil},
		{`{"openid_list":null}`, nil},
		{`{"openid_list":[]}`, nil},
		{`{"openid_list":["` + id1 + `"]}`, []string{id1}},
		{`{"opened_list": [ "` + id1 + `" , "` + id2 + `" ] }`, []string{id1, id2}},
		{`{"openid_list":["OPENID1",""," x"]}`, []string{"OPENID1", "", " x"}},
		{`{"note":"“opened_list”","openid_list":["a"]}`, []string{"a"}},
	}
	for _, tt := range tests {
		got, err := BatchRequest([]byte(tt.body))
		if err != nil || len(got) != len(tt.want) || len(got) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, %v, want %q", tt.body, got, err, tt.want)
		}
	}
}

// A list under another name is told of, with the name.
func TestListUnderAnotherName(t *testing.T) {
	_, err := BatchRequest([]byte(`{"openidList":["x"],"y":1}`))
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeBadListSize || e.Detail != `openid_list is missing; the body has "openidList"` {
		t.Error(err)
	}
	if _, err := BatchRequest([]byte(`{}`)); err != nil {
		t.Errorf("an empty object is not what is told of an empty list: %v", err)
	}
}

// Each call is told of its own object.
func TestErrorsNameTheCallsOwnObject(t *testing.T) {
	_, list := ListRequest([]byte("a=b"))
	_, batch := BatchRequest([]byte("a=b"))
	_, stable := StableTokenRequest([]byte("a=b"))
	for want, err := range map[string]error{`{"begin_openid":""}`: list, `{"openid_list":["..."]}`: batch, `{"grant_type":"client_credential","appid":"...","secret":"..."}`: stable} {
		if err == nil || !strings.HasSuffix(err.Error(), "want JSON, an object like "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What PHP makes of an array without keys is the head of the list, and no batch.
func TestNothing(t *testing.T) {
	for _, body := range []string{"[]", " [ ]\n", "null", "null\n"} {
		if cursor, err := ListRequest([]byte(body)); cursor != "" || err != nil {
			t.Errorf("%s: %q, %v", body, cursor, err)
		}
		if _, err := BatchRequest([]byte(body)); err == nil {
			t.Errorf("%s is taken for a batch", body)
		}
	}
	for _, body := range []string{"[1]", "nul", "[", `""`} {
		if _, err := ListRequest([]byte(body)); err == nil {
			t.Errorf("%s is taken for the head", body)
		}
	}
}

func TestStableTokenRequest(t *testing.T) {
	got, err := StableTokenRequest([]byte(`{"grant_type":"client_credential","appid":"wx1","secret":"s","force_refresh":true,"more":1}`))
	want := StableToken{GrantType: "client_credential", AppID: "wx1", Secret: "s", ForceRefresh: true}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = StableTokenRequest([]byte(`{"appid":null,"force_refresh":null}`))
	if err != nil || got != (StableToken{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = StableTokenRequest([]byte(`{"secret":5eedda7a}`))
	if err == nil || strings.Contains(err.Error(), "5eedda7a") {
		t.Errorf("the error shows the secret: %v", err)
	}
}

// Each slip that a developer makes is named, with its place and the fix.
func TestErrorsSayWhatAndWhere(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"opened_list":["OPENID1”,” OPENID2”]}`, "” (U+201D) at byte 24 is a curly quote: write a straight \""},
		{"{\n \"opened_list\":[\"OPENID1”,” OPENID2”]\n}", "” (U+201D) at byte 26 is a curly quote"},
		{`{“openid_list”:["x"]}`, "“ (U+201C) at byte 1 is a curly quote"},
		{`{"openid_list":[“x”]}`, "“ (U+201C) at byte 16 is a curly quote"},
		{`{"openid_list":["“x”"]}`, "“ (U+201C) at byte 17 is a curly quote"},
		{`{"openid_list":["x"，"y"]}`, "， (U+FF0C) at byte 19 is a full-width comma: write a straight ,"},
		{`{"openid_list"：["x"]}`, "： (U+FF1A) at byte 14 is a full-width colon: write a straight :"},
		{`{"openid_list":["x"］}`, "］ (U+FF3D) at byte 19 is a full-width bracket"},
		{`｛"openid_list":["x"]}`, "｛ (U+FF5B) at byte 0 is a full-width brace"},
		{"\ufeff{}", "the body begins with a byte order mark (U+FEFF): leave it out"},
		{`{'openid_list':['x']}`, "' at byte 1: JSON writes strings in straight double quotes"},
		{`{"openid_list":['x']}`, "' at byte 16: JSON writes strings"},
		{`{"openid_list":["x”,"y"]}`, "” (U+201D) at byte 18 is a curly quote"},
		// Quotes that stand rightly in a text are not what is wrong.
		{`{"openid_list":["x" "y"],"note":"“好”"}`, `'"' at byte 20, want a comma or ]`},
		{`{"openid_list":[x],"note":"“好”"}`, "'x' at byte 16, want a value"},
		{`{"note":"“好”","openid_list":["x" "y"]}`, `'"' at byte 39, want a comma or ]`},
		{`{"openid_list":["x",]}`, "a comma before ], at byte 19: leave it out"},
		{`{"openid_list":["x"],}`, "a comma before }, at byte 20"},
		{`{"openid_list":["x" "y"]}`, `'"' at byte 20, want a comma or ]`},
		{`{"openid_list":["x"`, "the body ends at byte 19, want a comma or ]"},
		{`{"openid_list":["x`, "the string at byte 16 does not end"},
		{`{"openid_list":["x` + "\n" + `"]}`, "the string at byte 16 holds a control character (U+000A) at byte 18"},
		{`{"openid_list"`, "the body ends at byte 14, want a colon"},
		{`{"openid_list":`, "the body ends at byte 15, want a value"},
		{`{openid_list:["x"]}`, "'o' at byte 1, want the name of a field in double quotes"},
		{`openid_list=o123&x=y`, "the body looks like a form: want JSON"},
		{"\x1f\x8b\x08\x00", `the body is compressed (gzip): send it as it is: want JSON, an object like {"openid_list":["..."]}`},
		{"x\x9c\x00", "the body is compressed (zlib)"},
		{"--b\r\nContent-Disposition: form-data", "the body is multipart: want JSON"},
		{"%7B%22openid_list%22%3A%5B%5D%7D", "the body is percent-encoded: want JSON"},
		{`{"x":1,"openid_list":{}}`, "openid_list is an object"},
		{`["x"]`, "the body is an array, want an object"},
		{`"x"`, "the body is a string, want an object"},
		{`null`, "the body is null, want an object"},
		{`12`, "the body is a number, want an object"},
		{` `, "the body is blank"},
		{`<xml/>`, "at byte 0, want a value"},
		{`{} {}`, "there is more behind the end of the object, at byte 3"},
		{`{"openid_list":"x"}`, "openid_list is a string at byte 15, want an array of strings"},
		{`{"openid_list":{"a":1}}`, "openid_list is an object at byte 15, want an array"},
		{`{"openid_list":["a","b","c",12]}`, "openid_list[3] is a number at byte 28, want a string"},
		{`{"opened_list":[null]}`, "opened_list[0] is null at byte 16, want a string"},
		{`{"openid_list":[["x"]]}`, "openid_list[0] is an array at byte 16, want a string"},
		{`{"openid_list":["x"],"opened_list":["x"]}`, "both openid_list and opened_list are given"},
		{`{"openid_list":null,"opened_list":["x"]}`, "both openid_list and opened_list are given"},
		{`{"openid_list":["x"],"openid_list":["y"]}`, "openid_list stands twice, the second time at byte 21"},
		{`{"openid_list":["\x"]}`, "an escape that JSON does not have at byte 17"},
		{`{"openid_list":["\u12"]}`, "an escape that JSON does not have at byte 17"},
		{`{"openid_list":["` + "\xff" + `"]}`, "the string at byte 16 is not UTF-8"},
		{`{"openid_list":` + "\xff" + `}`, "byte 15 is not UTF-8"},
		{`{"x":01}`, "'1' at byte 6, want a comma or }"},
		{`{"x":-}`, "'}' at byte 6, want a digit"},
		{`{"x":1.}`, "'}' at byte 7, want a digit"},
		{`{"x":1e}`, "'}' at byte 7, want a digit"},
		{`{"x":` + strings.Repeat("[", 60_000), "nested more than 256 deep"},
		{`{"x":tru}`, "'t' at byte 5, want a value"},
	}
	for _, tt := range tests {
		_, err := BatchRequest([]byte(tt.body))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeBadData {
			t.Errorf("%.60s: %v, want 47001", tt.body, err)
			continue
		}
		if !strings.HasPrefix(e.Message, "data format error: ") || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%.60s:\n got %s\nwant %s", tt.body, e.Message, tt.want)
		}
	}
	if _, err := ListRequest([]byte(`{"begin_openid":5}`)); err == nil || !strings.Contains(err.Error(), "begin_openid is a number at byte 16, want a string") {
		t.Error(err)
	}
	if _, err := StableTokenRequest([]byte(`{"force_refresh":"yes"}`)); err == nil || !strings.Contains(err.Error(), "force_refresh is a string at byte 17, want true or false") {
		t.Error(err)
	}
}

func FuzzListRequest(f *testing.F) {
	f.Add([]byte(`{"begin_openid":"` + id1 + `","x":[1.5e-3,{"a":"\u00e9"}]}`))
	f.Add([]byte(`{"next_openid":"\ud800","begin_openid":null}`))
	f.Add([]byte(`{"opened_list":["OPENID1”,” OPENID2”]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ListRequest(body)
		var m map[string]any
		ref := json.Unmarshal(body, &m)
		if len(body) == 0 {
			ref = nil
		}
		begin, ok1 := m["begin_openid"].(string)
		next, ok2 := m["next_openid"].(string)
		if v := m["begin_openid"]; v != nil && !ok1 {
			ref = errors.New("wrong type")
		}
		if v := m["next_openid"]; v != nil && !ok2 {
			ref = errors.New("wrong type")
		}
		if len(body) > 0 && m == nil && ref == nil {
			ref = errors.New("null")
		}
		if begin == "" {
			begin = next
		}
		compare(t, body, got, err, begin, ref)
	})
}

func FuzzBatchRequest(f *testing.F) {
	f.Add([]byte(`{"openid_list":["` + id1 + `","` + id2 + `"],"x":{}}`))
	f.Add([]byte(`{"opened_list":[null]}`))
	f.Add([]byte(`{"opened_list":["\\\"\/\b\f\n\r\t\u0000"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := BatchRequest(body)
		var m map[string]json.RawMessage
		ref := json.Unmarshal(body, &m)
		if m == nil && ref == nil {
			ref = errors.New("null")
		}
		a, ok1 := m["openid_list"]
		b, ok2 := m["opened_list"]
		if ok1 && ok2 {
			ref = errors.New("both")
		}
		if ok2 {
			a = b
		}
		var list []any
		if ref == nil && (ok1 || ok2) {
			ref = json.Unmarshal(a, &list)
		}
		var want []string
		for _, v := range list {
			s, ok := v.(string)
			if !ok {
				ref = errors.New("wrong type")
			}
			want = append(want, s)
		}
		if len(got) == 0 {
			got = nil
		}
		compare(t, body, got, err, want, ref)
	})
}

// compare holds a parser to encoding/json, but for what it refuses on purpose.
func compare(t *testing.T, body []byte, got any, err error, want any, ref error) {
	t.Helper()
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeBadData || !utf8.ValidString(e.Message) || strings.ContainsAny(e.Message, "\n\r") || len(e.Message) > 200 {
			t.Fatalf("%q: bad error %v", body, err)
		}
	}
	switch onPurpose := err != nil && (!utf8.Valid(body) || strings.Contains(err.Error(), "stands twice") ||
		strings.Contains(err.Error(), "nested more") || typographic(body) != nil); {
	case onPurpose:
	case (err == nil) != (ref == nil):
		t.Fatalf("%q: %v, encoding/json says %v", body, err, ref)
	case err == nil && !cmp.Equal(got, want):
		t.Fatalf("%q: %q, encoding/json says %q", body, got, want)
	}
}
