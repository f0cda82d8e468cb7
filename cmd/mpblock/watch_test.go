package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mpblock"
	"mpblock/internal/testserver"
	"mpblock/native"
)

// cutter hands connections through to an address, and cuts them all when it is told to.
type cutter struct {
	to   string
	mu   sync.Mutex
	open []net.Conn
}

func (c *cutter) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		c.mu.Lock()
		c.open = append(c.open, in, out)
		c.mu.Unlock()
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
			}()
		}
	}
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}

// watching is a mpblock watch that runs.
type watching struct {
	*testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func watch(t *testing.T, args ...string) *watching {
	t.Helper()
	w := &watching{T: t, cmd: exec.CommandContext(t.Context(), "mpblock", append([]string{"watch", "--json"}, args...)...)}
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.lines = bufio.NewScanner(out)
	return w
}

// next fails unless the next changes are those up to a revision.
func (w *watching) next(from, to uint64) {
	w.Helper()
	for at := from; at <= to; at++ {
		var c native.Change
		if !w.lines.Scan() {
			w.Fatalf("no change %d: %v", at, w.lines.Err())
		}
		if err := json.Unmarshal(w.lines.Bytes(), &c); err != nil || c.Revision != at || c.Kind != native.Blocked {
			w.Fatalf("want change %d: %v: %s", at, err, w.lines.Bytes())
		}
	}
}

// end ends it by a signal, and fails if that prints a change or ends unwell.
func (w *watching) end(s os.Signal) {
	w.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.Fatal(err)
	}
	if w.lines.Scan() {
		w.Errorf("one more: %s", w.lines.Bytes())
	}
	if err := w.cmd.Wait(); err != nil {
		w.Errorf("it ended with %v", err)
	}
}

// Over cut connections, a server that is killed and started again, and restarts of its
// own, a watch misses no change and repeats none.
func TestWatchOverRestarts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir, address := t.TempDir(), l.Addr().String() // where it is started again, too
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, place := filepath.Join(dir, "data"), filepath.Join(dir, "place")
	serve := func() *testserver.Server {
		t.Helper()
		s, err := testserver.Start("mpblock", "serve", "--data", data, "--listen", address)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := serve()
	defer func() { _ = s.Kill() }()
	out, code, err := testserver.Run("mpblock", "account", "add", "--data", data, "--appid", testApp, "--any-follower", "--prefix", "01020304")
	if err != nil || code != 0 {
		t.Fatal(err, out)
	}
	_, secret, _ := strings.Cut(out, "\nsecret")
	secret = strings.Fields(secret)[0]
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := &cutter{to: address}
	go c.serve(l)
	t.Setenv("MPBLOCK_SERVER", "http://"+l.Addr().String())
	t.Setenv("MPBLOCK_APPID", testApp)
	t.Setenv("MPBLOCK_SECRET", secret)
	api, err := native.New(s.Base, testApp, secret)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	change := func(n int) {
		t.Helper()
		for range n {
			made++
			id := mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, strconv.Itoa(made)).String()
			if _, err := api.Block(t.Context(), id, native.Terms{}); err != nil {
				t.Fatal(err)
			}
		}
	}

	w := watch(t, "--place", place, "--after", "0")
	for round := range uint64(10) {
		change(5)
		c.cut()
		w.next(round*5+1, round*5+5)
	}
	change(3)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	s = serve()
	change(7)
	w.next(51, 60)
	w.end(syscall.SIGTERM)
	change(10) // while nobody watches
	w = watch(t, "--place", place, "--after", "0")
	w.next(61, 70)
	w.end(os.Interrupt)
	w = watch(t, "--place", place)
	change(1)
	w.next(71, 71)
	w.end(syscall.SIGTERM)
	text, err := os.ReadFile(place)
	if want := `{"appid":"` + testApp + `","revision":71}` + "\n"; err != nil || string(text) != want {
		t.Errorf("%v: %s, want %s", err, text, want)
	}
}
