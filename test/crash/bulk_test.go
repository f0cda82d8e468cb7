//go:build crash

package crash

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/pebblestore"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
)

// bulkServer starts a server whose account takes any follower, with some entries
// on its blacklist.
func bulkServer(t *testing.T, entries int, flags ...string) (s *testserver.Server, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	must(t, err)
	p, err := access.Open(t.Context(), store)
	must(t, err)
	prefix := storetest.Numbered(0).Prefix()
	_, _, err = p.AddAccount(t.Context(), access.NewAccount{
		AppID: testserver.DemoAppID, Secret: testserver.DemoSecret, Prefix: &prefix, AnyFollower: true,
	})
	must(t, err)
	must(t, storetest.Fill(context.Background(), store, testserver.DemoAppID, entries))
	must(t, store.Close())
	s, err = testserver.Start(append([]string{binary, "serve", "--listen", "127.0.0.1:0", "--data", dir}, flags...)...)
	must(t, err)
	t.Cleanup(func() { _ = s.Kill() }) // where the test has not ended it
	return s, dir
}

// command returns a command that goes over the API.
func command(s *testserver.Server, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "MPBLOCK_SERVER="+s.Base, "MPBLOCK_APPID="+testserver.DemoAppID, "MPBLOCK_SECRET="+testserver.DemoSecret)
	return cmd
}

// A job of 100,000 is killed three times and resumed: the report adds up, the list
// holds them all, and nothing that was acknowledged was sent again.
func TestJobKilledThreeTimes(t *testing.T) {
	const n = 100_000
	s, dir := bulkServer(t, 1000)
	work := t.TempDir()
	file, journal := filepath.Join(work, "spam.txt"), filepath.Join(work, "job")
	var b strings.Builder
	for i := range uint64(n) {
		fmt.Fprintln(&b, storetest.Numbered(i)) // the first 1,000 are blocked already
	}
	must(t, os.WriteFile(file, []byte(b.String()), 0o600))
	args := []string{"block", "-f", file, "--job", journal, "--workers", "8"}
	for killed := range 3 {
		cmd := command(s, args...)
		must(t, cmd.Start())
		size := int64(0)
		if info, err := os.Stat(journal); err == nil {
			size = info.Size()
		}
		want := max(size, n*36) + 40_000 // the plan has 35 bytes a line; some hundred calls on
		soon(t, func() bool {
			info, err := os.Stat(journal)
			return err == nil && info.Size() > want
		})
		must(t, cmd.Process.Kill())
		if err := cmd.Wait(); err == nil {
			t.Fatalf("the job was over before kill %d", killed+1)
		}
		args = []string{"resume", journal, "--workers", "8"}
	}
	out, err := command(s, args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "100,000 OpenIDs: 99,000 done, 1,000 already so, 0 refused, 0 not attempted, 0 unknown") {
		t.Fatalf("%v\n%s", err, out)
	}
	listed, err := s.Walk(http.DefaultClient, tokenOf(t, s))
	must(t, err)
	if len(listed) != n {
		t.Errorf("%d are blocked, want %d", len(listed), n)
	}
	sentOnce(t, journal)
	must(t, s.Stop())
	check(t, dir)
}

// Ctrl-C ends a job well: what was sent is known, and the rest is for resume.
func TestJobCancelled(t *testing.T) {
	s, _ := bulkServer(t, 0)
	journal := filepath.Join(t.TempDir(), "job")
	cmd := command(s, "block", "-f", "-", "--job", journal, "--pace", "5ms")
	var b strings.Builder
	for i := range uint64(2000) {
		fmt.Fprintln(&b, storetest.Numbered(i))
	}
	cmd.Stdin = strings.NewReader(b.String())
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	soon(t, func() bool {
		info, err := os.Stat(journal)
		return err == nil && info.Size() > 2000*36+500
	})
	must(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 8 || !strings.Contains(out.String(), " 0 unknown") || !strings.Contains(out.String(), "hint: mpblock resume "+journal) {
		t.Errorf("it ends with %d:\n%s", code, out.String())
	}
	text, err := command(s, "resume", journal).CombinedOutput()
	if err != nil || !strings.Contains(string(text), "2,000 OpenIDs: 2,000 done") {
		t.Errorf("%v\n%s", err, text)
	}
	must(t, s.Stop())
}

// sentOnce reads a journal: a place that was done is never sent again.
func sentOnce(t *testing.T, journal string) {
	t.Helper()
	f, err := os.Open(journal)
	must(t, err)
	defer f.Close()
	done := map[string]bool{}
	events, sent := false, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case lines.Text() == "---":
			events = true
		case !events:
		case words[0] == ">":
			sent++
			for _, w := range words[1:] {
				if done[w] {
					t.Fatalf("place %s was done and is sent again", w)
				}
			}
		case words[0] == ".":
			for _, w := range words[1:] {
				done[w] = true
			}
		}
	}
	if len(done) != 99_000 {
		t.Errorf("%d places are done", len(done))
	}
	t.Logf("%d calls for %d OpenIDs", sent, len(done))
}

func soon(t *testing.T, until func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !until(); {
		if time.Now().After(deadline) {
			t.Fatal("it takes too long")
		}
	}
}

// While others block and unblock, a walk returns every entry that stays exactly
// once.
func TestListWhileItChanges(t *testing.T) {
	const stay, walks = 5000, 20
	s, _ := bulkServer(t, stay, "--page-size", "100")
	token := tokenOf(t, s)
	done := make(chan struct{})
	var changes atomic.Int64
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for n := uint64(0); ; n++ {
				select {
				case <-done:
					return
				default:
				}
				var ids []string
				for i := range uint64(20) {
					ids = append(ids, storetest.Numbered(1<<30+w*1000+n/2%50*20+i).String())
				}
				a, err := s.Post(client, []string{"batchblacklist", "batchunblacklist"}[n%2], token, testserver.Batch(ids))
				if err != nil || a.Errcode != 0 {
					t.Errorf("%+v, %v", a, err)
					return
				}
				changes.Add(20)
			}
		})
	}
	begin := time.Now()
	for range walks {
		out, err := command(s, "list").Output()
		must(t, err)
		got := map[string]int{}
		for id := range strings.Lines(string(out)) {
			got[strings.TrimSpace(id)]++
		}
		for i := range uint64(stay) {
			if n := got[storetest.Numbered(i).String()]; n != 1 {
				t.Fatalf("an entry that stayed was listed %d times", n)
			}
		}
		for id, n := range got {
			if n != 1 {
				t.Fatalf("%s was listed %d times", id, n)
			}
		}
	}
	rate := float64(changes.Load()) / time.Since(begin).Seconds()
	close(done)
	wg.Wait()
	t.Logf("%d walks during %.0f changes a second", walks, rate)
	must(t, s.Stop())
}

// A list of any length is streamed.
func TestListInBoundedMemory(t *testing.T) {
	const n = 1_000_000
	s, _ := bulkServer(t, n)
	cmd := command(s, "list")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	last, lines, peak := "", 0, ""
	for scan := bufio.NewScanner(out); scan.Scan(); lines++ {
		if scan.Text() <= last {
			t.Fatalf("%s stands behind %s", scan.Text(), last)
		}
		last = scan.Text()
		if lines == n-20_000 { // what is left does not fit into the pipe, so it still runs
			peak = peakMemory(t, cmd.Process.Pid)
		}
	}
	must(t, cmd.Wait())
	if _, err := mpblock.ParseOpenID(last); err != nil || lines != n {
		t.Errorf("%d lines, the last is %s", lines, last)
	}
	var kib int
	if _, err := fmt.Sscanf(peak, "VmHWM: %d kB", &kib); err != nil || kib > 64<<10 {
		t.Errorf("it took %q of memory, %v", peak, err)
	}
	t.Log(peak)
	must(t, s.Stop())
}

// peakMemory returns the line of a process's status that tells the most memory
// that it had.
func peakMemory(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
