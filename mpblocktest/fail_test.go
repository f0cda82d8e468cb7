package mpblocktest_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock/client"
	"mpblock/mpblocktest"
)

func TestFail(t *testing.T) {
	t.Parallel()
	s := mpblocktest.New(t)
	fans := s.Followers(3)
	c := dial(t, s, client.WithRetries(0))
	s.Fail(
		mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", Nth: 1}, Effect: mpblocktest.Errcode(-1)},
		mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", Nth: 2}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}},
	)
	if err := c.Block(t.Context(), client.OpenID(fans[0])); !errors.Is(err, client.ErrSystem) || len(s.Blocked()) != 0 {
		t.Errorf("busy: %v, blocked %q", err, s.Blocked())
	}
	if err := c.Block(t.Context(), client.OpenID(fans[1])); err == nil || !slices.Equal(s.Blocked(), fans[1:2]) {
		t.Errorf("the answer is lost: %v, blocked %q", err, s.Blocked())
	}
	if s.Struck() != 2 {
		t.Errorf("struck %d", s.Struck())
	}
	calls := s.Journal()
	last := calls[len(calls)-1]
	if last.Rule != "rule 2" || last.Status != 0 || !strings.Contains(last.Request, fans[1]) || strings.Contains(fmt.Sprint(calls), s.Secret) {
		t.Errorf("the journal has %+v", calls)
	}
	s.Fail()
	if err := c.Block(t.Context(), client.OpenID(fans[2])); err != nil || s.Struck() != 0 {
		t.Errorf("after the end of the plan: %v", err)
	}
}

// The same plan, and the same calls: the same journal.
func TestPlansAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	run := func() (all []string) {
		s := mpblocktest.New(t)
		s.Plan("lost-answers")
		fans := s.Followers(300)
		c := dial(t, s, client.WithRetries(0))
		for _, id := range fans {
			_ = c.Block(t.Context(), client.OpenID(id)) // what comes of it is in the journal
		}
		for _, e := range s.Journal() {
			all = append(all, fmt.Sprint(e.Path, e.Status, e.Code, e.Rule, e.Fate))
		}
		if s.Struck() == 0 {
			t.Error("nothing was struck")
		}
		return all
	}
	if a, b := run(), run(); !reflect.DeepEqual(a, b) {
		t.Errorf("two runs differ:\n%q\n%q", a, b)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := mpblocktest.New(t)
	fans := s.Followers(5)
	s.Drift(fans, nil)
	s.Advance(time.Hour)
	s.Plan("busy-day")
	s.Reset()
	if s.Blocked() != nil || s.Journal() != nil || s.Struck() != 0 {
		t.Errorf("blocked %q, called %v", s.Blocked(), s.Journal())
	}
	if again := s.Followers(5); !slices.Equal(again, fans) {
		t.Errorf("other followers: %q, were %q", again, fans)
	}
	if err := dial(t, s).Block(t.Context(), client.OpenID(fans[0])); err != nil {
		t.Error(err)
	}
}

func TestWithoutPort(t *testing.T) {
	t.Parallel()
	s := mpblocktest.New(t, mpblocktest.WithoutPort())
	fan := s.Followers(1)[0]
	s.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", Nth: 1}, Effect: mpblocktest.Effect{Reset: mpblocktest.Before}})
	c := dial(t, s, client.WithBaseURL("https://api.weixin.qq.com"), client.WithHTTPClient(s.Client()), client.WithRetries(0))
	if err := c.Block(t.Context(), client.OpenID(fan)); err == nil {
		t.Error("no reset")
	}
	if err := c.Block(t.Context(), client.OpenID(fan)); err != nil || len(s.Blocked()) != 1 {
		t.Errorf("%v, blocked %q", err, s.Blocked())
	}
	if resp, err := http.Get(s.URL); err == nil { //nolint:noctx // nothing is to be found there
		resp.Body.Close()
		t.Error("it listens on a port")
	}
}

// A call whose answer never comes ends with the test, and not five minutes later.
func TestHeldCallsEndWithTheTest(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	t.Run("held", func(t *testing.T) {
		s := mpblocktest.New(t)
		fan := s.Followers(1)[0]
		s.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Timeout}})
		go func() {
			gone <- dial(t, s, client.WithRetries(0)).Block(t.Context(), client.OpenID(fan))
		}()
		for s.Struck() == 0 {
			runtime.Gosched()
		}
	})
	if err := <-gone; err == nil {
		t.Error("an answer came")
	}
}

func ExampleServer_Fail() {
	t := &scope{} // in a test: its *testing.T
	defer t.end()
	s := mpblocktest.New(t)
	fans := s.Followers(2)
	s.Fail(mpblocktest.Rule{
		Match:  mpblocktest.Match{Path: "*/batchblacklist", First: 2},
		Effect: mpblocktest.Errcode(-1), // the platform is busy, twice
	})
	c, err := client.New(s.AppID, s.Secret, client.WithBaseURL(s.URL))
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Block(t.Context(), client.OpenID(fans[0]))) // the client tries again by itself
	fmt.Println(len(s.Blocked()), "blocked,", s.Struck(), "calls failed")
	// Output:
	// <nil>
	// 1 blocked, 2 calls failed
}
