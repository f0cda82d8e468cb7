package replica_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
	"mpblock/replica"
)

// demo is an mpblock server with an account, of which one person is blocked.
func demo() (baseURL, secret, appID, openID string, stop func()) {
	ctx := context.Background()
	s, err := server.Open(ctx, server.Config{Store: memstore.New()})
	if err != nil {
		log.Fatal(err)
	}
	a, secret, err := s.Access().AddAccount(ctx, access.NewAccount{AnyFollower: true})
	if err != nil {
		log.Fatal(err)
	}
	id := mpblock.Mint(a.Prefix, a.Key, "somebody")
	if _, err := s.Lists().Apply(ctx, a, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "api"}); err != nil {
		log.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	return h.URL, secret, string(a.AppID), id.String(), func() {
		_ = s.Close()
		h.Close()
	}
}

func Example() {
	baseURL, secret, appID, openID, stop := demo()
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := replica.Open(ctx, baseURL, secret, appID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()

	fmt.Println(r.Blocked(openID), r.Len())
	// Output: true 1
}

// WaitFresh has a look-up see what was changed before it.
func ExampleReplica_WaitFresh() {
	baseURL, secret, appID, openID, stop := demo()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := replica.Open(ctx, baseURL, secret, appID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()

	unblock(baseURL, secret, appID, openID)
	if err := r.WaitFresh(ctx, time.Second); err != nil {
		fmt.Println(err) // and decide without being sure
	}
	fmt.Println(r.Staleness() < 2*time.Second)

	if err := r.WaitFresh(ctx, 0); err != nil { // what was changed just now is seen too
		fmt.Println(err)
		return
	}
	fmt.Println(r.Blocked(openID))
	// Output:
	// true
	// false
}

// unblock is a call of the native API.
func unblock(baseURL, secret, appID, openID string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, baseURL+"/v1/accounts/"+appID+"/blocks/"+openID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+token(baseURL, secret, appID))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
}

func token(baseURL, secret, appID string) string {
	resp, err := http.Get(baseURL + "/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=" + secret)
	if err != nil {
		log.Fatal(err)
	}
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&out)
	_ = resp.Body.Close()
	if err != nil {
		log.Fatal(err)
	}
	return out.AccessToken
}
