//go:build crash

package pebblestore

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"mpblock"
)

// upgradeDir is the environment variable that makes a process of this test one that
// brings a store forward.
const upgradeDir = "MPBLOCK_TEST_UPGRADE"

// TestUpgradeChild is run in a process of its own by TestUpgradeUnderKills.
func TestUpgradeChild(t *testing.T) {
	dir := os.Getenv(upgradeDir)
	if dir == "" {
		return
	}
	upgradePiece = 50_000
	if err := openIn(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

// Of 50 processes killed at random points while they bring a store forward, none loses
// anything: the next goes on.
func TestUpgradeUnderKills(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	old := filepath.Join(t.TempDir(), "old")
	s := openIn(t, old)
	for n := range 500 {
		ids := make([]mpblock.OpenID, 1000)
		for i := range ids {
			ids[i] = mint(random.IntN(100_000))
		}
		if _, err := s.Apply(t.Context(), app, batchOf([]mpblock.Action{mpblock.Block, mpblock.Unblock}[n%2], ids...)); err != nil {
			t.Fatal(err)
		}
	}
	log := logOf(t, s)
	toLayout2(t, s)

	kills, again, whole := 0, 0, time.Second
	for dir := ""; kills < 50; {
		if dir == "" {
			dir = filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
		}
		child := exec.Command(os.Args[0], "-test.run=^TestUpgradeChild$")
		child.Env = append(os.Environ(), upgradeDir+"="+dir)
		begin := time.Now()
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(whole))), func() { _ = child.Process.Kill() })
		err := child.Wait()
		timer.Stop()
		switch {
		case err == nil:
			whole = time.Since(begin)
			s := openIn(t, dir)
			wantUpgraded(t, s, log)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			dir = ""
		case child.ProcessState.Exited():
			t.Fatalf("the process failed by itself: %v", err)
		default:
			kills++
			if s := openWith(t, dir, Options{ReadOnly: true}); s != nil {
				if at, err := s.value(upgradeKey); err != nil {
					t.Fatal(err)
				} else if at != nil {
					again++
				}
				if kills%10 == 0 {
					sound(t, s)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d of 50 were killed in the middle; the last whole one took %v", again, whole)
	if again < 5 {
		t.Error("hardly any was killed in the middle")
	}
}
