package check

import (
	"context"
	"net/http"
	"strconv"

	"mpblock/bench/peer"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
)

// Peers of mpblock: the handler over a set in Redis, and over a Go map.
const (
	OverRedis = "redis-set"
	OverMap   = "map"
)

// Peer is the handler of a peer: over Redis at an address, or over a map of as many as a
// filled store has.
func Peer(kind, where string) (http.Handler, error) {
	if kind == OverRedis {
		return Handler(peer.OpenRedis(where).Member(testserver.DemoAppID)), nil
	}
	n, err := strconv.Atoi(where)
	if err != nil {
		return nil, err
	}
	m := make(map[string]struct{}, n)
	for i := range n {
		m[storetest.Numbered(uint64(i)).String()] = struct{}{}
	}
	return Handler(func(_ context.Context, openID string) (bool, error) {
		_, ok := m[openID]
		return ok, nil
	}), nil
}
