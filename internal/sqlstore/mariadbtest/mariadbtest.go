//go:build linux

// Package mariadbtest runs a real MariaDB server for tests: a process of its own on
// loopback, in a directory of its own, of Debian's package mariadb-server. Where
// that is missing, tests fail and say what to install.
package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTime is how long a server may take to answer, on a machine that is busy.
const startTime = 5 * time.Minute

// Missing says what to install where a program of the server is not there.
const Missing = "the tests need a MariaDB server: install the package mariadb-server (apt-get install mariadb-server)"

// Server is a MariaDB server. Its only user is root, without a password.
type Server struct {
	Addr    string // 127.0.0.1:port, the same after a restart
	dir     string
	as      *syscall.Credential // whom it runs as, nil: whoever runs the tests
	cmd     *exec.Cmd
	log     *os.File
	ends    chan error
	options []string
	last    atomic.Int64 // number of the database made last
}

// New makes a server's directory and starts it, with options of its own beside
// those of all. The caller ends it with Close.
func New(options ...string) (*Server, error) {
	s, err := prepare()
	if err != nil {
		return nil, err
	}
	s.options = options
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func prepare() (*Server, error) {
	for _, program := range []string{"mariadbd", "mariadb-install-db"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s: %w", Missing, err)
		}
	}
	dir, err := os.MkdirTemp("", "mpblock-mariadb-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.install(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) install() (err error) {
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return err
	}
	if s.Addr, err = freeAddress(); err != nil {
		return err
	}
	args := []string{"--no-defaults", "--datadir=" + s.data(), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}
	if os.Geteuid() == 0 { // which the server refuses to run as
		if s.as, err = userMySQL(); err != nil {
			return err
		}
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return err
		}
		args = append(args, "--user=mysql")
	}
	if out, err := exec.Command("mariadb-install-db", args...).CombinedOutput(); err != nil { //nolint:gosec // of our own
		return fmt.Errorf("make the directory of a MariaDB server: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func userMySQL() (*syscall.Credential, error) {
	u, err := user.Lookup("mysql")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Missing, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start starts a server that does not run, and returns when it answers.
func (s *Server) Start() error {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := []string{
		"--no-defaults", "--datadir=" + s.data(),
		"--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve", "--skip-log-bin",
		"--max-connections=500", "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=1",
	}
	s.cmd = exec.Command("mariadbd", append(args, s.options...)...) //nolint:gosec // of our own
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGKILL} // it goes with the tests
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ends = make(chan error, 1)
	go func(cmd *exec.Cmd, ends chan<- error) { ends <- cmd.Wait() }(s.cmd, s.ends)
	return s.await()
}

// await waits until the server answers or ends.
func (s *Server) await() error {
	db, err := s.open("")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was only asked
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case end := <-s.ends:
			s.ends <- end
			return fmt.Errorf("the MariaDB server ended at its start, %w: %s", end, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("the MariaDB server does not answer after %v, %w: %s", startTime, err, s.Log())
		case <-ticks.C:
		}
	}
}

func (s *Server) open(database string) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "tcp", s.Addr, database
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Exec executes a statement as root.
func (s *Server) Exec(ctx context.Context, statement string) error {
	db, err := s.open("")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(ctx context.Context) (url string, err error) {
	name := fmt.Sprint("d", s.last.Add(1))
	return "mysql://root@" + s.Addr + "/" + name, s.Exec(ctx, "CREATE DATABASE "+name)
}

// Log returns what the server has written to its log.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Kill ends the server with SIGKILL and waits until it has ended.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) error {
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := <-s.ends
	s.cmd = nil
	var killed *exec.ExitError
	if errors.As(err, &killed) {
		return nil
	}
	return err
}

// Close ends the server, if it runs, and removes its directory.
func (s *Server) Close() error {
	var err error
	if s.cmd != nil {
		err = s.end(syscall.SIGKILL)
	}
	return errors.Join(err, s.log.Close(), os.RemoveAll(s.dir))
}

// shared is the server of Main.
var shared *Server

// Main runs the tests of a package with a server that they share. TestMain calls
// it, and exits with what it returns.
func Main(m *testing.M) int {
	s, err := New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = s
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// URL returns the URL of a new, empty database of the server that Main started.
func URL(tb testing.TB) string {
	tb.Helper()
	url, err := shared.Database(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return url
}
