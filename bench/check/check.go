// Package check asks servers whether somebody is blocked, one OpenID a call, and is the
// handler that somebody would write who needs nothing else.
package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"mpblock"
	"mpblock/bench/load"
	"mpblock/internal/testserver"
)

// Path is where mpblock and the handlers take a check.
const Path = "/v1/accounts/" + testserver.DemoAppID + "/blocks:check"

// Asked are the OpenIDs that are asked for: of those on a list, and of as many who are not.
type Asked struct {
	Listed []mpblock.OpenID
	Absent func(n uint64) mpblock.OpenID // somebody who is not on it
}

// Of returns who the n-th call asks for, and whether that one is blocked.
func (a Asked) Of(n uint64) (mpblock.OpenID, bool) {
	if n%2 == 0 {
		return a.Absent(n), false
	}
	return a.Listed[n*0x9e3779b97f4a7c15%uint64(len(a.Listed))], true
}

const bodyHead, bodyEnd = `{"openids":["`, `"]}`

// Target is a server that is asked.
type Target struct {
	Name, Addr string
	Request    load.Requester
	Holds      load.Checker
}

// Target is a server that takes checks as mpblock does, with an access token.
func (a Asked) Target(name, addr, token string) Target {
	return Target{name, addr, a.requests(token), a.holds}
}

// InTurns measures targets in turns, each in the way that round says.
func InTurns(turns load.Turns, targets []Target, round func(Target, load.Limit) (load.Sample, error)) ([]load.Subject, []load.Sample, error) {
	var subjects []load.Subject
	for _, t := range targets {
		subjects = append(subjects, load.Subject{Name: t.Name, Round: func(until load.Limit) (load.Sample, error) { return round(t, until) }})
	}
	samples, err := load.InTurns(turns, subjects)
	return subjects, samples, err
}

// requests makes a call with an access token.
func (a Asked) requests(token string) load.Requester {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		Path, token, len(bodyHead)+mpblock.OpenIDLen+len(bodyEnd), bodyHead)
	return func(b []byte, n uint64) []byte {
		id, _ := a.Of(n)
		b = append(b, head...)
		b = append(b, id[:]...)
		return append(b, bodyEnd...)
	}
}

// holds compares an answer with the list.
func (a Asked) holds(n uint64, body []byte, _ bool) error {
	id, blocked := a.Of(n)
	if want := appendResult(nil, id.String(), blocked); !bytes.HasPrefix(body, want) {
		return fmt.Errorf("a check of %s, who is blocked: %v, was answered with %.150q", id, blocked, body)
	}
	return nil
}

func appendResult(b []byte, openID string, blocked bool) []byte {
	b = append(b, `{"results":[{"openid":"`...)
	b = append(b, openID...)
	b = append(b, `","blocked":`...)
	b = strconv.AppendBool(b, blocked)
	return append(b, "}]"...)
}

// Handler answers checks of one OpenID with what is asked for it. It knows no token, holds
// the OpenID to nothing, and writes no log.
func Handler(blocked func(ctx context.Context, openID string) (bool, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			OpenIDs []string `json:"openids"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.OpenIDs) != 1 {
			http.Error(w, "want one OpenID", http.StatusBadRequest)
			return
		}
		is, err := blocked(r.Context(), in.OpenIDs[0])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out := append(appendResult(nil, in.OpenIDs[0], is), '}')
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		_, _ = w.Write(out)
	})
	return mux
}
