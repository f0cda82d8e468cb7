//go:build cluster

// Package nodes runs the real binary as one of several nodes over a database, and
// puts writers on them that know afterwards what must be on the lists.
package nodes

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/testserver"
	"mpblock/test/cluster/engine"
)

// Node is an mpblock that can be killed and comes back to the same address.
type Node struct {
	*testserver.Server
	Address string       // host:port, on its machine
	Data    string       // directory of its socket
	HTTP    *http.Client // reaches it, wherever its machine is

	binary, url string
	machine     *engine.Machine
}

// New returns a node that was not started yet; url is its store. On no machine it
// runs on the host.
func New(tb testing.TB, binary, url string, machine *engine.Machine) *Node {
	tb.Helper()
	port, err := engine.Port()
	Must(tb, err)
	n := &Node{binary: binary, url: url, Data: filepath.Join(tb.TempDir(), "data"), Address: fmt.Sprintf("127.0.0.1:%d", port), machine: machine}
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	if machine != nil {
		transport.DialContext = machine.DialContext
	}
	n.HTTP = &http.Client{Transport: transport, Timeout: 5 * time.Minute}
	tb.Cleanup(func() {
		if n.Server != nil {
			_ = n.Kill() // where the test has not ended it
		}
	})
	return n
}

// Started returns a node that is ready.
func Started(tb testing.TB, binary, url string, machine *engine.Machine) *Node {
	tb.Helper()
	n := New(tb, binary, url, machine)
	Must(tb, n.Start())
	return n
}

// Start starts it, again where it was killed, and returns when it is ready.
func (n *Node) Start() (err error) {
	n.Server, err = testserver.Start(n.Command("serve", "--listen", n.Address, "--data", n.Data)...)
	return err
}

// Command is a command of mpblock on the node's machine, for its store.
func (n *Node) Command(args ...string) []string {
	return n.machine.Command(append([]string{"env", "MPBLOCK_STORE=" + n.url, n.binary}, args...)...)
}

// Ready returns the status of /readyz, 0 where nothing answers.
func (n *Node) Ready(ctx context.Context) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Base+"/readyz", http.NoBody)
	if err != nil {
		return 0
	}
	res, err := n.HTTP.Do(r)
	if err != nil {
		return 0
	}
	_ = res.Body.Close() // its status says it
	return res.StatusCode
}

// Check runs mpblock check on the store as the node reaches it.
func (n *Node) Check(tb testing.TB) {
	tb.Helper()
	begin, command := time.Now(), n.Command("check")
	out, err := exec.CommandContext(tb.Context(), command[0], command[1:]...).CombinedOutput() //nolint:gosec // of our own
	if err != nil {
		tb.Errorf("mpblock check: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	Report(tb, "mpblock check at %s, in %.1f s: %s", n.Address, time.Since(begin).Seconds(), lines[len(lines)-1])
}

// Account is one that takes any follower.
type Account struct {
	AppID, Secret string
	Prefix        mpblock.Prefix
}

// AddAccount creates an account through the node.
func (n *Node) AddAccount(tb testing.TB, flags ...string) Account {
	tb.Helper()
	command := n.Command(append([]string{"account", "add", "--any-follower", "--json", "--data", n.Data}, flags...)...)
	var refusal strings.Builder
	cmd := exec.CommandContext(tb.Context(), command[0], command[1:]...) //nolint:gosec // of our own
	cmd.Stderr = &refusal
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("account add: %v: %s", err, refusal.String())
	}
	var a struct{ AppID, Secret, Prefix string }
	Must(tb, json.Unmarshal(out, &a))
	prefix, err := hex.DecodeString(a.Prefix)
	Must(tb, err)
	return Account{a.AppID, a.Secret, mpblock.Prefix(prefix)}
}

// Block blocks OpenIDs of an account through the node.
func (n *Node) Block(tb testing.TB, a Account, ids []string) {
	tb.Helper()
	answer, err := n.Post(n.HTTP, "batchblacklist", n.Token(tb, a), testserver.Batch(ids))
	if err != nil || answer.Errcode != 0 {
		tb.Fatalf("%s answers %+v, %v", n.Address, answer, err)
	}
}

// IDs returns OpenIDs of the account, by their numbers.
func (a Account) IDs(first, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = mpblock.Mint(a.Prefix, mpblock.Key{7}, fmt.Sprint(first+i)).String()
	}
	return out
}

// Must fails on an error.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Soon waits for a condition that no signal tells of, ten minutes at most.
func Soon(tb testing.TB, what string, until func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Minute); !until(); {
		if time.Now().After(deadline) {
			tb.Fatalf("it takes too long until %s", what)
		}
	}
}

// Report prints what a test has measured, for test/run to show it of tests that
// pass as well.
func Report(tb testing.TB, format string, args ...any) {
	tb.Helper()
	fmt.Printf("== %s: %s\n", tb.Name(), fmt.Sprintf(format, args...))
}
