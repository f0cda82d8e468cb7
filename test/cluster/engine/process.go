//go:build cluster

// Package engine starts the databases that mpblock runs on beyond one machine, as
// plain processes without containers: MariaDB Galera, Vitess over MariaDB, and
// tidb-server. Each listens on loopback, or inside a machine of a Network, keeps
// its files in a directory of the caller's, and ends with this process. What is
// not installed is an error that names the package.
//
// The settings are those of deploy/, so that what is tested here is what is
// deployed there.
package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Need says which Debian package brings a program.
type Need struct{ Program, Package string }

// Find fails on the first program that is not installed, and names its package.
func Find(needs ...Need) error {
	for _, n := range needs {
		if _, err := exec.LookPath(n.Program); err != nil {
			return fmt.Errorf("these tests need %s: install the package %s (apt-get install %[2]s)", n.Program, n.Package)
		}
	}
	return nil
}

// databaseUser is who runs the databases where this process is root: most of them
// refuse to run as root.
const databaseUser = "mysql"

// asDatabaseUser returns a command that runs as databaseUser if this process is
// root, and that is killed when this process dies.
func asDatabaseUser(command ...string) []string {
	prefix := []string{"setpriv", "--pdeathsig", "KILL"}
	if os.Geteuid() == 0 {
		prefix = append(prefix, "--reuid", databaseUser, "--regid", databaseUser, "--clear-groups")
	}
	return append(prefix, command...)
}

// makeDir makes a directory that belongs to who runs the databases.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // another user works in it
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	out, err := exec.Command("chown", databaseUser+":", dir).CombinedOutput() //nolint:gosec // of our own
	if err != nil {
		return fmt.Errorf("give %s to the user %s: %w: %s", dir, databaseUser, err, out)
	}
	return nil
}

// process is a program that runs in the background.
type process struct {
	name  string
	log   string // file
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs a command and returns once it runs, which is before it is ready. Its
// output is appended to a file of that name in dir.
func start(name, dir string, command []string, env ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()                                  //nolint:errcheck // the process has its own
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:gosec // of our own
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = f, f
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process with SIGKILL and waits until it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // unless it has ended by itself
	<-p.ended
}

// failure returns an error with the end of the process's log.
func (p *process) failure(what string, err error) error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s %s: %w; the end of its log:\n%s", p.name, what, err, text[max(0, len(text)-4000):])
}

// errEnded says that a process is gone that should run.
var errEnded = errors.New("it has ended")

// until asks until it is told yes, at most so long. It gives up when one of the
// processes has ended.
func until(ctx context.Context, limit time.Duration, ask func(context.Context) error, processes ...*process) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		for _, p := range processes {
			select {
			case <-p.ended:
				return p.failure("is not ready", errEnded)
			default:
			}
		}
		select {
		case <-ctx.Done():
			if len(processes) == 0 {
				return fmt.Errorf("not within %v: %w", limit, err)
			}
			return processes[0].failure(fmt.Sprintf("is not ready within %v", limit), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var (
	portsMu sync.Mutex
	ports   = map[int]bool{}
)

// Port returns a free port of loopback that no connection takes by chance while a
// server that is to come back to it is down: one below those that the system gives
// to connections.
func Port() (int, error) {
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := 12_000 + rand.IntN(20_000) //nolint:gosec // no secret
		if ports[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		ports[port] = true
		return port, l.Close()
	}
	return 0, errors.New("there is no free port between 12000 and 32000")
}
