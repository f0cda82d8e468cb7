package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/access"
)

// The demo account is the example of the platform's own document: 23,000 of 30,000
// followers are blocked. All of it is the same every time, so that tests and
// documents can rely on it.
const (
	DemoAppID     = mpblock.AppID("wxdec0dedec0dedec0")
	DemoSecret    = "5eedda7a5eedda7a5eedda7a5eedda7a"
	DemoFollowers = 30_000
	DemoBlocked   = 23_000

	demoChange = 1_000 // OpenIDs a change
)

var (
	demoPrefix  = mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}
	demoKey     = mpblock.Key([]byte("mpblock-demo-key"))
	demoReasons = []string{"advertising", "刷屏", "abusive messages", "fake account", "营销号"}
)

// DemoOpenID returns the OpenID of the n-th user of the demo, from 1 on. The first
// DemoBlocked are blocked at the beginning.
func DemoOpenID(n int) mpblock.OpenID {
	return mpblock.Mint(demoPrefix, demoKey, fmt.Sprintf("demo-%05d", n))
}

func demoOpenIDs(first, last int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, 0, last-first+1)
	for n := first; n <= last; n++ {
		ids = append(ids, DemoOpenID(n))
	}
	return ids
}

// fillDemo puts the demo into a store that does not hold its account. The account
// is written last, so a demo that was interrupted is completed the next time.
func fillDemo(ctx context.Context, a *access.Service, store mpblock.Store, now time.Time) error {
	if _, err := a.Account(ctx, DemoAppID); !errors.Is(err, access.ErrNoAccount) {
		return err
	}
	for n := 1; n <= DemoFollowers; n += mpblock.MaxWrite {
		if _, err := store.AddFollowers(ctx, DemoAppID, demoOpenIDs(n, n+mpblock.MaxWrite-1)); err != nil {
			return err
		}
	}
	begin := now.AddDate(0, 0, 1-DemoBlocked/demoChange)
	for i := range DemoBlocked / demoChange {
		_, err := store.Apply(ctx, DemoAppID, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: demoOpenIDs(i*demoChange+1, (i+1)*demoChange),
			Actor: "demo", Reason: demoReasons[i%len(demoReasons)], Time: begin.AddDate(0, 0, i),
		})
		if err != nil {
			return err
		}
	}
	_, _, err := a.AddAccount(ctx, access.NewAccount{
		AppID: DemoAppID, Name: "Demo 演示", Secret: DemoSecret, Prefix: &demoPrefix, Key: &demoKey,
	})
	return err
}
