package seed

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/remarks"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

type fixed struct{}

func (fixed) Now() time.Time { return now }

func fill(t *testing.T, s Seed) State {
	t.Helper()
	store := memstore.WithClock(fixed{})
	a, err := access.Open(t.Context(), store, access.WithClock(fixed{}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{Clock: fixed{}})
	if err != nil {
		t.Fatal(err)
	}
	to := State{Store: store, Access: a, Lists: l, Remarks: remarks.New(store, fixed{})}
	if err := s.Fill(t.Context(), to, now); err != nil {
		t.Fatal(err)
	}
	return to
}

func parse(t *testing.T, text string) Seed {
	t.Helper()
	s, err := Read(strings.NewReader(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const whole = `
accounts:
- appid: wx0123456789abcdef
  name: Cats 猫
  secret: 0123456789abcdef0123456789abcdef
  prefix: 0a0b0c0d
  allow_ips: [192.0.2.7, 198.51.100.0/24]
  denied: [user/get]
  daily: {batchblacklist: 500}
  per_minute: {getblacklist: 60}
  reasons: [spam, 广告]
  reason_required: true
  followers: 10
  programs:
  - {name: crm, secret: fedcba9876543210fedcba9876543210}
  - {name: bot, secret_hash: 9b871512327c09ce91dd649b3f96a63b7408ef267c8cc5710114e629730cb61f, scopes: [read]}
  blacklist:
  - {reason: later, by: li.si, time: 2026-11-02T08:00:00Z, count: 2}
  - {reason: first, by: zhang.san, time: 2026-11-01T08:00:00+08:00, count: 3}
- name: empty
  any_follower: true
  retired: true
`

func TestFill(t *testing.T) {
	t.Parallel()
	to := fill(t, parse(t, whole))
	a, err := to.Access.Account(t.Context(), "wx0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "Cats 猫" || !a.SecretHash.Matches("0123456789abcdef0123456789abcdef") || a.Prefix.String() != "0a0b0c0d" || len(a.AllowIPs) != 2 ||
		!slices.Equal(a.Denied, []mpblock.Call{mpblock.CallFollowers}) || a.Daily[mpblock.CallBlock] != 500 || a.PerMinute[mpblock.CallList] != 60 || !a.ReasonRequired {
		t.Errorf("%+v", a)
	}
	var got []string
	for row, err := range to.Lists.Export(t.Context(), a.AppID, lists.EntryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.Reason+" "+row.Actor+" "+row.Time.UTC().Format(time.DateTime))
	}
	first, later := "first zhang.san 2026-11-01 00:00:00", "later li.si 2026-11-02 08:00:00"
	if want := []string{later, later, first, first, first}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	made, err := to.Access.Programs(t.Context(), a.AppID)
	if err != nil || len(made) != 2 || made[0].Name != "bot" || made[0].Has(programs.Write) || !made[1].Has(programs.Write) || !made[1].SecretHash.Matches("fedcba9876543210fedcba9876543210") {
		t.Errorf("programs %+v, %v", made, err)
	}
	empty, err := to.Access.Account(t.Context(), "wx5eed000000000002")
	if err != nil || !empty.Retired || !empty.AnyFollower {
		t.Errorf("%v: %+v", err, empty)
	}
}

// What is written is read again, and written as it was.
func TestWrittenSeedsAreRead(t *testing.T) {
	t.Parallel()
	from := fill(t, parse(t, whole))
	a, err := from.Access.Account(t.Context(), "wx0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	id := mpblock.Mint(a.Prefix, a.Key, "follower 1")
	if err := from.Remarks.Set(t.Context(), a, "li.si", id, "老王", "asks for refunds"); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Store.RemoveFollowers(t.Context(), a.AppID, []mpblock.OpenID{mpblock.Mint(a.Prefix, a.Key, "follower 2")}); err != nil {
		t.Fatal(err)
	}
	var first, again bytes.Buffer
	if err := Write(t.Context(), &first, from); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), &again, fill(t, parse(t, first.String()))); err != nil {
		t.Fatal(err)
	}
	if first.String() != again.String() || !strings.Contains(first.String(), "老王") || !strings.Contains(first.String(), `{"name":"bot","secret_hash":"9b87`) || strings.Count(first.String(), "\n") != 2+9 {
		t.Errorf("written:\n%s\nread and written:\n%s", first.String(), again.String())
	}
}

// An end that passed while its account was retired is written and read.
func TestAnEndHasPassed(t *testing.T) {
	t.Parallel()
	from := fill(t, parse(t, whole))
	a, err := from.Access.Account(t.Context(), "wx0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	b := mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{mpblock.Mint(a.Prefix, a.Key, "late")}, Actor: "li.si", Time: now, Until: now.Add(-time.Second)}
	if _, err := from.Store.Apply(t.Context(), a.AppID, b); err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	if err := Write(t.Context(), &written, from); err != nil {
		t.Fatal(err)
	}
	states, err := fill(t, parse(t, written.String())).Store.States(t.Context(), a.AppID, b.OpenIDs)
	if err != nil || !states[0].Blocked {
		t.Errorf("%+v, %v", states, err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	a, b := mpblock.Mint(mpblock.Prefix{10, 11, 12, 13}, mpblock.Key{}, "a").String(), mpblock.Mint(mpblock.Prefix{10, 11, 12, 13}, mpblock.Key{}, "b").String()
	write("big.ndjson", `{"openid":"`+a+`","follower":true,"blocked":true,"reason":"x"}`+"\n"+`{"openid":"`+b+`","blocked":true,"reason":"x","name":"B"}`+"\n")
	s, err := Load(write("seed.yaml", "accounts:\n- {prefix: "+a+", load: big.ndjson}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Accounts[0]; len(got.Blacklist) != 1 || len(got.Blacklist[0].OpenIDs) != 2 || len(got.Followers.OpenIDs) != 1 || len(got.Remarks) != 1 {
		t.Errorf("%+v", got)
	}
	to := fill(t, s)
	if page, err := to.Store.Blacklist(t.Context(), "wx5eed000000000001", mpblock.OpenID{}, 10); err != nil || page.Total != 2 {
		t.Errorf("%v: %+v", err, page)
	}
	for text, want := range map[string]string{
		"accounts: [{followers: many}]":                       "line 1: followers: want how many are minted, or a list of OpenIDs",
		"accounts:\n- apid: wx1":                              `line 2: there is no key "apid"; did you mean "appid"?`,
		"accounts:\n- appid: wx1":                             "line 2: account 1: appid: not an AppID",
		"accounts:\n- name: a\n  daily: {block: 5}":           "line 3: account 1: daily: no call is named",
		"accounts:\n- followers: [o1]":                        "line 2: account 1: followers: ",
		"accounts:\n- blacklist: [{count: 1, openids: [o1]}]": "line 2: account 1: blacklist: change 1: want either openids, or count",
		"accounts:\n- load: none.ndjson":                      "no such file",
		"accounts:\n- programs: [{name: a}]":                  "line 2: account 1: programs: program 1: there is no secret",
		"accounts:\n- programs: [{name: A}]":                  `line 2: account 1: programs: program 1: "A" is no name`,
		"accounts:\n- programs: [{name: a, scopes: [send]}]":  `line 2: account 1: programs: program 1: there is no scope "send"`,
		"accounts:\n- programs: [{name: a, scopes: []}]":      "line 2: account 1: programs: program 1: a program needs one scope",
		`{"account":{}}` + "\n" + `{"openid":"o1"}`:           "line 2: not an OpenID",
		`{"account":{}}` + "\n" + `{"opnid":"o1"}`:            `line 2: unknown field "opnid"`,
	} {
		name := write("bad", text)
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), name) && !strings.Contains(err.Error(), "none") {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(`{"account":{"appid":"wx0123456789abcdef"}}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Read(strings.NewReader(text), t.TempDir())
	})
}
