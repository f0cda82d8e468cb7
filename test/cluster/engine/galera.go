//go:build cluster

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const galeraProvider = "/usr/lib/galera/libgalera_smm.so"

// Galera is a synchronous cluster of equals: MariaDB with Galera.
type Galera struct {
	Nodes  []*GaleraNode
	script string // that runs a node
}

// GaleraNode is one of its databases.
type GaleraNode struct {
	Machine *Machine // nil: the host, on loopback

	dir                   string
	address               string
	port, group, ist, sst int
	cluster               *Galera
	process               *process
}

// StartGalera starts three nodes with deploy/galera, one on each machine where
// machines are given. module is the directory of the module. It returns when all are
// in sync.
func StartGalera(ctx context.Context, module, dir string, machines ...*Machine) (*Galera, error) {
	needs := append([]Need{{"rsync", "rsync"}, {"socat", "socat"}, {"ip", "iproute2"}}, mariaNeeds...)
	if err := Find(needs...); err != nil {
		return nil, err
	}
	if _, err := os.Stat(galeraProvider); err != nil {
		return nil, fmt.Errorf("these tests need %s: install the package galera-4 (apt-get install galera-4)", galeraProvider)
	}
	g := &Galera{script: filepath.Join(dir, "galera", "node")}
	if err := copyDir(filepath.Join(module, "deploy", "galera"), filepath.Join(dir, "galera")); err != nil { // where the databases' user may read it
		return nil, err
	}
	for i := range 3 {
		n := &GaleraNode{dir: filepath.Join(dir, fmt.Sprintf("galera%d", i+1)), address: "127.0.0.1", cluster: g}
		if len(machines) > 0 {
			n.Machine, n.address = machines[i], machines[i].Address
		}
		for _, port := range []*int{&n.port, &n.group, &n.ist, &n.sst} {
			var err error
			if *port, err = Port(); err != nil {
				return nil, err
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	if err := g.start(ctx); err != nil {
		g.Stop()
		return nil, err
	}
	return g, nil
}

func (g *Galera) start(ctx context.Context) error {
	first := g.Nodes[0]
	if err := first.start("GALERA_BOOTSTRAP=1", "GALERA_PASSWORD_FILE="+filepath.Join(first.dir, "password")); err != nil {
		return err
	}
	if err := first.Synced(ctx); err != nil {
		return err
	}
	// each test has a database of its own, beside the one that is deployed
	if err := first.Exec(ctx, fmt.Sprintf("GRANT ALL ON `%s%%`.* TO %s@'%%'", user, user)); err != nil {
		return err
	}
	for _, n := range g.Nodes[1:] {
		if err := n.Start(); err != nil {
			return err
		}
		if err := n.Synced(ctx); err != nil { // one after the other: a node that gives its state to another cannot give it to a third
			return err
		}
	}
	return nil
}

// Stop ends all nodes.
func (g *Galera) Stop() {
	for _, n := range g.Nodes {
		if n.process != nil {
			n.process.kill() // nothing is to be kept, and it takes less time
		}
	}
}

// Database makes an empty database and returns the URLs under which the nodes
// offer it to mpblock: the node itself, and with other the other nodes behind it.
func (g *Galera) Database(ctx context.Context, name string, other bool) (urls []string, err error) {
	name = user + "_" + name
	for i := range g.Nodes {
		var hosts []string
		for _, n := range append(g.Nodes[i:len(g.Nodes):len(g.Nodes)], g.Nodes[:i]...) {
			hosts = append(hosts, fmt.Sprintf("%s:%d", n.address, n.port))
		}
		if !other {
			hosts = hosts[:1]
		}
		urls = append(urls, fmt.Sprintf("mysql://%s:%s@%s/%s", user, password, strings.Join(hosts, ","), name))
	}
	return urls, g.Nodes[0].Exec(ctx, "CREATE DATABASE "+name)
}

// Start starts a node that was killed, or a new one. It takes what it lacks from
// the others; Synced tells when that is done.
func (n *GaleraNode) Start() error { return n.start() }

func (n *GaleraNode) start(env ...string) (err error) {
	if err := makeDir(n.dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(n.dir, "password"), []byte(password), 0o644); err != nil { //nolint:gosec // another user reads it
		return err
	}
	var members []string
	for _, m := range n.cluster.Nodes {
		members = append(members, fmt.Sprintf("%s:%d", m.address, m.group))
	}
	env = append(env, "GALERA_DIR="+n.dir, "GALERA_ADDRESS="+n.address, "GALERA_MEMBERS="+strings.Join(members, ","),
		fmt.Sprintf("GALERA_PORT=%d", n.port), fmt.Sprintf("GALERA_GROUP_PORT=%d", n.group),
		fmt.Sprintf("GALERA_IST_PORT=%d", n.ist), fmt.Sprintf("GALERA_SST_PORT=%d", n.sst))
	n.process, err = start("mariadbd", n.dir, n.Machine.Command(asDatabaseUser("sh", n.cluster.script)...), env...)
	return err
}

// Kill ends the node with SIGKILL.
func (n *GaleraNode) Kill() { n.process.kill() }

// Freeze stops the node in its tracks, with its connections open: what waits for it
// is not told.
func (n *GaleraNode) Freeze() error {
	if err := n.process.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return until(context.Background(), time.Minute, func(context.Context) error { return stopped(n.process.cmd.Process.Pid) })
}

// stopped tells of a thread of a process that still runs: on a busy machine a signal is
// on its way for a while, and what was asked meanwhile is answered.
func stopped(pid int) error {
	states, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(states) == 0 {
		return fmt.Errorf("process %d has no threads: %w", pid, err)
	}
	for _, file := range states {
		stat, err := os.ReadFile(file) //nolint:gosec // of /proc
		if err != nil {
			continue // the thread has ended
		}
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return fmt.Errorf("a thread of process %d is not stopped: its state is %.1s", pid, state)
		}
	}
	return nil
}

// Thaw lets it go on.
func (n *GaleraNode) Thaw() error { return n.process.cmd.Process.Signal(syscall.SIGCONT) }

// Synced waits until the node is a member of the majority and has all that the
// majority has.
func (n *GaleraNode) Synced(ctx context.Context) error {
	return until(ctx, 10*time.Minute, func(ctx context.Context) error {
		state, err := n.Status(ctx, "wsrep_local_state_comment")
		if err == nil && state != "Synced" {
			err = fmt.Errorf("its state is %q", state)
		}
		if err != nil {
			return err
		}
		ready, err := n.Status(ctx, "wsrep_ready")
		if err == nil && ready != "ON" {
			err = errors.New("it is no member of the majority")
		}
		return err
	}, n.process)
}

// Status returns a status variable of the node.
func (n *GaleraNode) Status(ctx context.Context, name string) (value string, err error) {
	db, err := adminDB(n.dir)
	if err != nil {
		return "", err
	}
	defer db.Close() //nolint:errcheck // it was asked
	err = db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &value)
	return value, err
}

// Exec runs statements on the node as its administrator.
func (n *GaleraNode) Exec(ctx context.Context, statements ...string) error {
	return adminExec(ctx, n.dir, statements...)
}
