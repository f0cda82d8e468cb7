package copystore

import (
	"testing"
	"time"

	"mpblock"
)

// A request that nobody remembers any more, and that changed nothing, is no difference.
func TestOldRequestsAreNoDifference(t *testing.T) {
	const app = mpblock.AppID("wx0000000000000001")
	from, to := openStore(t, withHistory(t)), openStore(t, t.TempDir())
	defer from.Close()
	defer to.Close()
	if err := copied(t, from, to); err != nil {
		t.Fatal(err)
	}
	nothing := func(key string, age time.Duration) {
		t.Helper()
		b := mpblock.Batch{Action: mpblock.Unblock, OpenIDs: make([]mpblock.OpenID, 1), Actor: "test", Time: time.Now().Add(-age), ID: mpblock.NewRequestID(key, nil)}
		if _, err := from.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	nothing("old", mpblock.KeepRequests)
	if err := copied(t, from, to); err != nil {
		t.Errorf("an old one: %v", err)
	}
	nothing("new", time.Hour)
	if err := copied(t, from, to); err == nil {
		t.Error("a new one is no difference")
	}
}
