package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"mpblock/internal/admin"
	"mpblock/internal/api"
	"mpblock/internal/direct"
	"mpblock/internal/ops"
)

// Door is what a Server listens with.
type Door string

// The doors on the network.
const (
	DoorAPI Door = "api" // Config.Listen
	DoorOps Door = "ops" // Config.OpsListen

	DoorControl Door = "control" // Emulation.Listen
)

// ListenError says that an address cannot be listened on.
type ListenError struct {
	Door    Door
	Address string
	Err     error
}

func (e *ListenError) Error() string { return fmt.Sprintf("listen on %s: %v", e.Address, e.Err) }

// Unwrap returns what the system says.
func (e *ListenError) Unwrap() error { return e.Err }

// Start opens the doors that Config names, the API last, and begins the work in the
// background: jobs, and counts for the overview. It is called once. An address that
// cannot be listened on is a *ListenError. After an error the caller calls Close.
func (s *Server) Start() error {
	if s.cfg.Data != "" {
		var err error
		if s.admin, err = admin.Start(s.cfg.Data, s.administered(s.now()), s.cfg.Log); err != nil {
			return err
		}
	}
	var err error
	if s.cfg.OpsListen != "" {
		srv := &http.Server{Handler: s.metrics.Handler(
			func(ctx context.Context) (ops.Sizes, error) { return s.now().rules.sizes(ctx) },
			func(ctx context.Context) ([]ops.Mirror, error) { return s.now().rules.mirrors(ctx) },
		), ReadHeaderTimeout: headTime, ReadTimeout: readTime, IdleTimeout: idleTime}
		if s.ops, err = s.serve(DoorOps, s.cfg.OpsListen, srv, opsConns); err != nil {
			return err
		}
		s.cfg.Log.Info("metrics and profiles", "on", "http://"+s.ops.Addr().String())
	}
	if err = s.startControl(); err != nil {
		return err
	}
	s.working = true
	s.now().work(s.reportWork)
	if s.cfg.Listen != "" {
		s.api, err = s.serve(DoorAPI, s.cfg.Listen, &http.Server{
			Handler:           s.Handler(),
			TLSConfig:         s.tls,
			ReadHeaderTimeout: headTime,
			ReadTimeout:       readTime,
			WriteTimeout:      s.cfg.writeTime(),
			IdleTimeout:       idleTime,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		}, s.conns)
	}
	base := cmp.Or(s.cfg.PublicURL, s.URL())
	s.console.Store(&base)
	return err
}

// Console returns the base URL under which browsers find the console, as far as the
// server knows; "" while it is not served.
func (s *Server) Console() string {
	if base := s.console.Load(); base != nil {
		return *base
	}
	return ""
}

// administered is what the administration works through.
func (s *Server) administered(w *stack) admin.Rules {
	return admin.Rules{Access: w.rules.access, Operators: w.rules.operators, Lists: w.rules.lists, Jobs: w.rules.jobs, Remarks: w.rules.remarks, Audit: w.rules.audit, Upstream: w.rules.upstream, Webhooks: w.rules.webhooks, Backup: w.rules.backup, Console: s.Console}
}

// serve has a door answer in the background.
func (s *Server) serve(door Door, address string, srv *http.Server, conns int) (net.Listener, error) {
	l, err := s.listen("tcp", address)
	if err != nil {
		return nil, &ListenError{door, address, err}
	}
	s.http = append(s.http, srv)
	accept := s.front(door, capConns(l, srv, conns, s.cfg.Log), srv)
	go func() {
		var err error
		if srv.TLSConfig != nil {
			err = srv.ServeTLS(accept, "", "")
		} else {
			err = srv.Serve(accept)
		}
		if !errors.Is(err, http.ErrServerClosed) && !s.stopping.Load() { // the door may be shut before the server hears of it
			s.failed <- fmt.Errorf("serve %s: %w", address, err)
		}
	}()
	return l, nil
}

// front returns a listener that answers what calls of the API have in common by itself. An
// emulator bends answers by means that only net/http has.
func (s *Server) front(door Door, l *capped, srv *http.Server) net.Listener {
	if door != DoorAPI || srv.TLSConfig != nil || s.emulated != nil {
		return l
	}
	d := direct.Listen(l, direct.Options{
		Handler: srv.Handler, Takes: api.Short, First: headTime, Idle: idleTime, Write: answerTime, Ended: l.ended, Log: s.cfg.Log,
	})
	l.others = d
	s.direct = d
	return d
}

func (s *Server) reportWork(err error) { s.cfg.Log.Error("jobs and statistics", "error", err) }

// Addr returns where the API is listened for, nil before Start and without
// Config.Listen.
func (s *Server) Addr() net.Addr {
	if s.api == nil {
		return nil
	}
	return s.api.Addr()
}

// URL returns the base URL of the API and the console as this machine sees them, ""
// where there is no Addr. Where all addresses are listened on it is that of loopback.
func (s *Server) URL() string {
	if s.tls != nil {
		return urlOf(s.api, "https")
	}
	return urlOf(s.api, "http")
}

func urlOf(l net.Listener, scheme string) string {
	if l == nil {
		return ""
	}
	address := l.Addr().String()
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().IsUnspecified() {
		address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
	}
	return scheme + "://" + address
}

// URLOf returns the base URL under another name of this machine. It is called after
// Start, of a server with TLS.
func (s *Server) URLOf(name string) string {
	_, port, _ := net.SplitHostPort(s.api.Addr().String())
	return "https://" + strings.TrimSuffix(net.JoinHostPort(name, port), ":443")
}

// Failed returns a channel of errors after which a door is shut, which is not
// expected to happen: the caller calls Close.
func (s *Server) Failed() <-chan error { return s.failed }
