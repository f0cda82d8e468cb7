package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/memstore"
	"mpblock/internal/webhooks/post"
)

const app mpblock.AppID = "wx0123456789abcdef"

// got is a request that a receiver has got.
type got struct {
	at     time.Time
	host   string
	id     string
	valid  []bool // each signature, by the secrets in their order
	signed int
	body   payload
}

// receiver is all hosts that messages are sent to. Each takes what comes unless told
// otherwise.
type receiver struct {
	mu      sync.Mutex
	secrets []string
	all     []got
	answer  map[string]func(*http.Request) (int, error) // by host
	people  *people                                     // of whom nodes tell; nil: of nobody
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	g := got{at: time.Now(), host: req.URL.Host, id: req.Header.Get("webhook-id")}
	if err := json.Unmarshal(raw, &g.body); err != nil {
		return nil, err
	}
	signatures := strings.Fields(req.Header.Get("webhook-signature"))
	g.signed = len(signatures)
	r.mu.Lock()
	for _, secret := range r.secrets {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", g.id, req.Header.Get("webhook-timestamp"), raw)
		want, valid := "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), false
		for _, s := range signatures {
			valid = valid || s == want
		}
		g.valid = append(g.valid, valid)
	}
	r.all = append(r.all, g)
	answer := r.answer[g.host]
	r.mu.Unlock()
	code := 200
	if answer != nil {
		if code, err = answer(req); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(bytes.NewReader(nil)), Header: http.Header{}}, nil
}

// answers has a host answer with a status from now on.
func (r *receiver) answers(host string, code int) {
	r.does(host, func(*http.Request) (int, error) { return code, nil })
}

func (r *receiver) does(host string, answer func(*http.Request) (int, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer[host] = answer
}

// took returns what a host has got.
func (r *receiver) took(host string) (all []got) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.all {
		if g.host == host {
			all = append(all, g)
		}
	}
	return all
}

// open is a Sealer that any eye can open.
type open struct{}

func (open) Wrap(name, text string) (string, error) { return name + "|" + text, nil }

func (open) Unwrap(name, sealed string) (string, error) {
	text, ok := strings.CutPrefix(sealed, name+"|")
	if !ok {
		return "", errors.New("sealed for another")
	}
	return text, nil
}

// node is a server's part of the webhooks of a store.
type node struct {
	*Service
	t      *testing.T
	feed   *feed.Store
	cancel context.CancelFunc
	done   chan struct{}
	dead   *sync.Map // has "dead" once it was killed
}

// mortal is what a node has of something, until it is killed.
type mortal struct {
	mpblock.Store
	dead *sync.Map
}

var errKilled = errors.New("the node was killed")

func (m mortal) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if _, dead := m.dead.Load("dead"); dead {
		return mpblock.Record{}, errKilled
	}
	return m.Store.Put(ctx, r)
}

// start starts a node over a store. Alone says that there is no other.
func start(t *testing.T, store mpblock.Store, r *receiver, name string, clock mpblock.Clock) *node {
	t.Helper()
	n := &node{t: t, dead: &sync.Map{}, done: make(chan struct{})}
	poll := feed.DefaultPoll
	if name == "" {
		poll = 0
	}
	n.feed = feed.New(mortal{store, n.dead}, poll)
	if r.people != nil {
		n.feed.WithProtection(r.people.told)
	}
	n.Service = New(n.feed, Options{Feed: n.feed, Seal: open{}, Post: post.Over(r, false), Clock: clock, Node: name, Alone: name == ""})
	ctx, cancel := context.WithCancel(t.Context())
	n.cancel = sync.OnceFunc(func() { cancel(); <-n.done })
	go func() {
		defer close(n.done)
		n.Run(ctx, func(err error) {
			if !errors.Is(err, errKilled) {
				t.Errorf("node %s: %v", name, err)
			}
		})
	}()
	return n
}

// kill ends a node without a word: it writes nothing any more.
func (n *node) kill() {
	n.dead.Store("dead", true)
	n.cancel()
}

// add makes a webhook of all kinds, or of some.
func (n *node) add(r *receiver, name string, kinds ...feed.Kind) string {
	n.t.Helper()
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	_, secret, err := n.Add(n.t.Context(), app, NewHook{Name: name, URL: "https://" + name + ".example.com/hook", Events: kinds, By: "admin"})
	if err != nil {
		n.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, secret)
	return secret
}

// ids are OpenIDs, the same for the same numbers.
func ids(from, n int) (all []mpblock.OpenID) {
	for i := range n {
		all = append(all, mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, fmt.Sprint(from+i)))
	}
	return all
}

func (n *node) apply(b mpblock.Batch) mpblock.Change {
	n.t.Helper()
	if b.Actor == "" {
		b.Actor = "api:crm"
	}
	b.Time = n.Clock.Now()
	c, err := n.feed.Apply(n.t.Context(), app, b)
	if err != nil || c.Seq == 0 {
		n.t.Fatalf("Apply: %+v, %v", c, err)
	}
	return c
}

func world() (mpblock.Store, *receiver) {
	return memstore.New(), &receiver{answer: map[string]func(*http.Request) (int, error){}}
}
