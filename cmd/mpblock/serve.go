package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mpblock/cmd/mpblock/emulate"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/lists"
	"mpblock/internal/server"
)

type serveCmd struct {
	Listen        string        `help:"Address of the API, the console and the health checks. Default: ${default}." default:"127.0.0.1:8080" env:"MPBLOCK_LISTEN" placeholder:"HOST:PORT"`
	Data          string        `help:"Data directory; made if it is not there. Default: ./mpblock-data, with --demo a throw-away one." env:"MPBLOCK_DATA" placeholder:"DIR"`
	Demo          bool          `help:"Begin with the account of the document's own example: 30,000 followers, 23,000 of them blocked." env:"MPBLOCK_DEMO"`
	DemoLanguage  string        `help:"What the operators of --demo have written in: ${enum}. Default: Chinese where LC_ALL or LANG is." enum:"auto,en,zh" default:"auto" env:"MPBLOCK_DEMO_LANGUAGE"`
	ControlListen string        `help:"Be an emulator, which keeps all in memory, and listen here for faults, clock, reset and journal: see mpblock emulator. --demo without --data is one, at 127.0.0.1:8081 or any free port; off: without the door." env:"MPBLOCK_CONTROL_LISTEN" placeholder:"HOST:PORT"`
	Seed          string        `help:"Begin with the accounts, followers and blacklists of this file, YAML or NDJSON: an emulator's." env:"MPBLOCK_SEED" placeholder:"FILE" type:"existingfile"`
	Journal       int           `help:"Calls that an emulator keeps. Default: ${default}." default:"10000" env:"MPBLOCK_JOURNAL"`
	OpsListen     string        `help:"Address of metrics and profiles; off unless given." env:"MPBLOCK_OPS_LISTEN" placeholder:"HOST:PORT"`
	TLSCert       string        `help:"Certificate chain, PEM." env:"MPBLOCK_TLS_CERT" placeholder:"FILE" type:"existingfile" and:"tls" xor:"tls-cert"`
	TLSKey        string        `help:"Key of the certificate, PEM." env:"MPBLOCK_TLS_KEY" placeholder:"FILE" type:"existingfile" and:"tls"`
	TLSSelfSigned bool          `help:"Serve TLS with a certificate of a small CA, made once in the data directory." env:"MPBLOCK_TLS_SELF_SIGNED" xor:"tls-cert"`
	TLSName       []string      `name:"tls-name" help:"With --tls-self-signed: a name or address that the certificate is for, beside this machine's own and that of --listen; repeatable." env:"MPBLOCK_TLS_NAME" placeholder:"NAME"`
	RequireHTTPS  bool          `help:"Answer 43003 to calls without TLS." env:"MPBLOCK_REQUIRE_HTTPS"`
	PageSize      int           `help:"OpenIDs a page, 1 to 10000. Default: ${default}." default:"10000" env:"MPBLOCK_PAGE_SIZE"`
	TokenLife     time.Duration `help:"How long access tokens live: less, so that a client meets their end. Default: ${default}, as the platform's." default:"2h" env:"MPBLOCK_TOKEN_LIFE"`
	RID           bool          `name:"rid" help:"Put the request id behind the errmsg of errors, as today's real service does." env:"MPBLOCK_RID"`
	CacheSize     int64         `help:"Memory for lists and for blocks read from disk, in MiB. Default: ${default}." default:"512" env:"MPBLOCK_CACHE_SIZE" placeholder:"MIB"`
	database
	SealKeyFile    string        `help:"File with the key that seals the secrets of webhooks and of accounts with an upstream, 64 hexadecimal digits; made in the data directory when it is first needed, unless given. With --store it has to be given, the same on each node." env:"MPBLOCK_SEAL_KEY_FILE" placeholder:"FILE"`
	SyncEvery      time.Duration `help:"How often the lists of accounts with an upstream are read. Default: ${default}." default:"5m" env:"MPBLOCK_SYNC_EVERY"`
	WebhookPrivate bool          `help:"Let webhooks lead to addresses that are not public, as loopback and private networks, and be sent without TLS." env:"MPBLOCK_WEBHOOK_PRIVATE"`
	NoMigrate      bool          `help:"Refuse a database whose schema is not the newest, instead of bringing it there." env:"MPBLOCK_NO_MIGRATE"`
	LogFormat      string        `help:"Form of the log on stderr: ${enum}. Default: ${default}." enum:"text,json" default:"text" env:"MPBLOCK_LOG_FORMAT"`
	consoleFlags   `embed:"" group:"The console:"`
}

// Run serves until it is told to stop.
func (c serveCmd) Run(ctx context.Context, t ui.Terminal) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.validate(); err != nil {
		return err
	}
	emulates := c.emulates()
	throwAway, err := c.chooseData(emulates)
	if err != nil {
		return err
	}
	if throwAway {
		defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	}
	held := &lineBuffer{to: t.Err}
	defer held.flush()
	config, err := c.serverConfig(newLogger(c.LogFormat, t.Err), newLogger(c.LogFormat, held))
	if err != nil {
		return err
	}
	if emulates {
		if config.Emulate, err = c.emulation(); err != nil {
			return err
		}
	}
	c.prepareRuntime(config)
	s, err := server.Open(ctx, config)
	if err != nil {
		return explainServe(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Start(); err != nil {
		return explainServe(err)
	}
	if err := c.greet(ctx, t, s, throwAway && !emulates); err != nil {
		return err
	}
	select {
	case err := <-s.Failed():
		return err
	case <-ctx.Done():
		stop() // a second signal ends the process at once
		config.Log.Info("stopping")
		return nil
	}
}

// serverConfig returns what the flags ask for.
func (c *serveCmd) serverConfig(log, calls *slog.Logger) (server.Config, error) {
	provider, err := c.oidc()
	if err != nil {
		return server.Config{}, err
	}
	config := server.Config{
		Data: c.Data, CacheSize: c.CacheSize << 20, Demo: c.Demo, DemoLanguage: c.demoLanguage(),
		PageSize: c.PageSize, RequireHTTPS: c.RequireHTTPS, RID: c.RID, TokenLife: c.TokenLife,
		Listen: c.Listen, OpsListen: c.OpsListen,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, TLSSelfSigned: c.TLSSelfSigned, TLSNames: c.TLSName,
		PublicURL: c.PublicURL, OIDC: provider, SealKeyFile: c.SealKeyFile, SyncEvery: c.SyncEvery, WebhookPrivate: c.WebhookPrivate,
		Log: log, CallLog: calls, Version: version(),
	}
	if c.Store != "" {
		where, err := c.config()
		if err != nil {
			return server.Config{}, err
		}
		config.StoreTimeout = c.StoreTimeout
		config.Database = &server.Database{At: where, Conns: c.StoreConns, NoMigrate: c.NoMigrate}
	}
	return config, nil
}

// explainServe adds to an error of the server its exit code and what to do.
func explainServe(err error) error {
	var listen *server.ListenError
	var database *server.DatabaseError
	switch {
	case errors.Is(err, server.ErrInUse):
		return ui.Failure{Code: ui.CodeInUse, Err: err, Hint: "mpblock serve --data ANOTHER_DIRECTORY, or stop the other process"}
	case errors.Is(err, server.ErrUnfinishedCopy):
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "run that mpblock copy again: it goes on where it was"}
	case errors.As(err, &database):
		return explainDatabase(err)
	case errors.As(err, &listen):
		flag := "--listen"
		switch listen.Door {
		case server.DoorOps:
			flag = "--ops-listen"
		case server.DoorControl:
			flag = "--control-listen"
		case server.DoorAPI:
		}
		hint := "mpblock serve " + flag + " 127.0.0.1:0 takes any free port"
		var unknown *net.DNSError
		switch {
		case errors.Is(err, fs.ErrPermission):
			hint = "a port below 1024 is for root: run it as root, give it CAP_NET_BIND_SERVICE, or take another port and have the proxy or container map it"
		case errors.As(err, &unknown):
			hint = "to be reached under a name that is somebody else's, listen on an address, and name it to the certificate: --listen 127.0.0.1:443 --tls-self-signed --tls-name " + unknown.Name
		}
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: hint}
	}
	return err
}

func (c *serveCmd) validate() error {
	if c.TokenLife < time.Second || c.TokenLife > server.TokenLife {
		return ui.Failed(ui.CodeUsage, "mpblock serve --token-life 30s", "--token-life %v: want 1s to %v", c.TokenLife, server.TokenLife)
	}
	if len(c.TLSName) > 0 && !c.TLSSelfSigned {
		return ui.Failed(ui.CodeUsage, "mpblock serve --tls-self-signed --tls-name "+c.TLSName[0], "--tls-name is for the certificate of --tls-self-signed")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return ui.Failed(ui.CodeUsage, "mpblock serve --tls-cert FILE --tls-key FILE", "--tls-cert and --tls-key go together")
	}
	if err := c.validateEmulator(); err != nil {
		return err
	}
	if c.Listen == "" {
		return ui.Failed(ui.CodeUsage, "mpblock serve --listen 127.0.0.1:0 takes any free port", "--listen is empty")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		hint := "mpblock serve --listen 127.0.0.1:8080"
		if _, notPort := strconv.ParseUint(c.Listen, 10, 16); notPort == nil {
			hint = "mpblock serve --listen 127.0.0.1:" + c.Listen
		}
		return ui.Failed(ui.CodeUsage, hint, "--listen %s: %w", c.Listen, err)
	}
	if c.CacheSize < 1 {
		return ui.Failed(ui.CodeUsage, "mpblock serve --cache-size 512", "--cache-size %d: want 1 MiB or more", c.CacheSize)
	}
	if c.PageSize < 1 || c.PageSize > lists.MaxPageSize {
		return ui.Failed(ui.CodeUsage, "mpblock serve --page-size 10000", "--page-size %d: want 1 to %d", c.PageSize, lists.MaxPageSize)
	}
	if c.Store != "" {
		if _, err := c.config(); err != nil {
			return err
		}
	}
	return c.consoleFlags.validate()
}

// chooseData settles where the data is; throwAway tells that it goes at the end.
func (c *serveCmd) chooseData(emulates bool) (throwAway bool, err error) {
	switch {
	case c.Data != "":
	case c.Demo, emulates:
		c.Data, err = os.MkdirTemp("", "mpblock-demo-")
		return err == nil, err
	default:
		c.Data = "./mpblock-data"
	}
	return false, nil
}

// greet prints the line that says where the server is, and what to try.
func (c *serveCmd) greet(ctx context.Context, t ui.Terminal, s *server.Server, throwAway bool) error {
	base, address := s.URL(), s.Addr().String()
	where := "data in " + c.Data
	switch {
	case s.Emulator() != nil:
		where = "an emulator: all is in memory, gone at the end; administered by --data " + c.Data
	case throwAway:
		where += ", removed at the end"
	}
	if c.Store != "" {
		where += ", store " + named(c.Store)
	}
	invitation, err := c.invitation(ctx, s)
	if err != nil {
		return err
	}
	t.Printf("mpblock ready on %s (%s)\n", base, where)
	if at := s.ControlURL(); at != "" {
		t.Printf("  faults, clock, reset and journal: mpblock emulator status%s (%s)\n", emulate.Flag(at), at)
	}
	for _, name := range c.TLSName {
		t.Printf("  and as %s, where that name leads to this machine\n", s.URLOf(name))
	}
	if invitation != "" {
		t.Printf("\n%s", invitation)
	}
	if s.Trust() != "" {
		t.Printf("\nIts certificate is of a CA of its own. Clients trust it with one of\n"+
			"    curl --cacert %[1]s ...\n    SSL_CERT_FILE=%[1]s            (Go)\n    NODE_EXTRA_CA_CERTS=%[1]s      (Node.js)\n", s.Trust())
	}
	if c.Demo {
		printDemo(t, base, s.Trust())
	}
	c.warnControl(t, s)
	if ap, err := netip.ParseAddrPort(address); err == nil && !ap.Addr().IsLoopback() && strings.HasPrefix(base, "http:") {
		newLogger(c.LogFormat, t.Err).Warn("secrets and tokens cross the network in the clear: use --tls-cert and --tls-key, or --tls-self-signed", "listen", address)
	}
	return nil
}
