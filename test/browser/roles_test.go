package browser

import (
	"net/url"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/util"
)

// TestNewAccount creates an account in the console, and calls the API with a client
// library of the field and the secret that is shown once.
func TestNewAccount(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.follow("nav a[href='/accounts']")
	b.fill("#new-account #name", "Shop 小店")
	b.click("#new-account input[name=any]")
	b.follow("#new-account button")
	secret := b.text("#secret")
	appID := strings.TrimPrefix(eval[string](b, "location.pathname"), "/accounts/")
	calls := b.text("#calls")
	_, rest, ok := strings.Cut(calls, `"openid_list":["`)
	id, _, _ := strings.Cut(rest, `"`)
	if !ok || len(id) != 28 {
		t.Fatalf("the calls to paste have no OpenID: %s", calls)
	}

	util.SetURIModifier(func(uri string) string { return strings.Replace(uri, "https://api.weixin.qq.com", s.Base, 1) })
	t.Cleanup(func() { util.SetURIModifier(func(uri string) string { return uri }) })
	user := officialaccount.NewOfficialAccount(&config.Config{AppID: appID, AppSecret: secret, Cache: cache.NewMemory()}).GetUser()
	if err := user.BatchBlackList(id); err != nil {
		t.Fatalf("block with the new credentials: %v", err)
	}
	all, err := user.GetAllBlackList()
	if err != nil || len(all) != 1 || all[0] != id {
		t.Fatalf("the library lists %q, %v; want %s alone", all, err, id)
	}
	b.visit("/a/" + appID + "/blacklist")
	b.says("tr[data-openid='"+id+"']", "API")

	b.visit("/accounts/" + appID)
	if b.has("#secret") || strings.Contains(eval[string](b, "document.documentElement.outerHTML"), secret) {
		t.Error("the secret is shown again")
	}
}

// attempt is a request that a role may make or not.
type attempt struct {
	method, path string
	form         url.Values
	least        int // the lowest role that may: 0 viewer, 1 operator, 2 admin
	status       int // of the answer to one that may, if it is not 200
}

func TestRoles(t *testing.T) {
	whole, s := t, serve(t)
	first := enter(t, s, "en")
	b := set(first)
	ids := free(t, s, blacklist(t, s))
	attempts := []attempt{
		{"GET", account, nil, 0, 0}, {"GET", account + "/followers", nil, 0, 0}, {"GET", account + "/blacklist", nil, 0, 0},
		{"GET", account + "/blacklist/export?format=csv", nil, 0, 0}, {"GET", account + "/bulk", nil, 0, 0}, {"GET", account + "/history", nil, 0, 0},
		{"GET", b.change, nil, 0, 0}, {"GET", account + "/openids/" + b.id, nil, 0, 0}, {"GET", b.job, nil, 0, 0}, {"GET", b.job + "/refused", nil, 0, 0},
		{"GET", "/accounts", nil, 0, 0}, {"GET", "/me", nil, 0, 0},
		{"GET", b.undone, nil, 1, 0}, {"POST", account + "/confirm", url.Values{"action": {"block"}, "openid": {ids[0]}}, 1, 0},
		{"POST", account + "/unblock", url.Values{"openid": {ids[0]}}, 1, 0},
		{"POST", b.undone, url.Values{"note": {"tried"}}, 1, 0}, {"GET", b.job + "/undo", nil, 1, 0},
		{"GET", "/accounts/" + b.shop, nil, 2, 0}, {"POST", "/accounts", url.Values{"name": {"Other"}}, 2, 0},
		{"POST", "/accounts/" + b.shop, url.Values{"name": {"Renamed"}}, 2, 0}, {"POST", "/accounts/" + b.shop + "/secret", url.Values{"sure": {"1"}}, 2, 0},
		{"GET", "/audit", nil, 2, 0}, {"POST", "/accounts/" + b.shop + "/retire", url.Values{}, 2, 0},
		{"POST", "/accounts/" + b.shop + "/remove", url.Values{"typed": {b.shop}}, 2, 422}, // it is in use
		{"GET", "/accounts/" + b.shop + "/programs", nil, 2, 0}, {"POST", "/accounts/" + b.shop + "/programs", url.Values{"name": {"crm"}, "scope": {"read"}}, 2, 0},
		{"POST", "/accounts/" + b.shop + "/programs/crm/revoke", url.Values{"sure": {"1"}}, 2, 0},
		{"GET", "/operators", nil, 2, 0}, {"GET", "/operators/vera", nil, 2, 0}, {"POST", "/operators", url.Values{"name": {"ivan"}, "role": {"admin"}}, 2, 0},
		{"POST", "/operators/vera", url.Values{"role": {"admin"}}, 2, 0}, {"POST", "/operators/vera/reset", url.Values{}, 2, 0},
		{"POST", "/operators/vera/logout", url.Values{}, 2, 0}, {"POST", "/operators/vera/disable", url.Values{"disabled": {"1"}}, 2, 0},
		{"POST", "/operators/vera/remove", url.Values{"sure": {"1"}}, 2, 0},
		{"POST", "/second-factor", url.Values{"required": {"1"}}, 2, 422}, // the admin has none
	}
	for rank, role := range []string{"viewer", "operator", "admin"} {
		who := newOperator(first, "the-"+role, role, "a phrase for the test alone")
		who.visit("/")
		who.speak("en")
		t.Run(role, func(t *testing.T) {
			who.t, first.t = t, t
			defer func() { who.t, first.t = whole, whole }()
			who.links(rank, b)
			first.draft([]string{ids[rank]})
			who.try(attempt{"POST", eval[string](first, "location.pathname") + "/drop", url.Values{}, 1, 0}, rank)
			for _, a := range attempts {
				who.try(a, rank)
			}
			victim := ids[rank]
			who.try(attempt{"POST", account + "/block", url.Values{"openid": {victim}, "reason": {"tried by " + role}}, 1, 0}, rank)
			if got := blacklist(t, s)[victim]; got != (rank >= 1) {
				t.Errorf("a %s tried to block %s, and the API says blocked: %v", role, victim, got)
			}
		})
	}
}

// links holds the pages to showing just what the role may do.
func (b *tab) links(rank int, c *scene) {
	b.t.Helper()
	for _, l := range []struct {
		page, css string
		least     int
	}{
		{account, "nav a[href='/operators']", 2}, {account, "nav a[href='" + account + "/blacklist']", 0},
		{account + "/followers", "#act", 1}, {account + "/followers", "td.tick", 1}, {account + "/blacklist", "#act", 1},
		{account + "/blacklist", "#export-csv", 0}, {account + "/bulk", "#preview", 1}, {c.job, "#undo", 1}, {c.job, "#refused", 0},
		{c.change, "#undo", 1}, {account + "/openids/" + c.id, "#act", 1}, {"/accounts", "#new-account", 2},
		{"/accounts", "a[href='/accounts/" + c.shop + "']", 2},
	} {
		b.visit(l.page)
		if got := b.has(l.css); got != (rank >= l.least) {
			b.t.Errorf("%s on %s: shown %v, want %v", l.css, l.page, got, rank >= l.least)
		}
	}
}

// try makes a request from within a page, with its cookies, as somebody does who
// knows the address.
func (b *tab) try(a attempt, rank int) {
	b.t.Helper()
	want := 200
	switch {
	case rank < a.least:
		want = 403
	case a.status != 0:
		want = a.status
	}
	b.answers(a, want)
}

func (b *tab) answers(a attempt, want int) {
	b.t.Helper()
	if want >= 400 {
		b.allow(a.path)
	}
	body := ""
	if a.method == "POST" {
		body = ", body: new URLSearchParams(" + quote(a.form.Encode()) + ")"
	}
	status := eval[int](b, "fetch("+quote(a.path)+", {method: "+quote(a.method)+body+"}).then(r => r.status)")
	if status != want {
		b.t.Errorf("%s %s: status %d, want %d", a.method, a.path, status, want)
	}
}

// TestLimitedOperator keeps an operator within the accounts that are theirs.
func TestLimitedOperator(t *testing.T) {
	s := serve(t)
	admin := enter(t, s, "en")
	c := set(admin)
	who := newOperator(admin, "omar", "operator", "a phrase for the test alone")
	admin.visit("/operators/omar")
	admin.click("#rights input[name=scope][value=some]")
	admin.click("#rights input[name=accounts][value='" + c.shop + "']")
	admin.follow("#rights button")
	admin.visit("/operators")
	admin.says("tr[data-operator=omar]", "Shop 小店")
	who.visit("/accounts")
	if got := eval[[]string](who, "[...document.querySelectorAll('tr[data-appid]')].map(e => e.dataset.appid)"); len(got) != 1 || got[0] != c.shop {
		t.Errorf("the operator of %s sees %q", c.shop, got)
	}
	if status := who.visit("/a/" + c.shop + "/followers"); status != 200 {
		t.Errorf("of the operator's own account: status %d", status)
	}
	id := free(t, s, blacklist(t, s))[0]
	for _, a := range []attempt{
		{"GET", account, nil, 0, 0}, {"GET", account + "/blacklist/export?format=csv", nil, 0, 0}, {"GET", c.job, nil, 0, 0},
		{"POST", account + "/block", url.Values{"openid": {id}}, 0, 0},
	} {
		who.answers(a, 404)
	}
	if blacklist(t, s)[id] {
		t.Errorf("%s was blocked by an operator of another account", id)
	}
}
