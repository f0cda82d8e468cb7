// Package fga is the same question to OpenFGA, a permission engine: whether a user has the
// relation blocked to an account. It keeps its tuples in SQLite, since what it calls its
// memory store looks through all of them for every check and every write.
package fga

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/bench/check"
	"mpblock/bench/load"
	"mpblock/bench/process"
	"mpblock/internal/testserver"
)

// Name is the program as rows name it.
const Name = "OpenFGA"

// Binary is where make puts it, seen from bench.
const Binary = "../.bin/openfga"

const module = "github.com/openfga/openfga"

// settings are all that differs from the defaults; its caches of answers are off by default.
var settings = []string{"--playground-enabled=false", "--log-level", "none", "--max-tuples-per-write", strconv.Itoa(perWrite)}

// perWrite is how many tuples a call adds while it is filled; 100 unless it is told.
const perWrite = 1000

// Need fails if it is not built.
func Need() error {
	if _, err := os.Stat(Binary); err != nil {
		return fmt.Errorf("OpenFGA is not built, which is measured beside mpblock: make .bin/openfga builds it (%w)", err)
	}
	return nil
}

// Facts names version and settings.
func Facts() string {
	info, err := buildinfo.ReadFile(Binary)
	if err != nil {
		return "openfga: not built"
	}
	version := info.Main.Version
	for _, m := range info.Deps {
		if m.Path == module {
			version = m.Version
		}
	}
	return "openfga: " + version + ", over SQLite; " + strings.Join(settings, " ")
}

// Server is a running OpenFGA with a list of users who are blocked.
type Server struct {
	*process.Process
	store, model string
}

// Start starts it on a new database and writes a tuple for each OpenID, over its API.
func Start(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *Server, err error) {
	binary, err := filepath.Abs(Binary)
	if err != nil {
		return nil, err
	}
	data := []string{"--datastore-engine", "sqlite", "--datastore-uri", "file:" + filepath.Join(dir, "openfga.db")}
	migrate := exec.CommandContext(ctx, binary, append([]string{"migrate"}, data...)...) //nolint:gosec // built by make
	if out, err := migrate.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a database for OpenFGA: %w\n%s", err, out)
	}
	port, err := process.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	command := append([]string{binary, "run", "--http-addr", addr, "--grpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"}, append(data, settings...)...)
	p, _, err := process.Launch(dir, "openfga", command...)
	if err != nil {
		return nil, err
	}
	p.Addr = addr
	s := &Server{Process: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Kill())
		}
	}()
	if err := p.Await(func() error { return s.call(ctx, http.MethodGet, "/healthz", nil, nil) }); err != nil {
		return nil, err
	}
	return s, s.fill(ctx, ids)
}

// fill makes a store with its model and writes the tuples.
func (s *Server) fill(ctx context.Context, ids []mpblock.OpenID) error {
	var made struct {
		ID    string `json:"id"`
		Model string `json:"authorization_model_id"`
	}
	if err := s.call(ctx, http.MethodPost, "/stores", json.RawMessage(`{"name":"bench"}`), &made); err != nil {
		return err
	}
	s.store = "/stores/" + made.ID
	const model = `{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"account","relations":{"blocked":{"this":{}}},
"metadata":{"relations":{"blocked":{"directly_related_user_types":[{"type":"user"}]}}}}]}`
	if err := s.call(ctx, http.MethodPost, s.store+"/authorization-models", json.RawMessage(model), &made); err != nil {
		return err
	}
	s.model = made.Model
	for len(ids) > 0 {
		n := min(perWrite, len(ids))
		tuples := make([]json.RawMessage, n)
		for i, id := range ids[:n] {
			tuples[i] = json.RawMessage(string(appendTuple(nil, id)))
		}
		if err := s.call(ctx, http.MethodPost, s.store+"/write", map[string]any{"writes": map[string]any{"tuple_keys": tuples}}, nil); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// call makes a call of its HTTP API.
func (s *Server) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("OpenFGA answers %s to %s: %.300s", res.Status, path, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// appendTuple appends that somebody is blocked.
func appendTuple(b []byte, id mpblock.OpenID) []byte {
	b = append(b, `{"user":"user:`...)
	b = append(b, id[:]...)
	return append(b, `","relation":"blocked","object":"account:`+testserver.DemoAppID+`"}`...)
}

// Target is who asks it what mpblock is asked. The model is named, as its documents advise:
// else it would be looked up for every check.
func (s *Server) Target(asked check.Asked) check.Target {
	return check.Target{
		Name: Name, Addr: s.Addr,
		Request: func(b []byte, n uint64) []byte {
			id, _ := asked.Of(n)
			body := appendTuple([]byte(`{"tuple_key":`), id)
			body = append(body, `,"authorization_model_id":"`+s.model+`"}`...)
			return load.AppendPost(b, s.store+"/check", string(body))
		},
		Holds: func(n uint64, body []byte, _ bool) error {
			id, blocked := asked.Of(n)
			if want := strconv.AppendBool([]byte(`{"allowed":`), blocked); !bytes.HasPrefix(body, want) {
				return fmt.Errorf("OpenFGA was asked about %s, who is blocked: %v, and answered %.150q", id, blocked, body)
			}
			return nil
		},
	}
}
