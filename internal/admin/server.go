package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
)

// Rules are what the administration works through.
type Rules struct {
	Access    *access.Service
	Operators *operators.Service
	Lists     *lists.Service
	Jobs      *jobs.Service
	Remarks   *remarks.Service
	Audit     *audit.Service
	Upstream  *upstream.Service
	Webhooks  *webhooks.Service
	Console   func() string                               // base URL of the console; "" while it is not served
	Backup    func(ctx context.Context, dir string) error // writes a copy of the store
}

// Server is the administration of a server, while it runs.
type Server struct {
	http    *http.Server
	handler atomic.Pointer[http.Handler]
	log     *slog.Logger
	socket  string
	done    chan struct{}
}

// Serve has the administration work through other rules from now on.
func (s *Server) Serve(rules Rules) {
	h := newHandler(rules, s.log)
	s.handler.Store(&h)
}

// Start listens on the socket in a data directory, which the caller alone uses:
// a socket that is there already is one that a killed process has left.
func Start(dir string, rules Rules, log *slog.Logger) (*Server, error) {
	socket := filepath.Join(dir, SocketName)
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket that another process has left: %w", err)
	}
	path, release, err := openSocketDir(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := listenPrivately(path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", socket, err)
	}
	s := &Server{socket: socket, log: log, done: make(chan struct{})}
	s.Serve(rules)
	present := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) })
	s.http = &http.Server{Handler: present, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("administration has ended", "error", err)
		}
	}()
	return s, nil
}

// Close lets requests under way finish while the context lasts, cuts those that do
// not, which is no error, and removes the socket.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if ctx.Err() != nil {
		err = s.http.Close()
	}
	<-s.done
	if gone := os.Remove(s.socket); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// handler answers the requests of clients.
type handler struct {
	rules   Rules
	log     *slog.Logger
	copying chan struct{} // held by the backup under way: two to the same place would spoil each other
}

func newHandler(rules Rules, log *slog.Logger) http.Handler {
	h := &handler{rules: rules, log: log, copying: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.Handle("POST /accounts", handle(h, h.add))
	mux.Handle("GET /accounts", handle(h, h.list))
	mux.Handle("GET /accounts/{app}", handle(h, h.show))
	mux.Handle("PATCH /accounts/{app}", handle(h, h.set))
	mux.Handle("DELETE /accounts/{app}", handle(h, h.remove))
	mux.Handle("POST /accounts/{app}/secret", handle(h, h.rotate))
	mux.Handle("POST /accounts/{app}/followers", handle(h, h.follow))
	mux.Handle("GET /accounts/{app}/remarks", handle(h, h.remarks))
	mux.Handle("POST /accounts/{app}/remarks", handle(h, h.setRemarks))
	mux.Handle("POST /accounts/{app}/forgotten", handle(h, h.forget))
	mux.Handle("POST /accounts/{app}/minted", handle(h, h.mint))
	mux.Handle("GET /accounts/{app}/jobs", handle(h, h.jobs))
	mux.Handle("POST /accounts/{app}/sync", handle(h, h.sync))
	mux.Handle("GET /accounts/{app}/upstream", handle(h, h.upstream))
	mux.Handle("PATCH /accounts/{app}/upstream", handle(h, h.setUpstream))
	mux.Handle("POST /accounts/{app}/doctor", handle(h, h.doctor))
	mux.Handle("PUT /accounts/{app}/upstream", handle(h, h.move))
	h.programRoutes(mux)
	h.webhookRoutes(mux)
	h.protectedRoutes(mux)
	mux.Handle("PUT /accounts/{app}/upstream/budget", handle(h, h.budget))
	mux.Handle("POST /operators", handle(h, h.addOperator))
	mux.Handle("GET /operators", handle(h, h.operators))
	mux.Handle("POST /operators/reset", handle(h, h.resetOperator))
	mux.Handle("POST /backup", handle(h, h.backup))
	return mux
}

// handle adapts a function from a request's body to an answer's.
func handle[In, Out any](h *handler, f func(*http.Request, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if r.ContentLength != 0 {
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
			d.DisallowUnknownFields()
			if err := d.Decode(&in); err != nil {
				h.write(w, http.StatusBadRequest, problem{Error: "the request cannot be read: " + err.Error(), Kind: mpblock.Invalid, Key: "request"})
				return
			}
		}
		out, err := f(r, in)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.write(w, http.StatusOK, out)
	})
}

func (h *handler) write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.log.Debug("administration: an answer was not read", "error", err)
	}
}

// statuses are those of the kinds of errors; any other is 500.
var statuses = map[mpblock.Kind]int{
	mpblock.Invalid:         http.StatusBadRequest,
	mpblock.NotFound:        http.StatusNotFound,
	mpblock.Conflict:        http.StatusConflict,
	mpblock.Forbidden:       http.StatusForbidden,
	mpblock.Unauthenticated: http.StatusUnauthorized,
	mpblock.Limited:         http.StatusTooManyRequests,
	mpblock.Unavailable:     http.StatusServiceUnavailable,
}

// fail answers with the message of an error, and with the cause of what is the server's
// fault: who may open the socket may read the log as well.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *mpblock.Error
	if errors.As(err, &e) && statuses[e.Kind] != 0 {
		h.write(w, statuses[e.Kind], problem{Error: message(e), Kind: e.Kind, Key: e.Key})
		return
	}
	h.log.Error("administration", "request", r.Method+" "+r.URL.Path, "error", err)
	h.write(w, http.StatusInternalServerError, problem{Error: err.Error(), Kind: mpblock.Internal})
}

// message is that of an error, and of the causes that may be shown.
func message(e *mpblock.Error) string {
	s := e.Message()
	var cause *mpblock.Error
	if errors.As(e.Err, &cause) {
		s += ": " + message(cause)
	}
	return s
}

type none struct{}

func (h *handler) add(r *http.Request, in NewAccount) (Created, error) {
	n := access.NewAccount{AppID: mpblock.AppID(in.AppID), Name: in.Name, AnyFollower: in.AnyFollower}
	if in.Prefix != "" {
		prefix, err := mpblock.ParsePrefix(in.Prefix)
		if err != nil {
			return Created{}, err
		}
		n.Prefix = &prefix
	}
	if in.Upstream != nil {
		if err := h.join(r.Context(), &n, *in.Upstream); err != nil {
			return Created{}, err
		}
	}
	a, secret, err := h.rules.Access.AddAccount(r.Context(), n)
	if err != nil {
		if n.Upstream != "" && h.rules.Access.Free(r.Context(), n.AppID) == nil { // it is no account's
			err = errors.Join(err, h.rules.Upstream.Erase(r.Context(), n.AppID))
		}
		return Created{}, err
	}
	h.log.Info("account added", "appid", a.AppID)
	h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountAdded, On: string(a.AppID)})
	return Created{Account: view(a, lists.Totals{}), Secret: secret}, nil
}

// listPage is how many accounts one answer lists.
const listPage = 500

func (h *handler) list(r *http.Request, _ none) ([]Account, error) {
	accounts, err := h.rules.Access.Accounts(r.Context(), mpblock.AppID(r.URL.Query().Get("after")), listPage)
	views := make([]Account, 0, len(accounts))
	for _, a := range accounts {
		t, err := h.rules.Lists.Totals(r.Context(), a.AppID)
		if err != nil {
			return nil, err
		}
		views = append(views, view(a, t))
	}
	return views, err
}

func (h *handler) show(r *http.Request, _ none) (Account, error) {
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	return h.whole(r, a, err)
}

func (h *handler) whole(r *http.Request, a *mpblock.Account, err error) (Account, error) {
	if err != nil {
		return Account{}, err
	}
	t, err := h.rules.Lists.Totals(r.Context(), a.AppID)
	return view(a, t), err
}

func appOf(r *http.Request) mpblock.AppID { return mpblock.AppID(r.PathValue("app")) }

func (h *handler) set(r *http.Request, in Settings) (Account, error) {
	was, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return Account{}, err
	}
	a, err := h.rules.Access.UpdateAccount(r.Context(), appOf(r), in.apply)
	if err == nil {
		h.log.Info("account changed", "appid", a.AppID)
		if fields := audit.Changed(was, a); len(fields) > 0 {
			h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSet, On: string(a.AppID), Fields: fields})
		}
	}
	return h.whole(r, a, err)
}

func (h *handler) rotate(r *http.Request, _ none) (secretAnswer, error) {
	secret, err := h.rules.Access.RotateSecret(r.Context(), appOf(r))
	if err == nil {
		h.log.Info("secret rotated", "appid", appOf(r))
		h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountSecret, On: string(appOf(r))})
	}
	return secretAnswer{secret}, err
}

func (h *handler) follow(r *http.Request, in idsBody) (addedAnswer, error) {
	ids, err := in.parse()
	if err != nil {
		return addedAnswer{}, err
	}
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return addedAnswer{}, err
	}
	n, err := h.rules.Lists.AddFollowers(r.Context(), a, ids)
	return addedAnswer{n}, err
}

func (in idsBody) parse() ([]mpblock.OpenID, error) {
	ids := make([]mpblock.OpenID, len(in.OpenIDs))
	for i, s := range in.OpenIDs {
		id, err := mpblock.ParseOpenID(s)
		if err != nil {
			return nil, mpblock.At(err, "OpenID %d", i+1)
		}
		ids[i] = id
	}
	return ids, nil
}

func (h *handler) mint(r *http.Request, in countBody) (idsBody, error) {
	if in.Count < 1 || in.Count > mpblock.MaxWrite {
		return idsBody{}, errMintCount.With(in.Count, mpblock.MaxWrite)
	}
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return idsBody{}, err
	}
	out := idsBody{OpenIDs: make([]string, 0, in.Count)}
	err = h.rules.Lists.MintFollowers(r.Context(), a, in.Count, func(ids []mpblock.OpenID) error {
		for _, id := range ids {
			out.OpenIDs = append(out.OpenIDs, id.String())
		}
		return nil
	})
	return out, err
}

func (h *handler) backup(r *http.Request, in dirBody) (none, error) {
	if !filepath.IsAbs(in.Dir) {
		return none{}, errBackupRelative
	}
	select {
	case h.copying <- struct{}{}:
		defer func() { <-h.copying }()
	case <-r.Context().Done():
		return none{}, r.Context().Err()
	}
	if _, err := os.Lstat(in.Dir); err == nil {
		return none{}, errBackupExists.With(in.Dir)
	}
	err := h.rules.Backup(r.Context(), in.Dir)
	if err == nil {
		h.log.Info("backup made", "dir", in.Dir)
	}
	return none{}, err
}

// listenPrivately listens on a socket that its owner alone can open, at any time.
func listenPrivately(path string) (net.Listener, error) {
	defer restrictNewFiles()()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the path may be a short form that is good only now
	return l, nil
}
