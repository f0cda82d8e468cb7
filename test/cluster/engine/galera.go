package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

// Who mpblock is to the databases. They are reached from this machine alone and
// are gone after the test.
const (
	user     = "mpblock"
	password = "mpblock-test" //nolint:gosec // no secret
)

const galeraProvider = "/usr/lib/galera/libgalera_smm.so"

// mariaNeeds is what a MariaDB takes.
var mariaNeeds = []Need{{"mariadbd", "mariadb-server"}, {"mariadb-install-db", "mariadb-server"}, {"setpriv", "util-linux"}}

// Galera is a synchronous cluster of equals: MariaDB with Galera.
type Galera struct {
	Nodes []*GaleraNode
	empty string // data directory of a database that was never started
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

// StartGalera starts three nodes, one on each machine where machines are given. It
// returns when all are in sync.
func StartGalera(ctx context.Context, dir string, machines ...*Machine) (*Galera, error) {
	needs := append([]Need{{"rsync", "rsync"}, {"socat", "socat"}, {"ip", "iproute2"}}, mariaNeeds...)
	if err := Find(needs...); err != nil {
		return nil, err
	}
	if _, err := os.Stat(galeraProvider); err != nil {
		return nil, fmt.Errorf("these tests need %s: install the package galera-4 (apt-get install galera-4)", galeraProvider)
	}
	g := &Galera{empty: filepath.Join(dir, "empty")}
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
	if err := installDB(g.empty); err != nil {
		return err
	}
	first := g.Nodes[0]
	for _, n := range g.Nodes {
		// a new node takes all from another one, and needs only a directory
		if err := copyDir(g.empty, n.dir); err != nil {
			return err
		}
	}
	if err := first.start("--wsrep-new-cluster"); err != nil {
		return err
	}
	if err := first.Synced(ctx); err != nil {
		return err
	}
	if err := first.Exec(ctx,
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", user, password),
		fmt.Sprintf("GRANT ALL ON `%s%%`.* TO %s@'%%'", user, user)); err != nil {
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

// Database makes an empty database and returns the URL under which the node with
// the given index offers it to mpblock.
func (g *Galera) Database(ctx context.Context, name string) (urls []string, err error) {
	name = user + "_" + name
	for _, n := range g.Nodes {
		urls = append(urls, fmt.Sprintf("mysql://%s:%s@%s:%d/%s", user, password, n.address, n.port, name))
	}
	return urls, g.Nodes[0].Exec(ctx, "CREATE DATABASE "+name)
}

// Start starts a node that was killed, or a new one. It takes what it lacks from
// the others; Synced tells when that is done.
func (n *GaleraNode) Start() error { return n.start() }

func (n *GaleraNode) start(extra ...string) (err error) {
	var members []string
	for _, m := range n.cluster.Nodes {
		members = append(members, fmt.Sprintf("%s:%d", m.address, m.group))
	}
	command := append(mariadb(n.dir, n.address, n.port),
		"--binlog-format=ROW",
		"--innodb-autoinc-lock-mode=2",
		"--wsrep-on=ON",
		"--wsrep-provider="+galeraProvider,
		"--wsrep-cluster-name=mpblock",
		"--wsrep-cluster-address=gcomm://"+strings.Join(members, ","),
		"--wsrep-node-name="+filepath.Base(n.dir),
		"--wsrep-node-address="+n.address,
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://%s:%d;ist.recv_addr=%[1]s:%[3]d;gcache.size=64M;pc.recovery=true", n.address, n.group, n.ist),
		"--wsrep-sst-method=rsync",
		fmt.Sprintf("--wsrep-sst-receive-address=%s:%d", n.address, n.sst),
		"--wsrep-slave-threads=4")
	n.process, err = start("mariadbd", n.dir, n.Machine.Command(asDatabaseUser(append(command, extra...)...)...))
	return err
}

// Kill ends the node with SIGKILL.
func (n *GaleraNode) Kill() { n.process.kill() }

// Synced waits until the node is a member of the majority and has all that the
// majority has.
func (n *GaleraNode) Synced(ctx context.Context) error {
	return until(ctx, 2*time.Minute, func(ctx context.Context) error {
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

// mariadb is the command of a MariaDB server.
func mariadb(dir, address string, port int) []string {
	return []string{
		"mariadbd", "--no-defaults",
		"--datadir=" + filepath.Join(dir, "data"),
		"--socket=" + socket(dir),
		"--pid-file=" + filepath.Join(dir, "pid"),
		"--bind-address=" + address,
		fmt.Sprintf("--port=%d", port),
		"--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=1",
		"--innodb-log-file-size=64M",
		"--max-connections=500",
	}
}

// socket is the Unix socket of the database in a directory: through it the
// administrator needs no password, and reaches it inside any machine.
func socket(dir string) string { return filepath.Join(dir, "sock") }

// installDB makes the data directory of a database that was never started.
func installDB(dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	command := asDatabaseUser("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=64M")
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput() //nolint:gosec // of our own
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

// copyDir copies what installDB has made.
func copyDir(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil { //nolint:gosec // of our own
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

func adminDB(dir string) (*sql.DB, error) {
	return sql.Open("mysql", "root@unix("+socket(dir)+")/?timeout=2s&readTimeout=10s")
}

func adminExec(ctx context.Context, dir string, statements ...string) error {
	db, err := adminDB(dir)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // the answers are there
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			verb, _, _ := strings.Cut(s, " ") // without what may be a password
			return fmt.Errorf("%s on the database in %s: %w", verb, dir, err)
		}
	}
	return nil
}
