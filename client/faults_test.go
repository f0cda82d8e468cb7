package client_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock/client"
	"mpblock/mpblocktest"
)

// What a client says of each thing that an emulator does to its call: the rows of the
// table in docs/clients.md.
func TestEachFault(t *testing.T) {
	type effect = mpblocktest.Effect
	const lost = "it may have happened"
	for name, tt := range map[string]struct {
		effect effect
		block  string // how it ends: "", the code of a refusal, or lost
		done   bool   // whatever it says
		list   string // likewise
		calls  int    // of Block
	}{
		"errcode -1":     {mpblocktest.Errcode(-1), "", true, "", 2},
		"errcode 45009":  {mpblocktest.Errcode(45009), "45009", false, "45009", 1},
		"errcode 45011":  {mpblocktest.Errcode(45011), "45011", false, "45011", 1},
		"quota":          {effect{Quota: true}, "45009", false, "45009", 1},
		"stale 40001":    {effect{StaleToken: 40001}, "", true, "", 2},
		"stale 42001":    {effect{StaleToken: 42001}, "", true, "", 2},
		"http 502":       {effect{HTTP: 502, Body: "<html>"}, lost, false, "", 1},
		"reset before":   {effect{Reset: mpblocktest.Before}, lost, false, "", 1},
		"reset after":    {effect{Reset: mpblocktest.After}, lost, true, "", 1},
		"lost, cut":      {effect{LostAnswer: mpblocktest.Cut}, lost, true, "", 1},
		"lost, 502":      {effect{LostAnswer: mpblocktest.Gateway}, lost, true, "", 1},
		"lost, timeout":  {effect{LostAnswer: mpblocktest.Timeout}, lost, true, "timeout", 1},
		"truncate":       {effect{Truncate: 0.5}, lost, true, "", 1},
		"malformed":      {effect{Malformed: true}, lost, true, "", 1},
		"slow":           {effect{Slow: 10}, "", true, "", 1},
		"latency":        {effect{Latency: mpblocktest.Duration(29 * time.Second)}, "", true, "", 1},
		"latency, long":  {effect{Latency: mpblocktest.Duration(31 * time.Second)}, lost, true, "timeout", 1},
		"page size":      {effect{PageSize: 1}, "", true, "", 1},
		"drift":          {effect{Drift: mpblocktest.Changes{Block: 1}}, "", true, "", 1},
		"nothing at all": {effect{Latency: 1}, "", true, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := mpblocktest.New(t, mpblocktest.WithoutPort())
				fans := s.Followers(9)
				s.Drift(fans[4:7], nil)
				c, err := client.New(s.AppID, s.Secret, client.WithBaseURL(s.URL),
					client.WithHTTPClient(&http.Client{Transport: s.Client().Transport, Timeout: 30 * time.Second}))
				if err != nil {
					t.Fatal(err)
				}
				strike := func(path string) {
					s.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: path, Nth: 1}, Effect: tt.effect})
				}
				strike("*/batchblacklist")
				if got := said(c.Block(t.Context(), client.OpenID(fans[8]))); got != tt.block {
					t.Errorf("Block says %q, want %q", got, tt.block)
				}
				synctest.Wait() // a call that the client has given up is kept when the server finds that out
				if calls := count(s, "/batchblacklist"); calls != tt.calls || s.Struck() != 1 {
					t.Errorf("%d calls, %d of them struck, want %d and 1", calls, s.Struck(), tt.calls)
				}
				blocked := s.Blocked()
				if done := blocked[len(blocked)-1] == fans[8]; done != tt.done {
					t.Errorf("it was done: %v, want %v", done, tt.done)
				}
				strike("*/getblacklist")
				listed := 0
				for _, err = range c.All(t.Context()) {
					if err == nil {
						listed++
					}
				}
				if got := said(err); got != tt.list || (err == nil) != (listed == len(s.Blocked())) {
					t.Errorf("All says %q after %d OpenIDs, want %q", got, listed, tt.list)
				}
			})
		})
	}
}

// said is what an error comes to, in a word.
func said(err error) string {
	var refused *client.Error
	var late interface{ Timeout() bool }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return strconv.Itoa(refused.Code)
	case unknown(err):
		return "it may have happened"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	}
	return err.Error()
}

// count returns how many calls came whose path ends so.
func count(s *mpblocktest.Server, path string) int {
	n := 0
	for _, call := range s.Journal() {
		if strings.HasSuffix(call.Path, path) {
			n++
		}
	}
	return n
}
