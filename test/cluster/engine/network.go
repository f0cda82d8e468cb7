//go:build cluster

package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Network is machines that reach each other over a switch, and nothing else: each
// is a network namespace, and so is the switch. The network of the host stays as
// it is.
type Network struct {
	Machines []*Machine
	hub      string // namespace of the switch
}

// Machine is one of them.
type Machine struct {
	Address string // towards the others
	name    string // of its namespace
	hub     string
	port    string // its port at the switch
}

// NewNetwork makes a network of n machines. It needs root.
func NewNetwork(n int) (*Network, error) {
	if err := Find(Need{"ip", "iproute2"}); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces take root: run this test as root")
	}
	w := &Network{hub: fmt.Sprintf("mpblock-%d-hub", os.Getpid())}
	err := ip([]string{"netns", "add", w.hub}, w.in("link", "add", "hub", "type", "bridge"), w.in("link", "set", "hub", "up"))
	for i := 1; i <= n && err == nil; i++ {
		m := &Machine{
			Address: fmt.Sprintf("192.0.2.%d", i), // an address that no real network has
			name:    fmt.Sprintf("mpblock-%d-%d", os.Getpid(), i),
			hub:     w.hub, port: fmt.Sprintf("port%d", i),
		}
		w.Machines = append(w.Machines, m)
		err = ip([]string{"netns", "add", m.name},
			w.in("link", "add", m.port, "type", "veth", "peer", "name", "eth0", "netns", m.name),
			w.in("link", "set", m.port, "master", "hub", "up"),
			m.in("addr", "add", m.Address+"/24", "dev", "eth0"),
			m.in("link", "set", "eth0", "up"),
			m.in("link", "set", "lo", "up"))
	}
	if err != nil {
		return nil, errors.Join(err, w.Remove())
	}
	return w, nil
}

// Remove takes the network away.
func (w *Network) Remove() error {
	errs := []error{ip([]string{"netns", "del", w.hub})}
	for _, m := range w.Machines {
		errs = append(errs, ip([]string{"netns", "del", m.name}))
	}
	return errors.Join(errs...)
}

func (w *Network) in(args ...string) []string { return append([]string{"-n", w.hub}, args...) }
func (m *Machine) in(args ...string) []string { return append([]string{"-n", m.name}, args...) }

// ip runs commands of iproute2 up to the first that fails.
func ip(commands ...[]string) error {
	for _, c := range commands {
		if out, err := exec.Command("ip", c...).CombinedOutput(); err != nil { //nolint:gosec // of our own
			return fmt.Errorf("ip %v: %w: %s", c, err, out)
		}
	}
	return nil
}

// Cut takes the machine's cable out: packets are lost, nobody is told.
func (m *Machine) Cut() error { return ip([]string{"-n", m.hub, "link", "set", m.port, "down"}) }

// Heal puts it back.
func (m *Machine) Heal() error { return ip([]string{"-n", m.hub, "link", "set", m.port, "up"}) }

// Command returns a command that runs on the machine; on no machine, it is the
// host's.
func (m *Machine) Command(command ...string) []string {
	if m == nil {
		return command
	}
	return append([]string{"ip", "netns", "exec", m.name}, command...)
}

// DialContext connects as a program on the machine does, to an address in
// numbers. A connection belongs to the namespace in which its socket was made.
func (m *Machine) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	runtime.LockOSThread() // the namespace is the thread's
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close() //nolint:errcheck // it is only read
	there, err := os.Open(filepath.Join("/run/netns", m.name))
	if err != nil {
		return nil, err
	}
	defer there.Close() //nolint:errcheck // it is only read
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the namespace %s: %w", m.name, err)
	}
	defer func() {
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			panic(back) // the thread would go on in the wrong network
		}
	}()
	return new(net.Dialer).DialContext(ctx, network, address)
}
