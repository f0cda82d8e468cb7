package doctor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"mpblock/client"
	"mpblock/internal/console/i18n"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

func examine(t *testing.T, base, app, secret string, h *http.Client, tokens source.Spec) doctor.Report {
	t.Helper()
	options, err := tokens.Options(h)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(app, secret, append(options, client.WithBaseURL(base), client.WithHTTPClient(h), client.WithRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	return doctor.Examine(t.Context(), c)
}

// states returns the checks of a report in short.
func states(r doctor.Report) string {
	var all []string
	for _, c := range r.Checks {
		all = append(all, fmt.Sprintf("%s:%s:%s", c.Call, c.State, strings.TrimPrefix(c.Key, "doctor.")))
	}
	return strings.Join(all, " ")
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	w := mpblocktest.New(t, mpblocktest.WithPageSize(7))
	fans := w.Followers(30)
	w.Drift(fans[:20], nil)
	r := examine(t, w.URL, w.AppID, w.Secret, w.Client(), source.Spec{Secret: w.Secret})
	if got, want := states(r), "token:ok:token getblacklist:ok:list user/get:ok:followers user/info:ok:user openapi/quota/get:ok:quotas"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if r.Blocked != 20 || r.Followers != 30 || r.Page != 7 || len(r.Prefix) != 8 || len(r.Quotas) != 5 || r.State() != doctor.OK {
		t.Errorf("%+v", r)
	}
	said := fmt.Sprintf("%+v", r)
	for _, id := range fans {
		if strings.Contains(said, id) {
			t.Errorf("the report names a person: %s", said)
		}
	}
	if n := len(w.Journal()); n != 9 { // a token, three calls, five quotas
		t.Errorf("%d calls", n)
	}
}

// Each code of the platform has words that say what to do.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		call string // that is refused
		code int
		want string
	}{
		{"/stable_token", -1, "token:failed:busy getblacklist:skipped:skipped.token"},
		{"/stable_token", 40013, "token:failed:appid getblacklist:skipped"},
		{"/stable_token", 40125, "token:failed:secret getblacklist:skipped"},
		{"/stable_token", 40243, "token:failed:frozen getblacklist:skipped"},
		{"/stable_token", 89503, "token:failed:confirm getblacklist:skipped"},
		{"/stable_token", 89507, "token:failed:declined getblacklist:skipped"},
		{"/stable_token", 45009, "token:failed:day getblacklist:skipped"},
		{"/stable_token", 45011, "token:failed:minute getblacklist:skipped"},
		{"/getblacklist", 48001, "token:ok:token getblacklist:failed:unverified user/get:ok"},
		{"/getblacklist", 48004, "token:ok:token getblacklist:failed:irregular user/get:ok"},
		{"/getblacklist", 40001, "token:ok:token getblacklist:failed:dead"},
		{"/getblacklist", 45009, "token:ok:token getblacklist:failed:day"},
		{"/getblacklist", 268487001, "token:ok:token getblacklist:failed:busy"},
		{"/user/get", 48001, "token:ok:token getblacklist:ok:list user/get:warning:unverified user/info:ok"},
		{"/user/info", 40066, "user/info:warning:unknown openapi/quota/get:ok:quotas"},
		{"/quota/get", 76021, "user/info:ok:user openapi/quota/get:warning:unknown"},
		{"/getblacklist", 12345, "token:ok:token getblacklist:failed:code"},
	} {
		w := mpblocktest.New(t)
		w.Drift(w.Followers(3), nil)
		w.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*" + tt.call}, Effect: mpblocktest.Errcode(tt.code)})
		r := examine(t, w.URL, w.AppID, w.Secret, w.Client(), source.Spec{Secret: w.Secret})
		if got := states(r); !strings.Contains(got, tt.want) {
			t.Errorf("%s %d: %s\nwant %s", tt.call, tt.code, got, tt.want)
		}
		for _, c := range r.Checks {
			for _, l := range []i18n.Lang{i18n.English, i18n.Chinese} {
				args := make([]any, len(c.Args))
				for i := range c.Args {
					args[i] = c.Args[i]
				}
				if text := l.Say(i18n.Msg(c.Key), args...); strings.HasPrefix(text, "doctor.") || strings.Contains(text, "%!") {
					t.Errorf("%s in %s: %s", c.Key, l, text)
				}
			}
			if c.State != doctor.OK && c.State != doctor.Skipped && c.Code != tt.code {
				t.Errorf("%+v", c)
			}
		}
	}
}

// Where the address is refused, those that were seen are named: behind some networks it is
// another from call to call, and from report to report.
func TestAddresses(t *testing.T) {
	t.Parallel()
	n := 0
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, `{"errcode":40164,"errmsg":"invalid ip 192.0.2.%d ipv6 ::ffff:192.0.2.%d, not in whitelist rid: 65f0c1a2-1b2c3d4e-5f607182"}`, n%2, n%2)
	}))
	defer ts.Close()
	r := examine(t, ts.URL, "wx", "s", ts.Client(), source.Spec{Secret: "s"})
	if fmt.Sprint(r.Addresses) != "[192.0.2.1 192.0.2.0]" || r.Checks[0].Key != "doctor.address" || fmt.Sprint(r.Checks[0].Args) != "[192.0.2.1]" || r.Checks[0].RID == "" || n != 3 {
		t.Errorf("%d calls: %+v", n, r)
	}
	r.Earlier(doctor.Report{Addresses: []string{"2001:db8::1", "192.0.2.1"}})
	if len(r.Addresses) != 3 {
		t.Errorf("%v", r.Addresses)
	}
}

// An empty page with a total is a fault of the platform, not an empty list.
func TestEmptyPage(t *testing.T) {
	t.Parallel()
	w := mpblocktest.New(t)
	w.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: `{"total":9,"count":0,"next_openid":""}`}})
	r := examine(t, w.URL, w.AppID, w.Secret, w.Client(), source.Spec{Secret: w.Secret})
	if got := states(r); !strings.Contains(got, "getblacklist:failed:empty user/get:ok:followers user/info:skipped:skipped.nobody") || r.State() != doctor.Failed {
		t.Error(got)
	}
}

// What is wrong with the way there is said too, and what is wrong with a source of tokens.
func TestTheWayThere(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	own := httptest.NewTLSServer(http.NotFoundHandler())
	defer own.Close()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	for base, want := range map[string]string{
		plain.URL: "network.other", own.URL: "network.tls", strings.Replace(plain.URL, "http:", "https:", 1): "network.tls",
		nobody.URL: "network.refused", "http://no-such-host.invalid": "network.name",
	} {
		r := examine(t, base, "wx", "s", &http.Client{}, source.Spec{Secret: "s"})
		if got := states(r); !strings.HasPrefix(got, "token:failed:"+want+" ") {
			t.Errorf("%s: %s, %v", base, got, r.Checks[0])
		}
	}
	r := examine(t, plain.URL, "wx", "", &http.Client{}, source.Spec{URL: plain.URL})
	if c := r.Checks[0]; c.Key != "source.status" || !slices.Equal(c.Args, []string{"404"}) {
		t.Errorf("%+v", c)
	}
}
