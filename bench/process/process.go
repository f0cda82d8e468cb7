// Package process starts programs that are measured, waits for them and ends them.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// Process is a program that was started to be measured, or to serve one that is.
type Process struct {
	Name string
	Cmd  *exec.Cmd
	Addr string        // of the API, host:port
	log  string        // file with what it wrote to stderr
	Took time.Duration // until it was ready

	ended chan struct{} // closed when it has ended
	err   error         // how, once it has
}

// Launch starts a program. Its log goes to a file, as a service's does.
func Launch(dir, name string, command ...string) (*Process, io.Reader, error) {
	p := &Process{Name: name, Cmd: exec.Command(command[0], command[1:]...), log: filepath.Join(dir, name+".log"), ended: make(chan struct{})} //nolint:gosec // of our own
	f, err := os.Create(p.log)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // the program has its own
	p.Cmd.Stderr = f
	dieTogether(p.Cmd)
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.Cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.Cmd.Wait()
		close(p.ended)
	}()
	return p, out, nil
}

var readyLine = regexp.MustCompile(`ready on http://(\S+)`)

// Serve starts a program that serves the API and says where in its first line.
func Serve(dir, name string, command ...string) (*Process, error) {
	begin := time.Now()
	p, out, err := Launch(dir, name, command...)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	p.Took = time.Since(begin)
	m := readyLine.FindStringSubmatch(line)
	if m == nil {
		return nil, errors.Join(fmt.Errorf("%s: no ready line but %q, %w: %s", name, line, err, p.Tail()), p.Kill())
	}
	p.Addr = m[1]
	go func() { _, _ = io.Copy(io.Discard, lines) }() // so that it never waits for a reader
	return p, nil
}

// Await waits until a program that does not say when it is ready answers.
func (p *Process) Await(ready func() error) error {
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended with %w: %s", p.Name, p.err, p.Tail())
		case <-time.After(50 * time.Millisecond):
		}
		if last = ready(); last == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%s does not answer: %w: %s", p.Name, last, p.Tail()), p.Kill())
}

// Tail is the end of the log, for errors.
func (p *Process) Tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-1000):])
}

// Kill ends a program at once and waits for its end.
func (p *Process) Kill() error {
	err := p.Cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Stop ends a program with SIGTERM and waits for its end.
func (p *Process) Stop() error {
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	timer := time.AfterFunc(time.Minute, func() { _ = p.Cmd.Process.Kill() })
	defer timer.Stop()
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("%s ended with %w: %s", p.Name, p.err, p.Tail())
	}
	return nil
}

// Settle waits until a process does not write any more: its store has compacted
// what it had to, which takes minutes after 10,000,000 OpenIDs over 100,000 accounts.
func Settle(pid int) error {
	const quiet, limit = 500 * time.Millisecond, 30 * time.Minute
	var last int64
	since := time.Now()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(quiet / 5) {
		now, err := Value(pid, "io", "wchar")
		if err != nil {
			return err
		}
		if now-last > 64<<10 {
			last, since = now, time.Now()
		}
		if time.Since(since) > quiet {
			return nil
		}
	}
	return fmt.Errorf("a store writes for %s, and nobody asked it to", limit)
}

// Need finds a program that is measured beside ours.
func Need(program, debian string) (string, error) {
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed, which is measured beside mpblock: apt-get install %s", program, debian)
}

// FreePort returns a port that was free just now.
func FreePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()                          //nolint:errcheck // nothing was accepted
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // listened on tcp
}
