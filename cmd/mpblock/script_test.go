package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/internal/testserver"
)

func TestMain(m *testing.M) {
	if err := testserver.ShortTemp(); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"mpblock": main})
}

// TestScripts runs the commands as a user does, from testdata/*.txtar. Beside
// testscript's own commands they have:
//
//	server DIR [flag...]    starts mpblock serve on a directory and waits for its
//	                        ready line; $BASE is its address
//	second DIR [flag...]    starts another one beside it, at $SECOND, and ends it with
//	                        the script
//	sigterm                 ends it with SIGTERM, and fails unless it ends well
//	sigkill                 ends it at once
//	serverlog               prints its log; a call may be logged after its answer,
//	                        so look for one only once the server has ended
//	http METHOD PATH [BODY] prints status and body of an answer of $BASE
//	code N COMMAND...       runs a command and fails unless it exits with N
//	damage DIR              removes one entry of a store behind its back
//	firstsecret FROM TO     writes the secret of a JSON answer to a file, and with the
//	                        byte order mark of an editor to TO.bom
//	lines N FILE            fails unless a file has so many lines
//	many N FILE             writes N well-formed OpenIDs of the prefix 01020304
//	expand FROM TO          writes a file with the script's variables in it
//	firstjob FROM NAME      sets a variable to the first job of a JSON answer
//	journal BASE APPID FILE JOB
//	                        writes the journal of a job that would block the OpenIDs
//	                        of a file, and has not begun
func TestScripts(t *testing.T) { testscript.Run(t, scripts("testdata")) }

func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Values[serverKey{}] = &held{}
			e.Setenv("MPBLOCK_JOBS", filepath.Join(e.WorkDir, "jobs"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": startServer, "sigterm": stopServer, "sigkill": killServer, "serverlog": serverLog,
			"http": request, "code": exitCode, "damage": damage, "firstsecret": firstSecret, "lines": countLines, "many": writeMany, "journal": writeJournal,
			"expand": expand, "second": startSecond, "firstjob": firstJob,
		},
		RequireExplicitExec: true,
	}
}

type serverKey struct{}

// held is the server of a script. One that has ended still has its log.
type held struct {
	*testserver.Server
	running bool
}

func serverOf(ts *testscript.TestScript) *held {
	return ts.Value(serverKey{}).(*held)
}

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	binary, err := lookPath(ts.Getenv("PATH"))
	ts.Check(err)
	command := []string{binary, "serve", "--listen", "127.0.0.1:0"}
	if args[0] != "-" { // a directory of its own
		command = append(command, "--data", ts.MkAbs(args[0]))
	}
	command = append(command, args[1:]...)
	s, err := testserver.Start(command...)
	ts.Check(err)
	h := serverOf(ts)
	h.Server, h.running = s, true
	ts.Setenv("BASE", s.Base)
	ts.Setenv("MPBLOCK_CONTROL", s.Control)
	ts.Setenv("DATA", s.Data)
	ts.Setenv("ADDRESS", strings.TrimPrefix(s.Base, "http://"))
	ts.Defer(func() {
		if h.Server == s && h.running {
			_ = s.Kill()
		}
	})
}

func startSecond(ts *testscript.TestScript, _ bool, args []string) {
	binary, err := lookPath(ts.Getenv("PATH"))
	ts.Check(err)
	s, err := testserver.Start(append([]string{binary, "serve", "--listen", "127.0.0.1:0", "--data", ts.MkAbs(args[0])}, args[1:]...)...)
	ts.Check(err)
	ts.Setenv("SECOND", s.Base)
	ts.Defer(func() { _ = s.Kill() })
}

func lookPath(path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if p, err := exec.LookPath(filepath.Join(dir, "mpblock")); err == nil {
			return p, nil
		}
	}
	return "", errors.New("mpblock is not on the PATH of the script")
}

func stopServer(ts *testscript.TestScript, _ bool, _ []string) {
	h := serverOf(ts)
	h.running = false
	ts.Check(h.Stop())
}

func killServer(ts *testscript.TestScript, _ bool, _ []string) {
	h := serverOf(ts)
	h.running = false
	ts.Check(h.Kill())
}

func serverLog(ts *testscript.TestScript, _ bool, _ []string) {
	_, err := io.WriteString(ts.Stdout(), serverOf(ts).Log())
	ts.Check(err)
}

func request(ts *testscript.TestScript, _ bool, args []string) {
	body := ""
	if len(args) > 2 {
		body = args[2]
	}
	r, err := http.NewRequest(args[0], ts.Getenv("BASE")+args[1], strings.NewReader(body))
	ts.Check(err)
	res, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s", res.StatusCode, res.Header.Get("Content-Type"), text)
}

func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func countLines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(strings.Count(ts.ReadFile(args[1]), "\n")); got != args[0] {
		ts.Fatalf("%s has %s lines, want %s", args[1], got, args[0])
	}
}

func writeMany(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		b.WriteString(mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, strconv.Itoa(i)).String() + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}

func writeJournal(ts *testscript.TestScript, _ bool, args []string) {
	var p bulk.Plan
	for _, id := range strings.Fields(ts.ReadFile(args[2])) {
		p.Items = append(p.Items, bulk.Item{OpenID: client.OpenID(id), Action: mpblock.Block, Status: bulk.Todo})
	}
	job, err := bulk.Create(ts.MkAbs(args[3]), args[0], args[1], &p)
	ts.Check(err)
	ts.Check(job.Close())
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	db, err := pebble.Open(ts.MkAbs(args[0]), &pebble.Options{})
	ts.Check(err)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("bwx"), UpperBound: []byte("bwy")})
	ts.Check(err)
	if !it.Last() {
		ts.Fatalf("%s has no entry", args[0])
	}
	key := slices.Clone(it.Key())
	ts.Check(errors.Join(it.Close(), db.Delete(key, pebble.Sync), db.Close()))
}

func expand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

func firstJob(ts *testscript.TestScript, _ bool, args []string) {
	var all []struct {
		Name string `json:"name"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &all))
	ts.Setenv(args[1], all[0].Name)
}

func firstSecret(ts *testscript.TestScript, _ bool, args []string) {
	var v struct {
		Secret string `json:"secret"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(v.Secret+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".bom"), []byte("\ufeff"+v.Secret+"\r\n\r\n"), 0o600))
}
