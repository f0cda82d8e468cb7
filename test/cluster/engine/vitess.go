//go:build cluster

package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Keyspace is the database that a Vitess offers.
const Keyspace = user

// cell is the one cell of the Vitess.
const cell = "zone1"

// Vitess is one keyspace of two shards, each over a MariaDB of its own. Upstream
// supports MySQL 8 for that, which Debian does not have.
type Vitess struct {
	Shards [2]*VitessShard

	bin, dir   string
	topo, ctl  string // host:port
	port       int    // of vtgate, for mpblock
	background []*process
}

// VitessShard is half of the accounts.
type VitessShard struct {
	Name     string
	database *maria
	tablet   *process
}

// StartVitess starts the programs in a directory that make test-cluster has built
// them to, and applies a VSchema to the keyspace. The files go to dir.
func StartVitess(ctx context.Context, bin, dir, vschema string) (*Vitess, error) {
	needs := append([]Need{{"etcd", "etcd-server"}}, mariaNeeds...)
	if err := Find(needs...); err != nil {
		return nil, err
	}
	for _, name := range []string{"vtgate", "vttablet", "vtctld", "vtctldclient"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return nil, fmt.Errorf("these tests need Vitess: make test-cluster builds it (%w)", err)
		}
	}
	v := &Vitess{bin: bin, dir: dir}
	err := makeDir(dir)
	for _, step := range []func(context.Context) error{v.startTopo, v.startShards, func(ctx context.Context) error {
		return v.client(ctx, "ApplyVSchema", "--vschema", vschema, Keyspace)
	}, v.startGate} {
		if err == nil {
			err = step(ctx)
		}
	}
	if err != nil {
		v.Stop()
		return nil, err
	}
	return v, nil
}

// startTopo starts what holds the cluster's shape, and says what shape it is.
func (v *Vitess) startTopo(ctx context.Context) error {
	ports, err := fill(4)
	if err != nil {
		return err
	}
	v.topo, v.ctl = loopback(ports[0]), loopback(ports[3])
	peer := "http://" + loopback(ports[1])
	etcd, err := v.run("etcd", "etcd", "--name", "topo", "--data-dir", filepath.Join(v.dir, "etcd"),
		"--listen-client-urls", "http://"+v.topo, "--advertise-client-urls", "http://"+v.topo,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "topo="+peer)
	if err != nil {
		return err
	}
	ctld, err := v.run("vtctld", append(v.program("vtctld", ports[2], ports[3]), "--cell", cell, "--service-map", "grpc-vtctl,grpc-vtctld")...)
	if err != nil {
		return err
	}
	err = until(ctx, 5*time.Minute, func(ctx context.Context) error {
		return v.client(ctx, "AddCellInfo", "--root", "/vitess/"+cell, "--server-address", v.topo, cell)
	}, ctld, etcd)
	if err != nil {
		return err
	}
	return v.client(ctx, "CreateKeyspace", "--durability-policy", "none", Keyspace)
}

// startShards starts the databases and the tablet in front of each.
func (v *Vitess) startShards(ctx context.Context) error {
	for i, name := range []string{"-80", "80-"} {
		s := &VitessShard{Name: name}
		v.Shards[i] = s
		var err error
		if s.database, err = startMaria(ctx, filepath.Join(v.dir, fmt.Sprintf("mariadb%d", i))); err != nil {
			return err
		}
		if err := adminExec(ctx, s.database.dir, "CREATE DATABASE "+Keyspace+" CHARACTER SET utf8mb4"); err != nil {
			return err
		}
		ports, err := fill(2)
		if err != nil {
			return err
		}
		alias := fmt.Sprintf("%s-%d", cell, 100*(i+1))
		command := append(v.program("vttablet", ports[0], ports[1]),
			"--tablet-path", alias, "--init-keyspace", Keyspace, "--init-shard", name, "--init-tablet-type", "replica",
			"--init-db-name-override", Keyspace, "--unmanaged", "--db-charset", "utf8mb4",
			"--db-host", "127.0.0.1", "--db-port", fmt.Sprint(s.database.port),
			"--service-map", "grpc-queryservice,grpc-tabletmanager,grpc-updatestream")
		for _, role := range []string{"app", "appdebug", "allprivs", "dba", "filtered", "repl"} {
			command = append(command, "--db-"+role+"-user", user, "--db-"+role+"-password", password)
		}
		if s.tablet, err = v.run("vttablet"+alias, command...); err != nil {
			return err
		}
		// unmanaged: nobody but us decides which tablet of a shard takes writes
		err = until(ctx, 5*time.Minute, func(ctx context.Context) error {
			return v.client(ctx, "TabletExternallyReparented", alias)
		}, s.tablet)
		if err != nil {
			return err
		}
	}
	return nil
}

// startGate starts what mpblock connects to.
func (v *Vitess) startGate(ctx context.Context) error {
	ports, err := fill(3)
	if err != nil {
		return err
	}
	v.port = ports[2]
	gate, err := v.run("vtgate", append(v.program("vtgate", ports[0], ports[1]),
		"--cell", cell, "--cells-to-watch", cell, "--tablet-types-to-wait", "PRIMARY",
		"--mysql-auth-server-impl", "none", "--mysql-server-bind-address", "127.0.0.1", "--mysql-server-port", fmt.Sprint(v.port),
		"--service-map", "grpc-vtgateservice")...)
	if err != nil {
		return err
	}
	return until(ctx, 5*time.Minute, v.ready, gate)
}

// ready fails unless both shards answer.
func (v *Vitess) ready(ctx context.Context) error {
	db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)/%s?timeout=2s", user, loopback(v.port), Keyspace))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was asked
	for _, s := range v.Shards {
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, "USE `"+Keyspace+":"+s.Name+"`")
		if err == nil {
			_, err = c.ExecContext(ctx, "SELECT 1 FROM information_schema.tables LIMIT 1")
		}
		_ = c.Close() // it was asked
		if err != nil {
			return fmt.Errorf("shard %s: %w", s.Name, err)
		}
	}
	return nil
}

// URL is where mpblock finds the keyspace.
func (v *Vitess) URL() string {
	return fmt.Sprintf("mysql://%s@%s/%s", user, loopback(v.port), Keyspace)
}

// Stop ends all programs.
func (v *Vitess) Stop() {
	for _, p := range v.background {
		p.kill() // nothing is to be kept
	}
	for _, s := range v.Shards {
		if s != nil && s.database != nil {
			s.database.process.kill()
		}
	}
}

// KillDatabase ends the shard's database with SIGKILL.
func (s *VitessShard) KillDatabase() { s.database.process.kill() }

// StartDatabase starts it again, and returns when it answers.
func (s *VitessShard) StartDatabase(ctx context.Context) error { return s.database.start(ctx) }

// Accounts returns the accounts whose lists lie on the shard: its database is
// asked, past Vitess.
func (s *VitessShard) Accounts(ctx context.Context) (apps []string, err error) {
	return adminStrings(ctx, s.database.dir, "SELECT app FROM "+Keyspace+".account ORDER BY app")
}

// Exec runs statements on the shard's database, past Vitess.
func (s *VitessShard) Exec(ctx context.Context, statements ...string) error {
	return adminExec(ctx, s.database.dir, statements...)
}

// Empty empties all tables that hold something, except the named one, past Vitess,
// which cannot make a new keyspace as fast.
func (v *Vitess) Empty(ctx context.Context, except string) error {
	for _, s := range v.Shards {
		tables, err := adminStrings(ctx, s.database.dir,
			"SELECT table_name FROM information_schema.tables WHERE table_schema = '"+Keyspace+"' AND table_type = 'BASE TABLE'")
		if err != nil {
			return err
		}
		for _, table := range tables {
			if table == except {
				continue
			}
			if err := adminExec(ctx, s.database.dir, "DELETE FROM "+Keyspace+"."+table); err != nil {
				return err
			}
		}
	}
	return nil
}

// program is how each program of Vitess begins.
func (v *Vitess) program(name string, port, grpc int) []string {
	return []string{
		filepath.Join(v.bin, name),
		"--topo-implementation", "etcd2", "--topo-global-server-address", v.topo, "--topo-global-root", "/vitess/global",
		"--bind-address", "127.0.0.1", "--port", fmt.Sprint(port), "--grpc-bind-address", "127.0.0.1", "--grpc-port", fmt.Sprint(grpc),
	}
}

func (v *Vitess) run(name string, command ...string) (*process, error) {
	p, err := start(name, v.dir, asDatabaseUser(command...), "VTDATAROOT="+v.dir)
	if err == nil {
		v.background = append(v.background, p)
	}
	return p, err
}

// client runs a command of the cluster's administration. It is known to hang.
func (v *Vitess) client(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(v.bin, "vtctldclient"), append([]string{"--server", v.ctl, "--action-timeout", "10s"}, args...)...).CombinedOutput() //nolint:gosec // of our own
	if err != nil {
		return fmt.Errorf("vtctldclient %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// fill returns free ports.
func fill(n int) (ports []int, err error) {
	for range n {
		port, err := Port()
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
