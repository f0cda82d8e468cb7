//go:build crash

package pebblestore

import (
	"bufio"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	upgradePiece, upgradeTell = 50_000, 0
	s := openWith(t, dir, Options{Logger: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Of 50 processes killed at random points while they bring a store forward, none loses
// anything: the next goes on. A process says when it has written a piece, and is killed
// after some of them, wherever it is by then.
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

	const pieces = 100 // fewer than there are
	kills, again := 0, 0
	for dir := ""; kills < 50; {
		if dir == "" {
			dir = filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
		}
		child := exec.Command(os.Args[0], "-test.run=^TestUpgradeChild$")
		child.Env = append(os.Environ(), upgradeDir+"="+dir)
		said, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		last, told := random.IntN(pieces), 0
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if !strings.Contains(lines.Text(), "bringing the store") {
				continue
			}
			if told++; told == last+1 {
				_ = child.Process.Kill()
			}
		}
		err = child.Wait()
		switch {
		case err == nil:
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
	t.Logf("%d of 50 were killed in the middle", again)
	if again < 25 {
		t.Error("most were killed before or after it")
	}
}
