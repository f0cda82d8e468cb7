package v1_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock/internal/access"
)

type block struct {
	OpenID   string
	Reason   string
	Revision uint64
}

type blocksPage struct {
	Blocks []block
	Total  int
	AsOf   uint64 `json:"as_of"`
	Next   string `json:"next_page_token"`
}

// batch changes some followers, from and to, by one batch.
func (f *fixture) batch(action, reason string, from, to int, more string) {
	f.Helper()
	f.want(200, `"refused":0`, "POST", "/batches", fmt.Sprintf(`{"action":%q,"reason":%q,"openids":["%s"]%s}`, action, reason, strings.Join(f.ids[from:to], `","`), more))
}

// walk reads all pages of a list; between them it does something.
func (f *fixture) walk(query string, limit int, between func(page int)) (places []int) {
	f.Helper()
	token := ""
	for n := 0; ; n++ {
		a := f.want(200, "", "GET", fmt.Sprintf("/blocks?%s&limit=%d%s", query, limit, token), "")
		var p blocksPage
		a.into(f.T, &p)
		if fmt.Sprint(p.AsOf) != a.header.Get("Mpblock-Revision") || len(p.Blocks) > limit {
			f.Errorf("%d blocks as of %d, %v", len(p.Blocks), p.AsOf, a.header)
		}
		for _, b := range p.Blocks {
			places = append(places, slices.Index(f.ids, b.OpenID))
		}
		if p.Next == "" {
			return places
		}
		token = "&page_token=" + p.Next
		if between != nil {
			between(n)
		}
	}
}

func TestList(t *testing.T) {
	f := open(t)
	f.batch("block", "Spam", 0, 6, "")
	f.clock.move(time.Minute)
	f.batch("block", "abuse", 6, 10, `,"ttl":"2h"`)
	f.clock.move(time.Minute)
	f.batch("unblock", "sorry", 1, 3, "")
	f.batch("amend", "spam again", 4, 5, `,"ttl":"1h"`)
	for _, tt := range []struct {
		query string
		want  []int
	}{
		{"", []int{4, 6, 7, 8, 9, 0, 3, 5}},
		{"order=newest&reason=SPAM", []int{4, 0, 3, 5}},
		{"order=openid", []int{0, 3, 4, 5, 6, 7, 8, 9}},
		{"order=openid&reason=spam", []int{0, 3, 4, 5}},
		{"order=openid&actor=console:anna", nil},
		{"actor=api", []int{4, 6, 7, 8, 9, 0, 3, 5}},
		{"since=2026-03-01T08:01:00Z&until=2026-03-01T08:02:00Z", []int{6, 7, 8, 9}},
		{"order=openid&since=2026-03-01T16:01:00%2B08:00", []int{4, 6, 7, 8, 9}},
		{"expiring_before=2026-03-01T09:30:00Z", []int{4}},
		{"expiring_before=2026-03-02T09:30:00Z", []int{4, 6, 7, 8, 9}},
		{"expiring_before=2026-03-02T09:30:00Z&reason=abuse", []int{6, 7, 8, 9}},
		{"order=openid&as_of=1", []int{0, 1, 2, 3, 4, 5}},
		{"order=openid&as_of=2&reason=spam", []int{0, 1, 2, 3, 4, 5}},
		{"order=openid&as_of=0", nil},
	} {
		for _, limit := range []int{1, 3, 1000} {
			if got := f.walk(tt.query, limit, nil); !slices.Equal(got, tt.want) {
				t.Errorf("%s by %d: %v, want %v", tt.query, limit, got, tt.want)
			}
		}
	}
	f.want(200, `"total":8`, "GET", "/blocks", "")
}

// The pages of a walk by OpenID are of one revision, whatever happens between them.
func TestPagesPinARevision(t *testing.T) {
	f := open(t)
	f.batch("block", "", 0, 10, "")
	got := f.walk("order=openid", 3, func(page int) {
		switch page {
		case 0:
			f.batch("unblock", "", 4, 8, "")
			f.batch("block", "", 12, 14, "")
		case 1:
			f.batch("amend", "x", 8, 9, "")
		}
	})
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPageTokens(t *testing.T) {
	f := open(t)
	f.batch("block", "", 0, 5, "")
	var p blocksPage
	f.want(200, "", "GET", "/blocks?order=openid&limit=2", "").into(t, &p)
	other := open(t)
	otherAccount, secret, err := f.Access().AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := f.Access().StableToken(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(otherAccount.AppID), Secret: secret}, false)
	if err != nil {
		t.Fatal(err)
	}
	good := "order=openid&page_token=" + p.Next
	f.want(200, f.ids[2], "GET", "/blocks?limit=7&"+good, "")
	for name, a := range map[string]answer{
		"other parameters":    f.make(call{method: "GET", path: "/blocks?reason=x&" + good}),
		"another order":       f.make(call{method: "GET", path: "/blocks?page_token=" + p.Next}),
		"another path":        f.make(call{method: "GET", path: "/followers?page_token=" + p.Next}),
		"forged":              f.make(call{method: "GET", path: "/blocks?order=openid&page_token=" + p.Next[:len(p.Next)-2] + "AA"}),
		"cut":                 f.make(call{method: "GET", path: "/blocks?order=openid&page_token=" + p.Next[:10]}),
		"no token at all":     f.make(call{method: "GET", path: "/blocks?order=openid&page_token=" + url.QueryEscape("o 好")}),
		"another account":     f.make(call{method: "GET", path: "/v1/accounts/" + string(otherAccount.AppID) + "/blocks?" + good, token: "Bearer " + tok.Value}),
		"another store's key": other.make(call{method: "GET", path: "/blocks?" + good}),
	} {
		f.check(a, 400, `"code":"page.token"`, name)
	}
}

func TestHistory(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0] + "/history"
	f.want(200, `{"changes":[],"as_of":0}`, "GET", at, "")
	f.batch("block", "spam", 0, 2, `,"ttl":"1h"`)
	f.batch("amend", "abuse", 0, 1, "")
	f.batch("unblock", "sorry", 0, 1, "")
	f.want(200, `"action":"block","actor":"api","reason":"spam","expire_time":"2026-03-01T09:00:00Z"},{"revision":2,"time":"2026-03-01T08:00:00Z","action":"amend","actor":"api","reason":"abuse"},{"revision":3`, "GET", at, "")
	var p blocksPage
	f.want(200, `{"changes":[{"revision":1,`, "GET", at+"?limit=1", "").into(t, &p)
	f.batch("block", "", 0, 1, "")
	f.want(200, `{"changes":[{"revision":2,`, "GET", at+"?limit=1&page_token="+p.Next, "").into(t, &p)
	f.want(200, `"reason":"sorry"}],"as_of":3}`, "GET", at+"?limit=2&page_token="+p.Next, "") // of the revision of the first
	f.want(200, `],"as_of":1}`, "GET", at+"?as_of=1", "")
}

func TestAsOf(t *testing.T) {
	f := open(t)
	f.batch("block", "spam", 0, 2, "")
	f.batch("unblock", "", 0, 1, "")
	f.want(200, `"reason":"spam"`, "GET", "/blocks/"+f.ids[0]+"?as_of=1", "")
	f.want(404, "block.none", "GET", "/blocks/"+f.ids[0]+"?as_of=2", "")
	f.want(200, `"blocked":true},{"openid":"`+f.ids[2]+`","blocked":false}],"as_of":1}`, "POST", "/blocks:check?as_of=1", openids(f.ids[0], f.ids[2]))
	f.want(400, "revision.ahead", "GET", "/blocks/"+f.ids[0]+"?as_of=3", "")
	f.want(400, "revision.ahead", "GET", "/blocks?order=openid&as_of=3", "")
	f.want(400, "as_of", "GET", "/blocks?as_of=1", "")
	a := f.want(200, "", "GET", "/blocks/"+f.ids[1]+"?min_revision=2", "")
	if a.header.Get("Mpblock-Revision") != "2" {
		t.Errorf("%v", a.header)
	}
}
