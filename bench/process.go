package main

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

// process is a program that was started to be measured, or to serve one that is.
type process struct {
	name string
	cmd  *exec.Cmd
	addr string        // of the API, host:port
	log  string        // file with what it wrote to stderr
	took time.Duration // until it was ready

	ended chan struct{} // closed when it has ended
	err   error         // how, once it has
}

// launch starts a program. Its log goes to a file, as a service's does.
func launch(dir, name string, command ...string) (*process, io.Reader, error) {
	p := &process{name: name, cmd: exec.Command(command[0], command[1:]...), log: filepath.Join(dir, name+".log"), ended: make(chan struct{})} //nolint:gosec // of our own
	f, err := os.Create(p.log)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // the program has its own
	p.cmd.Stderr = f
	dieTogether(p.cmd)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, out, nil
}

var readyLine = regexp.MustCompile(`ready on http://(\S+)`)

// serve starts a program that serves the API and says where in its first line.
func serve(dir, name string, command ...string) (*process, error) {
	begin := time.Now()
	p, out, err := launch(dir, name, command...)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	p.took = time.Since(begin)
	m := readyLine.FindStringSubmatch(line)
	if m == nil {
		return nil, errors.Join(fmt.Errorf("%s: no ready line but %q, %w: %s", name, line, err, p.tail()), p.kill())
	}
	p.addr = m[1]
	go func() { _, _ = io.Copy(io.Discard, lines) }() // so that it never waits for a reader
	return p, nil
}

// await waits until a program that does not say when it is ready answers.
func (p *process) await(ready func() error) error {
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended with %w: %s", p.name, p.err, p.tail())
		case <-time.After(50 * time.Millisecond):
		}
		if last = ready(); last == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%s does not answer: %w: %s", p.name, last, p.tail()), p.kill())
}

// tail is the end of the log, for errors.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-1000):])
}

func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// stop ends a program with SIGTERM and waits for its end.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("%s ended with %w: %s", p.name, p.err, p.tail())
	}
	return nil
}

// need finds a program that is measured beside ours.
func need(program, debian string) (string, error) {
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed, which is measured beside mpblock: apt-get install %s", program, debian)
}

// freePort returns a port that was free just now.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()                          //nolint:errcheck // nothing was accepted
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // listened on tcp
}
