// Package control is the emulator's control door: what a test does to the API beside
// calling it. Faults, the clock, reset, snapshots, the journal and drift are JSON over
// HTTP, on an address of their own; openapi.yaml describes them. Client speaks to it, for
// the commands.
//
// The door asks nobody who they are: it is for a laptop and for CI, and never for the
// main listener. Browsers are kept out, so that no page that somebody visits reaches it.
package control

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// OpenAPI describes the door, for machines.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Emulator is what the door works on: a server that emulates.
type Emulator interface {
	emulator.Host
	Access() *access.Service
	WriteSeed(ctx context.Context, w io.Writer) error
}

// maxBody is the longest body that is taken, in bytes: a drift of 10,000 OpenIDs and a
// plan of MaxBytes fit.
const maxBody = 2 << 20

type door struct {
	Emulator
	log *slog.Logger
}

// New returns the door of an emulator.
func New(e Emulator, log *slog.Logger) http.Handler {
	d := &door{e, log}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", handle(d, d.overview))
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(OpenAPI)
	})
	mux.Handle("GET /plans", handle(d, d.plans))
	mux.HandleFunc("GET /plans/{name}", d.plan)
	mux.Handle("GET /faults", handle(d, d.faults))
	mux.Handle("PUT /faults", handle(d, d.load))
	mux.Handle("DELETE /faults", handle(d, d.unload))
	mux.Handle("GET /clock", handle(d, d.clock))
	mux.Handle("POST /clock", handle(d, d.setClock))
	mux.Handle("POST /reset", handle(d, func(r *http.Request) (any, error) { return done(d.Reset(r.Context())) }))
	mux.HandleFunc("GET /seed", d.seed)
	mux.Handle("GET /snapshots", handle(d, func(*http.Request) (any, error) { return Saved{d.Snapshots()}, nil }))
	mux.Handle("PUT /snapshots/{name}", handle(d, func(r *http.Request) (any, error) { return done(d.SaveSnapshot(r.Context(), r.PathValue("name"))) }))
	mux.Handle("DELETE /snapshots/{name}", handle(d, func(r *http.Request) (any, error) { return done(d.RemoveSnapshot(r.PathValue("name"))) }))
	mux.Handle("POST /snapshots/{name}/restore", handle(d, func(r *http.Request) (any, error) { return done(d.RestoreSnapshot(r.Context(), r.PathValue("name"))) }))
	mux.Handle("GET /journal", handle(d, d.journal))
	mux.Handle("DELETE /journal", handle(d, d.clearJournal))
	mux.Handle("GET /journal.har", handle(d, d.har))
	mux.Handle("POST /verify", handle(d, d.verify))
	mux.Handle("POST /drift", handle(d, d.drift))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := local(r); err != nil {
			d.fail(w, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

var (
	errBrowser = mpblock.NewError(mpblock.Forbidden, "control.browser", "this door is not for pages in a browser: use mpblock emulator, or curl")
	errHost    = mpblock.NewError(mpblock.Forbidden, "control.host", "this door is asked for as %s: ask for it by its address, or as localhost")
	errBody    = mpblock.NewError(mpblock.Invalid, "control.body", "%s")
	errPlan    = mpblock.NewError(mpblock.Invalid, "faults.plan", "%s")
	errNoPlan  = mpblock.NewError(mpblock.NotFound, "faults.none", "there is no ready-made plan %q; there are: %s")
)

// local refuses what a page in a browser could send: with an Origin, or under a name that
// somebody has led to this machine.
func local(r *http.Request) error {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "none" {
		return errBrowser
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && strings.Contains(host, ".") { // a container's name has no dot
		return errHost.With(r.Host)
	}
	return nil
}

// OK is the answer to what was done and has nothing to tell.
type OK struct {
	OK bool `json:"ok"`
}

func done(err error) (any, error) { return OK{err == nil}, err }

// Problem is the answer to what was not done.
type Problem struct {
	Error string `json:"error"` // what happened, to which input, and what to do
	Key   string `json:"key"`   // stays the same; for programs
}

func handle(d *door, f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		out, err := f(r)
		if err != nil {
			d.fail(w, err)
			return
		}
		write(w, http.StatusOK, out)
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a client that is gone
}

// statuses are those of the kinds of errors; any other is 500.
var statuses = map[mpblock.Kind]int{
	mpblock.Invalid: http.StatusUnprocessableEntity, mpblock.NotFound: http.StatusNotFound, mpblock.Forbidden: http.StatusForbidden,
	mpblock.Limited: http.StatusTooManyRequests, mpblock.Unavailable: http.StatusServiceUnavailable, mpblock.Conflict: http.StatusConflict,
}

func (d *door) fail(w http.ResponseWriter, err error) {
	var e *mpblock.Error
	if errors.As(err, &e) {
		if status, ok := statuses[e.Kind]; ok {
			write(w, status, Problem{e.Message(), e.Key})
			return
		}
	}
	d.log.Error("the control door", "error", err)
	write(w, http.StatusInternalServerError, Problem{"the emulator has a fault of its own: " + err.Error(), "internal"})
}

// read reads a JSON body; what it does not know is a mistake.
func read(r *http.Request, into any) error {
	j := json.NewDecoder(r.Body)
	j.DisallowUnknownFields()
	err := j.Decode(into)
	if err == nil {
		if _, err = j.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something stands behind the JSON")
	}
	var own *mpblock.Error
	var wrong *fault.Mistake
	var noTime *time.ParseError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &wrong):
		return errBody.With(wrong.Error())
	case errors.As(err, &noTime):
		return errBody.With(strings.Trim(noTime.Value, `"`) + " is no time: want one as 2026-11-29T00:00:00+08:00")
	}
	if errors.Is(err, io.EOF) {
		return errBody.With("the request has no body; JSON is wanted")
	}
	return errBody.With("the body cannot be read: " + strings.TrimPrefix(err.Error(), "json: "))
}

// Overview is how the emulator stands.
type Overview struct {
	Bent     string           `json:"bent"` // "", faults, clock or faults|clock
	Clock    Clock            `json:"clock"`
	Faults   *emulator.Faults `json:"faults"` // null: no plan
	Calls    int              `json:"calls"`  // in the journal
	Accounts []string         `json:"accounts"`
}

func (d *door) overview(r *http.Request) (any, error) {
	e := d.Emulator.Emulator()
	accounts, err := d.accounts(r)
	if err != nil {
		return nil, err
	}
	return Overview{Bent: e.Bent(), Clock: clockOf(e), Faults: e.Faults(), Calls: e.Journal.Len(), Accounts: accounts}, nil
}

// shownAccounts is how many accounts an overview names.
const shownAccounts = 100

func (d *door) accounts(r *http.Request) ([]string, error) {
	all, err := d.Access().Accounts(r.Context(), "", shownAccounts)
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = string(a.AppID)
	}
	return names, err
}

// Plans are those that come with mpblock.
type Plans struct {
	Plans []ReadyMade `json:"plans"`
}

// ReadyMade is a plan that comes with mpblock.
type ReadyMade struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func (d *door) plans(*http.Request) (any, error) {
	var p Plans
	for _, ready := range fault.ReadyPlans() {
		p.Plans = append(p.Plans, ReadyMade{ready.Name, ready.Plan.About})
	}
	return p, nil
}

func (d *door) plan(w http.ResponseWriter, r *http.Request) {
	text, err := readyMade(r.PathValue("name"))
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(text) //nolint:gosec // is embedded: the request picks it, no more
}

func readyMade(name string) ([]byte, error) {
	text, ok := fault.ReadyMade(name)
	if !ok {
		return nil, errNoPlan.With(name, strings.Join(fault.ReadyMades(), ", "))
	}
	return text, nil
}

// Faults is the plan under way.
type Faults struct {
	Faults *emulator.Faults `json:"faults"` // null: no plan
}

func (d *door) faults(*http.Request) (any, error) { return Faults{d.Emulator.Emulator().Faults()}, nil }

// load begins the plan in the body, YAML or JSON, or a ready-made one that the query
// names. With a mistake in it the one before goes on.
func (d *door) load(r *http.Request) (any, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errBody.With("the body cannot be read: " + err.Error())
	}
	if name := r.URL.Query().Get("plan"); name != "" {
		if text, err = readyMade(name); err != nil {
			return nil, err
		}
	}
	p, err := fault.ParseRules(text)
	if err != nil {
		return nil, errPlan.With(err.Error())
	}
	d.Emulator.Emulator().Load(p)
	return d.faults(r)
}

func (d *door) unload(r *http.Request) (any, error) {
	d.Emulator.Emulator().Unload()
	return d.faults(r)
}

// Clock is what the emulator's clock says.
type Clock struct {
	Now    time.Time `json:"now"`
	Frozen bool      `json:"frozen"` // it stands still
	Ahead  string    `json:"ahead"`  // of the machine's, as 36h0m0s
}

func clockOf(e *emulator.Emulator) Clock {
	now := e.Clock.Now()
	return Clock{Now: now.UTC(), Frozen: !e.Clock.State().Frozen.IsZero(), Ahead: e.Clock.Ahead().Round(time.Second).String()}
}

func (d *door) clock(*http.Request) (any, error) { return clockOf(d.Emulator.Emulator()), nil }

// SetClock is what to do to the clock: one of Set and Advance, Frozen, or both.
type SetClock struct {
	Set     *time.Time      `json:"set,omitempty"`
	Advance *fault.Duration `json:"advance,omitempty"`
	Frozen  *bool           `json:"frozen,omitempty"`
}

func (d *door) setClock(r *http.Request) (any, error) {
	var in SetClock
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in == (SetClock{}) || in.Set != nil && in.Advance != nil {
		return nil, errBody.With("want one of set and advance, or frozen")
	}
	c := d.Emulator.Emulator().Clock
	var err error
	switch {
	case in.Set != nil:
		err = c.Set(*in.Set)
	case in.Advance != nil:
		err = c.Advance(time.Duration(*in.Advance))
	}
	if err != nil {
		return nil, err
	}
	if in.Frozen != nil && *in.Frozen {
		c.Freeze()
	} else if in.Frozen != nil {
		c.Run()
	}
	return d.clock(r)
}

// seed answers with the present state as a seed.
func (d *door) seed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := d.WriteSeed(r.Context(), w); err != nil {
		d.log.Error("the control door: a seed ends in its middle", "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes it for whole
	}
}

// Saved are the snapshots.
type Saved struct {
	Snapshots []emulator.Snapshot `json:"snapshots"`
}

// account returns the account that a request names, or the only one.
func (d *door) account(r *http.Request, app string) (*mpblock.Account, error) {
	if app != "" {
		return d.Access().Account(r.Context(), mpblock.AppID(app))
	}
	all, err := d.Access().Accounts(r.Context(), "", 2)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, errBody.With(fmt.Sprintf("there are %s accounts: say which by appid", map[bool]string{true: "no", false: "several"}[len(all) == 0]))
	}
	return all[0], nil
}
