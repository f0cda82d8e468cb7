package native_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
	"mpblock/native"
)

// Somebody is blocked for an hour, and a program that watches hears of it.
func Example() {
	ctx := context.Background()
	s, err := server.Open(ctx, server.Config{Store: memstore.New()})
	if err != nil {
		log.Fatal(err)
	}
	a, secret, err := s.Access().AddAccount(ctx, access.NewAccount{AnyFollower: true})
	if err != nil {
		log.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	openID := mpblock.Mint(a.Prefix, a.Key, "somebody").String()

	c, err := native.New(h.URL, string(a.AppID), secret)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Block(ctx, openID, native.Terms{Reason: "spam", TTL: "1h"}); err != nil {
		log.Fatal(err)
	}
	answers, err := c.Check(ctx, openID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("blocked:", answers[0].Blocked)
	for changes, err := range c.Watch(ctx, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(changes[0].Revision, changes[0].Kind, changes[0].Reason)
		break
	}
	_ = s.Close()
	h.Close()
	// Output:
	// blocked: true
	// 1 blocked spam
}
