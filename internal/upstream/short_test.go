package upstream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"mpblock"
	"mpblock/mpblocktest"
)

// listing returns a rule by which the platform's list is one page of these, whatever it says
// of its length.
func listing(t *testing.T, total int, ids []string) mpblocktest.Rule {
	t.Helper()
	body, err := json.Marshal(map[string]any{"total": total, "count": len(ids), "data": map[string]any{"openid": ids}, "next_openid": ""})
	if err != nil {
		t.Fatal(err)
	}
	return mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: string(body)}}
}

var neverArrives = mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batch*"}, Effect: mpblocktest.Effect{Reset: mpblocktest.Before}}

// A list that is a tenth shorter than it says itself unblocks nobody and settles nothing,
// and whoever waits hears the way out.
func TestAListShorterThanItsTotalIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(100)
	s.platform.Drift(fans, nil)
	s.sync()
	app := s.account.AppID
	s.platform.Fail(listing(t, 100, fans[:90]), neverArrives)
	if u := s.sync(); u.Held == nil || u.Held.Removed != 10 || len(s.here()) != 100 {
		t.Errorf("%+v, %d blocked here", u, len(s.here()))
	}
	_, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Unblock, "api", fans[95]), true)
	if err == nil || !strings.Contains(err.Error(), "account sync --sure") {
		t.Errorf("a lost answer, and a list that is cut: %v", err)
	}
	if n, err := s.gateway.Unsettled(t.Context(), app); err != nil || n != 1 || len(s.here()) != 100 {
		t.Errorf("%v, %d are not settled, %d blocked here", err, n, len(s.here()))
	}
	s.platform.Fail()
	if u := s.sync(); u.Held != nil || u.Removed != 0 {
		t.Errorf("%+v", u)
	}
	s.same()
	s.platform.Fail(listing(t, 100, fans[:90]))
	if u, err := s.gateway.Sync(t.Context(), app, true); err != nil || u.Held != nil || u.Removed != 10 || len(s.here()) != 90 {
		t.Errorf("somebody is sure: %v, %+v, %d blocked here", err, u, len(s.here()))
	}
}

// One who comes or goes while the list is read does not make it short.
func TestAListThatChangesIsBelieved(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(100)
	s.platform.Drift(fans, nil)
	s.platform.Fail(listing(t, 103, fans))
	if u := s.sync(); u.Held != nil || len(s.here()) != 100 {
		t.Errorf("%+v, %d blocked here", u, len(s.here()))
	}
}

// Of those that a lost block is about nobody can be missing for it.
func TestALostBlockExcusesNobody(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(120)
	s.platform.Drift(fans[:100], nil)
	s.sync()
	s.platform.Fail(listing(t, 75, fans[:75]), neverArrives)
	_, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "api", fans[100:]...), true)
	if err == nil || !strings.Contains(err.Error(), "account sync --sure") {
		t.Errorf("a lost answer, and a list that has shrunk: %v", err)
	}
	if n, err := s.gateway.Unsettled(t.Context(), s.account.AppID); err != nil || n != 20 {
		t.Errorf("%v, %d are not settled", err, n)
	}
}

// Followers that are fewer than they say themselves take nobody off.
func TestFollowersShorterThanTheirTotal(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(100)
	app := s.account.AppID
	if _, err := s.gateway.SyncFollowers(t.Context(), app, false); err != nil {
		t.Fatal(err)
	}
	cut := listing(t, 100, fans[:90])
	cut.Match.Path = "*/user/get"
	s.platform.Fail(cut)
	if f, err := s.gateway.SyncFollowers(t.Context(), app, false); err == nil || f.Problem == "" || f.Left != 0 {
		t.Errorf("%v: %+v", err, f)
	}
	if f, err := s.gateway.SyncFollowers(t.Context(), app, true); err != nil || f.Left != 10 {
		t.Errorf("somebody is sure: %v: %+v", err, f)
	}
}
