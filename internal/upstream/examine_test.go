package upstream_test

import (
	"slices"
	"strings"
	"testing"

	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// A report is kept until the next, with the addresses that were refused, and names no
// secret; it goes with the upstream.
func TestExamine(t *testing.T) {
	t.Parallel()
	s := open(t)
	app := s.account.AppID
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/stable_token"}, Effect: mpblocktest.Effect{HTTP: 200, Body: `{"errcode":40164,"errmsg":"invalid ip 192.0.2.7 ipv6 ::ffff:192.0.2.7, not in whitelist"}`}})
	r, err := s.gateway.Examine(t.Context(), app)
	if err != nil || r.State() != doctor.Failed || r.AppID != app || r.BaseURL != s.platform.URL || r.Tokens != source.StableToken || r.At.IsZero() {
		t.Errorf("%v: %+v", err, r)
	}
	s.platform.Fail()
	if r, err = s.gateway.Examine(t.Context(), app); err != nil || r.State() != doctor.OK || !slices.Equal(r.Addresses, []string{"192.0.2.7"}) {
		t.Errorf("%v: %+v", err, r)
	}
	kept, err := s.store.List(t.Context(), "doctor", "", 10)
	if err != nil || len(kept) != 1 || strings.Contains(string(kept[0].Value), s.platform.Secret) {
		t.Errorf("%v: %d reports are kept", err, len(kept))
	}
	if err := s.gateway.Erase(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if kept, err = s.store.List(t.Context(), "doctor", "", 10); err != nil || len(kept) > 0 {
		t.Errorf("%v: %d are left", err, len(kept))
	}
	if _, err := s.gateway.Examine(t.Context(), app); err == nil {
		t.Error("an account without an upstream is examined")
	}
}

// With plain tokens the doctor takes the one in use: another would end it.
func TestExamineSparesPlainTokens(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.from(source.Spec{Secret: s.platform.Secret, Plain: true})
	s.sync()
	before := len(s.platform.Journal())
	if r, err := s.gateway.Examine(t.Context(), s.account.AppID); err != nil || r.State() != doctor.OK {
		t.Errorf("%v: %+v", err, r)
	}
	for _, c := range s.platform.Journal()[before:] {
		if strings.HasSuffix(c.Path, "/token") {
			t.Error("a token was got")
		}
	}
}
