// Package testserver runs the real binary for tests and benchmarks that need a
// process: to be killed, to be filled up, to be measured.
package testserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// The demo account of mpblock serve --demo.
const (
	DemoAppID  = "wxdec0dedec0dedec0"
	DemoSecret = "5eedda7a5eedda7a5eedda7a5eedda7a"
)

// Build builds the binary into a directory and returns its path. module is the
// directory of the module.
func Build(module, dir string) (string, error) {
	binary := filepath.Join(dir, "mpblock")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/mpblock") //nolint:gosec // of our own
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return binary, nil
}

// ShortTemp has tests make their temporary directories in /tmp where the system's own
// place for them is deep, as on macOS: the path of a socket may have some 100 bytes. It
// is for TestMain.
func ShortTemp() error {
	if len(os.TempDir()) <= 30 {
		return nil
	}
	return os.Setenv("TMPDIR", "/tmp")
}

// Server is a process that serves.
type Server struct {
	Base string // http://127.0.0.1:port
	PID  int
	cmd  *exec.Cmd
	log  *lockedBuffer
	link chan string
	Data string // directory that it names as its own

	Control string // base URL of an emulator's control door; "": it has none
}

var (
	readyLine = regexp.MustCompile(`^mpblock ready on (\S+) \((an emulator: .* --data|data in) ([^,)]+)`)
	doorLine  = regexp.MustCompile(`^  faults, .* \((http\S+)\)$`)
	linkLine  = regexp.MustCompile(`^  (http\S+/(?:demo|welcome)\?token=\S+)`)
)

// Start runs a command that ends in mpblock serve, and returns when it is ready.
func Start(command ...string) (*Server, error) {
	s := &Server{cmd: exec.Command(command[0], command[1:]...), log: &lockedBuffer{}, link: make(chan string, 1)} //nolint:gosec // of our own
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.PID = s.cmd.Process.Pid
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	m := readyLine.FindStringSubmatch(line)
	if err != nil || m == nil {
		_ = s.Kill()
		return nil, fmt.Errorf("no ready line but %q, %w: %s", line, err, s.log)
	}
	s.Base, s.Data = m[1], m[3]
	if m[2] != "data in" && !slices.Contains(command, "off") { // the address of its door is in the next line
		line, _ := lines.ReadString('\n')
		if m := doorLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			s.Control = m[1]
		}
	}
	go s.read(lines)
	return s, nil
}

// read reads to the end, so that the server never waits for a reader.
func (s *Server) read(lines *bufio.Reader) {
	defer close(s.link)
	for {
		line, err := lines.ReadString('\n')
		if m := linkLine.FindStringSubmatch(line); m != nil {
			s.link <- m[1]
		}
		if err != nil {
			return
		}
	}
}

// Link returns the link into the console that the server prints, once. It waits
// for it, and fails if the server ends without one.
func (s *Server) Link() (string, error) {
	link, ok := <-s.link
	if !ok {
		return "", fmt.Errorf("the server printed no link: %s", s.log)
	}
	return link, nil
}

// Kill ends the process with SIGKILL and waits until it has ended.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // says that it was killed
	return err
}

// Stop ends the process with SIGTERM and returns what is wrong with its end.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended with %w: %s", err, s.log)
	}
	return nil
}

// Log returns what the process has written to stderr.
func (s *Server) Log() string { return s.log.String() }

// Token gets an access token of the demo account.
func (s *Server) Token() (string, error) {
	res, err := http.Get(s.Base + "/cgi-bin/token?grant_type=client_credential&appid=" + DemoAppID + "&secret=" + DemoSecret)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil {
		return "", err
	}
	return t.AccessToken, nil
}

// Answer is the answer of any call.
type Answer struct {
	Errcode int
	Errmsg  string
	Total   int
	Count   int
	Data    struct{ Openid []string }
	Next    string `json:"next_openid"`
}

// Post makes a call of the blacklist.
func (s *Server) Post(client *http.Client, call, token, body string) (a Answer, err error) {
	res, err := client.Post(s.Base+"/cgi-bin/tags/members/"+call+"?access_token="+url.QueryEscape(token), "application/json", strings.NewReader(body))
	if err != nil {
		return a, err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	err = json.NewDecoder(res.Body).Decode(&a)
	return a, err
}

// Batch returns the body that blocks or unblocks OpenIDs.
func Batch(ids []string) string {
	return `{"openid_list":["` + strings.Join(ids, `","`) + `"]}`
}

// Walk reads the whole blacklist and holds each page to its own numbers.
func (s *Server) Walk(client *http.Client, token string) (map[string]bool, error) {
	all := map[string]bool{}
	for after := ""; ; {
		p, err := s.Post(client, "getblacklist", token, `{"begin_openid":"`+after+`"}`)
		if err != nil {
			return nil, err
		}
		if p.Errcode != 0 || p.Count != len(p.Data.Openid) {
			return nil, fmt.Errorf("a page with errcode %d %s, count %d and %d OpenIDs", p.Errcode, p.Errmsg, p.Count, len(p.Data.Openid))
		}
		for _, id := range p.Data.Openid {
			all[id] = true
		}
		if p.Count == 0 {
			if len(all) != p.Total {
				return nil, fmt.Errorf("%d distinct OpenIDs, and the total says %d", len(all), p.Total)
			}
			return all, nil
		}
		after = p.Next
	}
}

// Run runs the binary to its end and returns its output and exit code.
func Run(command ...string) (output string, code int, err error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // of our own
	out, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); ended { //nolint:errorlint // as os/exec returns it
		err = nil
	}
	return string(out), cmd.ProcessState.ExitCode(), err
}

// lockedBuffer is written by the process's log and read by tests.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns all that was written.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
