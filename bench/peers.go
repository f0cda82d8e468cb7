package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/bench/check"
	"mpblock/bench/peer"
	"mpblock/bench/process"
	"mpblock/internal/access"
	"mpblock/internal/api"
	"mpblock/internal/lists"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
)

// servePeer is this program started again as one of those that mpblock is held
// against, so that each has a process of its own as mpblock has.
func servePeer(ctx context.Context, kind, where, database string) error {
	var handler http.Handler
	switch kind {
	case "bare":
		page, err := os.ReadFile(where) //nolint:gosec // written by the parent
		if err != nil {
			return err
		}
		handler = bare(page)
	case "redis":
		h, err := overStore(ctx, peer.OpenRedis(where))
		if err != nil {
			return err
		}
		handler = h
	case check.OverRedis, check.OverMap:
		h, err := check.Peer(kind, where)
		if err != nil {
			return err
		}
		handler = h
	case "mariadb":
		store, err := peer.OpenMaria(where, database)
		if err != nil {
			return err
		}
		if handler, err = overStore(ctx, store); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no peer is called %q", kind)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("%s ready on http://%s\n", kind, l.Addr())
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bare is the bare handler: the same bytes for every request, from memory. A
// batch is read and answered, and nothing else.
func bare(page []byte) http.Handler {
	ok := []byte(`{"errcode":0,"errmsg":"ok"}`)
	answer := func(body []byte, read bool) http.HandlerFunc {
		length := strconv.Itoa(len(body))
		return func(w http.ResponseWriter, r *http.Request) {
			if read {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			w.Header().Set("Content-Type", "application/json; encoding=utf-8")
			w.Header().Set("Content-Length", length)
			_, _ = w.Write(body)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/cgi-bin/tags/members/getblacklist", answer(page, false))
	mux.Handle("/cgi-bin/tags/members/batchblacklist", answer(ok, true))
	mux.Handle("/cgi-bin/tags/members/batchunblacklist", answer(ok, true))
	return mux
}

// overStore serves the API over another store with the very rules and the very
// JSON of mpblock, so that what differs is the store, and nothing that a hand-made
// handler would forget to check. It writes no log and no metrics.
func overStore(ctx context.Context, store mpblock.Store) (http.Handler, error) {
	accounts, err := access.Open(ctx, store)
	if err != nil {
		return nil, err
	}
	if err := addAccount(ctx, accounts); err != nil {
		return nil, err
	}
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		return nil, err
	}
	return api.New(api.Options{Access: accounts, Lists: l}), nil
}

// addAccount adds the account whose blacklist is measured. It takes any OpenID of
// its prefix, so that batches of new ones need no registration first.
func addAccount(ctx context.Context, accounts *access.Service) error {
	prefix := storetest.Numbered(0).Prefix()
	_, _, err := accounts.AddAccount(ctx, access.NewAccount{
		AppID: testserver.DemoAppID, Secret: testserver.DemoSecret, Prefix: &prefix, AnyFollower: true,
	})
	return err
}

// startSelf starts this program as a peer, with settings of its environment like
// GOMAXPROCS=4.
func startSelf(dir, kind, where, database string, settings ...string) (*process.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := append([]string{"env"}, settings...)
	return process.Serve(dir, kind+"-handler"+strings.Join(settings, ""), append(command, self, "-peer", kind, "-at", where, "-database", database)...)
}

// startNginx has nginx send a page as a file, also to a POST.
func startNginx(ctx context.Context, dir string, page []byte) (*process.Process, error) {
	program, err := process.Need("nginx", "nginx")
	if err != nil {
		return nil, err
	}
	port, err := process.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "nginx")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "page"), page, 0o600); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(dir, port)), 0o600); err != nil {
		return nil, err
	}
	p, _, err := process.Launch(dir, "nginx", program, "-p", dir, "-c", conf)
	if err != nil {
		return nil, err
	}
	p.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	return p, p.Await(func() error {
		c, err := net.Dial("tcp", p.Addr)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// nginxSettings are those that matter to how fast it is.
const nginxSettings = "worker_processes 2; sendfile on; tcp_nopush on; open_file_cache max=10; access_log off; keepalive_requests 100000000"

func nginxConf(dir string, port int) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // else its workers may not read the page
	}
	settings := strings.Split(nginxSettings, "; ")
	return fmt.Sprintf(`%s daemon off; pid %[2]s/pid; error_log stderr; %[3]s;
events { worker_connections 512; }
http {
	%[4]s;
	client_body_temp_path %[2]s; proxy_temp_path %[2]s; fastcgi_temp_path %[2]s; uwsgi_temp_path %[2]s; scgi_temp_path %[2]s;
	server {
		listen 127.0.0.1:%[5]d;
		default_type "application/json; encoding=utf-8";
		error_page 405 =200 /page;
		location / { root %[2]s; try_files /page =404; }
	}
}
`, user, dir, settings[0], strings.Join(settings[1:], "; "), port)
}
