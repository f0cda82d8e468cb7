package checking_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock/internal/v1/checking"
)

func TestRead(t *testing.T) {
	for _, one := range []struct {
		text string
		want []string
	}{
		{`{"openids":["oA"]}`, []string{"oA"}},
		{" {\t\"openids\" :\r\n[ \"oA\" , \"oB\" ] } \n", []string{"oA", "oB"}},
		{`{"openids":[""]}`, []string{""}},
	} {
		var b checking.Body
		if !b.Read([]byte(one.text)) || !slices.Equal(b.OpenIDs, one.want) {
			t.Errorf("%q is read as %q", one.text, b.OpenIDs)
		}
	}
	for _, text := range []string{
		``, `{`, `{"openids":[]}`, `{"openids":["oA",]}`, `{"openids":["oA"],"a":1}`, `{"openids":["oA"]}x`, `{"openids":["o\u0041"]}`,
		`{" openids":["oA"]}`, `{"openid":["oA"]}`, `{"openids":["oÄ"]}`, `{"openids":["oA`, `{"openids":["oA" "oB"]}`, `{"openids":[1]}`, `{"openids":"oA"}`,
	} {
		if (&checking.Body{}).Read([]byte(text)) {
			t.Errorf("%q is read", text)
		}
	}
}

// FuzzRead: what is read is what encoding/json reads.
func FuzzRead(f *testing.F) {
	f.Add(`{"openids":["oA","oB"]}`)
	f.Add(` { "openids" : [ "o A" ] } `)
	f.Fuzz(func(t *testing.T, text string) {
		var b, want checking.Body
		if !b.Read([]byte(text)) {
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || !slices.Equal(b.OpenIDs, want.OpenIDs) {
			t.Errorf("%q is read as %q, and by encoding/json as %q, %v", text, b.OpenIDs, want.OpenIDs, err)
		}
	})
}

// TestAppend holds an answer to what encoding/json makes of the same.
func TestAppend(t *testing.T) {
	type result struct {
		OpenID     string     `json:"openid"`
		Blocked    bool       `json:"blocked"`
		ExpireTime *time.Time `json:"expire_time,omitempty"`
	}
	for _, until := range []time.Time{{}, time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC), time.Date(2026, 1, 31, 9, 0, 0, 120e6, time.UTC)} {
		all := []checking.Result{{OpenID: "oA", Blocked: true, Until: until}, {OpenID: "oB"}}
		var want struct {
			Results []result `json:"results"`
			AsOf    uint64   `json:"as_of"`
		}
		want.AsOf = 1 << 60
		for _, r := range all {
			one := result{OpenID: r.OpenID, Blocked: r.Blocked}
			if !r.Until.IsZero() {
				one.ExpireTime = &r.Until
			}
			want.Results = append(want.Results, one)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := checking.Append(nil, all, want.AsOf); string(got) != string(text) {
			t.Errorf("%s\nwant %s", got, text)
		}
	}
}
