package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mpblock"
	"mpblock/internal/admin"
	"mpblock/internal/api"
	"mpblock/internal/listcache"
	"mpblock/internal/ops"
	"mpblock/internal/pebblestore"
	"mpblock/internal/platform"
)

type serveCmd struct {
	Listen        string `help:"Address of the API, the console and the health checks. Default: ${default}." default:"127.0.0.1:8080" env:"MPBLOCK_LISTEN" placeholder:"HOST:PORT"`
	Data          string `help:"Data directory; made if it is not there. Default: ./mpblock-data, with --demo a throw-away one." env:"MPBLOCK_DATA" placeholder:"DIR"`
	Demo          bool   `help:"Begin with the account of the document's own example: 30,000 followers, 23,000 of them blocked." env:"MPBLOCK_DEMO"`
	OpsListen     string `help:"Address of metrics and profiles; off unless given." env:"MPBLOCK_OPS_LISTEN" placeholder:"HOST:PORT"`
	TLSCert       string `help:"Certificate chain, PEM." env:"MPBLOCK_TLS_CERT" placeholder:"FILE" type:"existingfile" and:"tls" xor:"tls-cert"`
	TLSKey        string `help:"Key of the certificate, PEM." env:"MPBLOCK_TLS_KEY" placeholder:"FILE" type:"existingfile" and:"tls"`
	TLSSelfSigned bool   `help:"Serve TLS with a certificate of a small CA, made once in the data directory." env:"MPBLOCK_TLS_SELF_SIGNED" xor:"tls-cert"`
	RequireHTTPS  bool   `help:"Answer 43003 to calls without TLS." env:"MPBLOCK_REQUIRE_HTTPS"`
	PageSize      int    `help:"OpenIDs a page, 1 to 10000." default:"10000" env:"MPBLOCK_PAGE_SIZE"`
	RID           bool   `name:"rid" help:"Put the request id behind the errmsg of errors, as today's real service does." env:"MPBLOCK_RID"`
	CacheSize     int64  `help:"Memory for lists and for blocks read from disk, in MiB. Default: ${default}." default:"512" env:"MPBLOCK_CACHE_SIZE" placeholder:"MIB"`
	database
	NoMigrate    bool   `help:"Refuse a database whose schema is not the newest, instead of bringing it there." env:"MPBLOCK_NO_MIGRATE"`
	LogFormat    string `help:"Form of the log on stderr: ${enum}." enum:"text,json" default:"text" env:"MPBLOCK_LOG_FORMAT"`
	consoleFlags `embed:"" group:"The console:"`
}

// drainTime is how long requests under way may take when the server stops.
const drainTime = 10 * time.Second

// server is what serve has opened, to be closed in the reverse order.
type server struct {
	opts     serveCmd
	log      *slog.Logger
	calls    *slog.Logger // told of each call; its lines may wait a little
	store    mpblock.Store
	platform *platform.Platform
	metrics  *ops.Metrics
	tls      *tls.Config
	trust    string    // the CA that clients are to trust, "" if they need not be told
	claimed  io.Closer // the data directory, where it keeps no store
	started  []running
	failed   chan error
	stopping context.Context
}

// running is something that listens.
type running struct {
	name string
	stop func(context.Context) error
}

// Run serves until it is told to stop.
func (c serveCmd) Run(ctx context.Context, t terminal) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.validate(); err != nil {
		return err
	}
	widen()
	throwAway, err := c.chooseData()
	if err != nil {
		return err
	}
	if throwAway {
		defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	}
	held := &lineBuffer{to: t.err}
	defer held.flush()
	s := &server{
		opts: c, log: newLogger(c.LogFormat, t.err), calls: newLogger(c.LogFormat, held),
		metrics: ops.New(version()), failed: make(chan error, 4), stopping: ctx,
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	address, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.greet(ctx, t, address, throwAway); err != nil {
		return err
	}
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		stop() // a second signal ends the process at once
		s.log.Info("stopping")
		return nil
	}
}

func (c *serveCmd) validate() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return failed(codeUsage, "mpblock serve --tls-cert FILE --tls-key FILE", "--tls-cert and --tls-key go together")
	}
	if c.CacheSize < 1 {
		return failed(codeUsage, "mpblock serve --cache-size 512", "--cache-size %d: want 1 MiB or more", c.CacheSize)
	}
	if c.PageSize < 1 || c.PageSize > platform.MaxPageSize {
		return failed(codeUsage, "mpblock serve --page-size 10000", "--page-size %d: want 1 to %d", c.PageSize, platform.MaxPageSize)
	}
	if c.Store != "" {
		if _, err := c.config(); err != nil {
			return err
		}
	}
	return c.consoleFlags.validate()
}

// chooseData settles where the data is; throwAway tells that it goes at the end.
func (c *serveCmd) chooseData() (throwAway bool, err error) {
	switch {
	case c.Data != "":
	case c.Demo:
		c.Data, err = os.MkdirTemp("", "mpblock-demo-")
		return err == nil, err
	default:
		c.Data = "./mpblock-data"
	}
	return false, nil
}

// blockShare is the part of --cache-size that is for blocks read from disk, one
// in so many; what is not written to tables takes some too, and the rest is for
// lists.
const blockShare = 8

// open opens the store and what stands on it.
func (s *server) open(ctx context.Context) error {
	store, lists, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	s.store = s.metrics.Wrap(listcache.New(store, lists))
	if err := refuseUnfinished(ctx, store); err != nil {
		return err
	}
	if s.opts.Demo {
		if err := fillDemo(ctx, s.store); err != nil {
			return fmt.Errorf("fill the demo: %w", err)
		}
	}
	if s.platform, err = platform.Open(ctx, s.store, platform.Options{PageSize: s.opts.PageSize}); err != nil {
		return err
	}
	return s.loadTLS()
}

// openStore opens the store, and returns how much memory there is for lists in
// front of it, in bytes.
func (s *server) openStore(ctx context.Context) (store mpblock.Store, lists int64, err error) {
	bytes := s.opts.CacheSize << 20
	if s.opts.Store != "" {
		if s.claimed, err = claim(s.opts.Data); err != nil {
			return nil, 0, err
		}
		o := s.opts.options(s.log)
		o.NoMigrate = s.opts.NoMigrate
		limitMemory(bytes, 0)
		store, err := s.opts.open(ctx, o)
		return store, bytes, err
	}
	blocks := bytes / blockShare
	lists = max(bytes-blocks-pebblestore.Unwritten, bytes/2)
	limitMemory(lists, blocks+pebblestore.Unwritten)
	embedded, err := pebblestore.Open(s.opts.Data, pebblestore.Options{CacheSize: blocks, Logger: s.log})
	if errors.Is(err, pebblestore.ErrInUse) {
		return nil, 0, inUse(s.opts.Data)
	}
	return embedded, lists, err
}

// listen opens the doors and returns the address of the API.
func (s *server) listen() (net.Addr, error) {
	adm, err := admin.Start(s.opts.Data, s.platform, s.log)
	if err != nil {
		return nil, err
	}
	s.started = append(s.started, running{"administration", adm.Close})
	if s.opts.OpsListen != "" {
		addr, err := s.serve("--ops-listen", s.opts.OpsListen, &http.Server{Handler: s.metrics.Handler(s.platform), ReadHeaderTimeout: 10 * time.Second})
		if err != nil {
			return nil, err
		}
		s.log.Info("metrics and profiles", "on", "http://"+addr.String())
	}
	routes, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.work()
	return s.serve("--listen", s.opts.Listen, &http.Server{
		Handler:           routes,
		TLSConfig:         s.tls,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	})
}

// serve has a server listen in the background.
func (s *server) serve(flag, address string, srv *http.Server) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, failed(codeFailed, "mpblock serve "+flag+" 127.0.0.1:0 takes any free port", "listen on %s: %w", address, err)
	}
	s.started = append(s.started, running{flag, srv.Shutdown})
	go func() {
		if srv.TLSConfig != nil {
			err = srv.ServeTLS(l, "", "")
		} else {
			srv.ConnContext = api.ConnContext
			err = srv.Serve(api.Listener(l))
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", address, err)
		}
	}()
	return l.Addr(), nil
}

// close drains and closes all that was opened.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for i := len(s.started) - 1; i >= 0; i-- {
		if err := s.started[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.started[i].name, err))
		}
	}
	if s.platform != nil {
		if err := s.platform.Close(ctx); err != nil {
			s.log.Warn("what was reserved of the quotas is not given back", "error", err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.claimed != nil {
		errs = append(errs, s.claimed.Close())
	}
	return errors.Join(errs...)
}

// routes hands each path to its part. It is not an http.ServeMux, which would
// answer /cgi-bin//token with a redirect where the platform answers 200.
func (s *server) routes() (http.Handler, error) {
	calls := api.New(api.Options{
		Platform: s.platform, RequireHTTPS: s.opts.RequireHTTPS, RID: s.opts.RID, Observe: s.observe,
	})
	page, err := s.console()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case len(p) >= 9 && p[:9] == "/cgi-bin/", p == "/cgi-bin":
			calls.ServeHTTP(w, r)
		case p == "/healthz":
			text(w, http.StatusOK, "ok\n")
		case p == "/readyz":
			s.ready(w, r)
		case p == "/openapi.yaml":
			w.Header().Set("Content-Type", "application/yaml")
			_, _ = w.Write(mpblock.OpenAPI)
		default:
			page.ServeHTTP(w, r)
		}
	}), nil
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s))
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Err() != nil {
		text(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.platform.Ready(ctx); err != nil {
		text(w, http.StatusServiceUnavailable, "not ready: "+err.Error()+"\n")
		return
	}
	text(w, http.StatusOK, "ready\n")
}

// observe writes the log line of a call and counts it.
func (s *server) observe(r api.Request) {
	s.metrics.Observe(r.Call, r.Code, r.Duration)
	if r.AppID != "" && r.Call != "" {
		s.platform.CountCall(r.AppID, r.Call, r.Code)
	}
	log, level := s.calls, slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("id", r.ID), slog.String("call", string(r.Call)), slog.Int("errcode", int(r.Code)),
		slog.Duration("took", r.Duration), slog.Int("bytes", r.Bytes), slog.String("appid", string(r.AppID)),
		slog.String("remote", r.Remote.String()),
	}
	if r.Call == "" {
		attrs = append(attrs, slog.String("method", r.Method))
	}
	if r.Err != nil && r.Err.Detail != "" {
		attrs = append(attrs, slog.String("detail", r.Err.Detail))
	}
	if r.Err != nil && r.Err.Err != nil {
		attrs = append(attrs, slog.String("cause", r.Err.Err.Error()))
		if !errors.Is(r.Err.Err, context.Canceled) { // the client went away: nobody's fault
			log, level = s.log, slog.LevelError
		}
	}
	log.LogAttrs(context.Background(), level, "call", attrs...)
}

// greet prints the line that says where the server is, and what to try.
func (s *server) greet(ctx context.Context, t terminal, address net.Addr, throwAway bool) error {
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	base := scheme + "://" + address.String()
	where := s.opts.Data
	if throwAway {
		where += ", removed at the end"
	}
	if s.opts.Store != "" {
		where += ", store " + named(s.opts.Store)
	}
	invitation, err := s.invitation(ctx, base)
	if err != nil {
		return err
	}
	t.printf("mpblock ready on %s (data in %s)\n", base, where)
	if invitation != "" {
		t.printf("\n%s", invitation)
	}
	if s.trust != "" {
		t.printf("\nIts certificate is of a CA of its own. Clients trust it with one of\n"+
			"    curl --cacert %[1]s ...\n    SSL_CERT_FILE=%[1]s            (Go)\n    NODE_EXTRA_CA_CERTS=%[1]s      (Node.js)\n", s.trust)
	}
	if s.opts.Demo {
		printDemo(t, base, s.trust)
	}
	if ap, err := netip.ParseAddrPort(address.String()); err == nil && !ap.Addr().IsLoopback() && s.tls == nil {
		s.log.Warn("secrets and tokens cross the network in the clear: use --tls-cert and --tls-key, or --tls-self-signed", "listen", address.String())
	}
	return nil
}
