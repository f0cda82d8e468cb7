package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/platform"
)

// The demo is the example of the platform's own document: 23,000 of 30,000
// followers are blocked. All of it is the same every time, so that tests and
// documents can rely on it.
const (
	demoAppID     = mpblock.AppID("wxdec0dedec0dedec0")
	demoSecret    = "5eedda7a5eedda7a5eedda7a5eedda7a"
	demoFollowers = 30_000
	demoBlocked   = 23_000
	demoChange    = 1_000 // OpenIDs a change
)

var (
	demoPrefix  = mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}
	demoKey     = mpblock.Key([]byte("mpblock-demo-key"))
	demoReasons = []string{"advertising", "刷屏", "abusive messages", "fake account", "营销号"}
)

// demoOpenID returns the OpenID of the n-th user of the demo, from 1 on.
func demoOpenID(n int) mpblock.OpenID {
	return mpblock.Mint(demoPrefix, demoKey, fmt.Sprintf("demo-%05d", n))
}

func demoOpenIDs(first, last int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, 0, last-first+1)
	for n := first; n <= last; n++ {
		ids = append(ids, demoOpenID(n))
	}
	return ids
}

// fillDemo puts the demo into a store that does not hold its account. The account
// is written last, so a demo that was interrupted is completed the next time.
func fillDemo(ctx context.Context, store mpblock.Store) error {
	p, err := platform.Open(ctx, store, platform.Options{})
	if err != nil {
		return err
	}
	var e *mpblock.Error
	if _, err := p.Account(ctx, demoAppID); !errors.As(err, &e) || e.Code != mpblock.CodeBadAppID {
		return err
	}
	for n := 1; n <= demoFollowers; n += mpblock.MaxBatch {
		if _, err := store.AddFollowers(ctx, demoAppID, demoOpenIDs(n, n+mpblock.MaxBatch-1)); err != nil {
			return err
		}
	}
	begin := time.Now().AddDate(0, 0, 1-demoBlocked/demoChange)
	for i := range demoBlocked / demoChange {
		_, err := store.Apply(ctx, demoAppID, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: demoOpenIDs(i*demoChange+1, (i+1)*demoChange),
			Actor: "demo", Reason: demoReasons[i%len(demoReasons)], Time: begin.AddDate(0, 0, i),
		})
		if err != nil {
			return err
		}
	}
	_, _, err = p.AddAccount(ctx, platform.NewAccount{
		AppID: demoAppID, Name: "Demo 演示", Secret: demoSecret, Prefix: &demoPrefix, Key: &demoKey,
	})
	return err
}

// printDemo prints calls to paste into a shell.
func printDemo(t terminal, base, trust string) {
	curl := "curl -s"
	if trust != "" {
		curl += " --cacert " + trust
	}
	a, b := demoOpenID(demoBlocked+1), demoOpenID(demoBlocked+2)
	t.printf(`
The account %[3]s has 30,000 followers; 23,000 of them are blocked. To paste into a shell:

  # a token, good for two hours
  TOKEN=$(%[1]s '%[2]s/cgi-bin/token?grant_type=client_credential&appid=%[3]s&secret=%[4]s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  # the blacklist, a page of 10,000 (the beginning of it)
  %[1]s "%[2]s/cgi-bin/tags/members/getblacklist?access_token=$TOKEN" -d '{"begin_openid":""}' | cut -c 1-160

  # block two followers
  %[1]s "%[2]s/cgi-bin/tags/members/batchblacklist?access_token=$TOKEN" -d '{"openid_list":["%[5]s","%[6]s"]}'; echo

  # unblock them
  %[1]s "%[2]s/cgi-bin/tags/members/batchunblacklist?access_token=$TOKEN" -d '{"openid_list":["%[5]s","%[6]s"]}'; echo

Ctrl-C stops the server.

`, curl, base, demoAppID, demoSecret, a, b)
}
