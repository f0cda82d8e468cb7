package wire

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"mpblock"
	"mpblock/internal/quoted"
)

// page is the answer as encoding/json would write it.
type page struct {
	Total int       `json:"total"`
	Count int       `json:"count"`
	Data  *pageData `json:"data,omitempty"`
	Next  string    `json:"next_openid"`
}

type pageData struct {
	OpenID []string `json:"openid"`
}

func FuzzAppendPage(f *testing.F) {
	f.Add(0, 0, uint64(0))
	f.Add(23_000, 3, uint64(42))
	f.Fuzz(func(t *testing.T, total, n int, seed uint64) {
		p := quoted.Page{Total: total, Seq: seed}
		want := page{Total: total}
		for i := range max(0, n) % 50 {
			id := mpblock.Mint(mpblock.Prefix{byte(seed)}, mpblock.Key{byte(seed >> 8)}, string(rune(i)))
			if i%3 == 0 {
				p.Runs = append(p.Runs, nil)
			}
			p.Runs[len(p.Runs)-1] = p.Runs[len(p.Runs)-1].Append(id)
			if want.Data == nil {
				want.Data = &pageData{}
			}
			want.Data.OpenID = append(want.Data.OpenID, id.String())
			want.Count, want.Next = i+1, id.String()
		}
		ref, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Join(AppendPage(nil, p), nil); !bytes.Equal(got, ref) {
			t.Errorf("got %s, encoding/json says %s", got, ref)
		}
	})
}

func FuzzAppendError(f *testing.F) {
	f.Add(40013, "invalid appid")
	f.Add(47001, "” (U+201D) \"\\\n\x00\xff")
	f.Fuzz(func(t *testing.T, code int, message string) {
		got := AppendError(nil, Code(code), message)
		var back struct {
			Errcode int
			Errmsg  string
		}
		if err := json.Unmarshal(got, &back); err != nil || back.Errcode != code {
			t.Fatalf("%s: %v", got, err)
		}
		if utf8.ValidString(message) && back.Errmsg != message {
			t.Errorf("%q came back as %q", message, back.Errmsg)
		}
	})
}

func TestAnswers(t *testing.T) {
	for got, want := range map[string]string{
		string(AppendOK(nil)): `{"errcode":0,"errmsg":"ok"}`,
		string(AppendError(nil, CodeBadAppID, "invalid appid")):              `{"errcode":40013,"errmsg":"invalid appid"}`,
		string(AppendError(nil, CodeSystem, "system error")):                 `{"errcode":-1,"errmsg":"system error"}`,
		string(AppendError(nil, CodeBadData, `'<' & "x"`)):                   `{"errcode":47001,"errmsg":"'<' & \"x\""}`,
		string(AppendToken(nil, "TOKEN", 7200)):                              `{"access_token":"TOKEN","expires_in":7200}`,
		string(bytes.Join(AppendPage(nil, quoted.Page{Total: 23_000}), nil)): `{"total":23000,"count":0,"next_openid":""}`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func BenchmarkAppendPage(b *testing.B) {
	p := quoted.Of(mpblock.Page{OpenIDs: make([]mpblock.OpenID, 10_000), Total: 10_000})
	var pieces [][]byte
	b.ReportAllocs()
	for b.Loop() {
		pieces = AppendPage(pieces[:0], p)
	}
}

func BenchmarkBatchRequest(b *testing.B) {
	list := make([]string, 20)
	for i := range list {
		list[i] = id1
	}
	body, _ := json.Marshal(map[string]any{"openid_list": list})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := BatchRequest(body); err != nil {
			b.Fatal(err)
		}
	}
}
