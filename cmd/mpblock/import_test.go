package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

const testApp = "wx0123456789abcdef"

// strangerApp is an account of which none of the OpenIDs in the tests is.
const strangerApp = "wx9999999999999999"

// fakeAdmin is a server whose n-th piece of an import or of minted followers, from
// 1 on, is answered by piece; it returns its directory.
func fakeAdmin(t *testing.T, piece func(n int, w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, admin.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /accounts/{app}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("app") == strangerApp {
			fmt.Fprintf(w, `{"appid":%q,"prefix":"09090909"}`, strangerApp)
			return
		}
		fmt.Fprintf(w, `{"appid":%q,"prefix":"01020304"}`, testApp)
	})
	mux.HandleFunc("POST /accounts/{app}/{what}", func(w http.ResponseWriter, r *http.Request) {
		n++ // one client, one request at a time
		piece(n, w, r)
	})
	s := &http.Server{Handler: mux}
	go s.Serve(l)
	t.Cleanup(func() { _ = s.Close() })
	return dir
}

// command runs mpblock and returns its exit code and what it printed.
func command(args ...string) (code int, out, stderr string) {
	var o, e bytes.Buffer
	code = run(args, ui.Terminal{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func openIDs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, strconv.Itoa(i)).String() + "\n")
	}
	return b.String()
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.txt")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func wantAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}

// added answers an import's piece: all of it was new.
func added(w http.ResponseWriter) { fmt.Fprintf(w, `{"added":%d}`, mpblock.MaxWrite) }

func TestImportWhoseServerDies(t *testing.T) {
	dir := fakeAdmin(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 2 {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		added(w)
	})
	file := writeFile(t, "OPENID1\n"+openIDs(3*mpblock.MaxWrite))
	code, _, stderr := command("follower", "import", "--data", dir, "--account", testApp, file)
	if code != ui.CodePartly {
		t.Errorf("exit code %d", code)
	}
	wantAll(t, stderr, "did not answer", "up to line 10,001 all is registered or refused (10,000 new, 0 already)", "run the same command again")
	if b, err := os.ReadFile(file + ".rejects"); err != nil || !strings.HasPrefix(string(b), "OPENID1\t# line 1: ") {
		t.Errorf("rejects %q, %v", b, err)
	}
}

func TestImportWithoutPlaceForRejects(t *testing.T) {
	dir := fakeAdmin(t, func(_ int, w http.ResponseWriter, _ *http.Request) { added(w) })
	file := writeFile(t, openIDs(mpblock.MaxWrite)+"OPENID1\n")
	code, _, stderr := command("follower", "import", "--data", dir, "--account", testApp, "--rejects", dir+"/none/r", file)
	if code != ui.CodePartly {
		t.Errorf("exit code %d", code)
	}
	wantAll(t, stderr, "the file for refused lines: ", "up to line 10,000 all is registered", "--rejects FILE")
}

// interrupt does what Ctrl-C does, and waits until the client has gone.
func interrupt(t *testing.T, r *http.Request) {
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Error(err)
	}
	var body any
	_ = json.NewDecoder(r.Body).Decode(&body) // net/http notices a client's end only past its body
	<-r.Context().Done()
}

func TestImportCancelled(t *testing.T) {
	dir := fakeAdmin(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 2 {
			interrupt(t, r)
			return
		}
		added(w)
	})
	code, _, stderr := command("follower", "import", "--data", dir, "--account", testApp, writeFile(t, openIDs(3*mpblock.MaxWrite)))
	if code != ui.CodeCancelled {
		t.Errorf("exit code %d", code)
	}
	wantAll(t, stderr, "mpblock: cancelled; up to line 10,000 all is registered", "hint: run the same command again")
}

func mintedPiece(w http.ResponseWriter, r *http.Request) {
	var in struct{ Count int }
	_ = json.NewDecoder(r.Body).Decode(&in)
	_ = json.NewEncoder(w).Encode(map[string][]string{"openids": strings.Fields(openIDs(in.Count))})
}

func TestMintInterrupted(t *testing.T) {
	for _, tt := range []struct {
		name string
		at2  func(http.ResponseWriter, *http.Request)
		code int
		want string
	}{
		{"the server dies", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ui.CodePartly, "did not answer: "},
		{"cancelled", func(_ http.ResponseWriter, r *http.Request) { interrupt(t, r) }, ui.CodeCancelled, "mpblock: cancelled; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := fakeAdmin(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 2 {
					tt.at2(w, r)
					return
				}
				mintedPiece(w, r)
			})
			code, out, stderr := command("follower", "mint", "25000", "--data", dir, "--account", testApp)
			if code != tt.code || strings.Count(out, "\n") != mpblock.MaxWrite {
				t.Errorf("exit code %d, %d OpenIDs", code, strings.Count(out, "\n"))
			}
			wantAll(t, stderr, tt.want, "10,000 followers were made and printed, up to 10,000 more may be registered", "mint 15000 --account "+testApp)
		})
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// Followers whose OpenIDs cannot be printed are not made by the million.
func TestMintOntoAFullDisk(t *testing.T) {
	pieces := 0
	dir := fakeAdmin(t, func(n int, w http.ResponseWriter, r *http.Request) {
		pieces = n
		mintedPiece(w, r)
	})
	var stderr bytes.Buffer
	code := run([]string{"follower", "mint", "1000000", "--data", dir, "--account", testApp}, ui.Terminal{Out: full{}, Err: &stderr})
	if code != ui.CodePartly || pieces != 1 {
		t.Errorf("exit code %d after %d pieces", code, pieces)
	}
	wantAll(t, stderr.String(), "no space left; 0 followers were made and printed, up to 10,000 more may be registered")
}
