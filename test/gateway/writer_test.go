//go:build crash || mariadb

package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/testserver"
)

// wish is a change that was asked for.
type wish struct {
	action mpblock.Action
	reason string // of its own; "" over the API, which knows none
	actor  string
	sure   bool // it was acknowledged
	ids    []string
}

// writer changes OpenIDs of its own, in the console or over the API, and knows what it has
// asked for.
type writer struct {
	name   string
	ids    []string
	random *rand.Rand
	in     *http.Client // the console's; nil: it goes over the API
	wishes []wish
}

// try makes a change, and returns an error if the gateway is gone.
func (w *writer) try(s *testserver.Server, token string) error {
	x := wish{action: mpblock.Block, actor: "api"}
	for _, i := range w.random.Perm(len(w.ids))[:1+w.random.IntN(20)] {
		x.ids = append(x.ids, w.ids[i])
	}
	call := "batchblacklist"
	if w.random.IntN(3) == 0 {
		x.action, call = mpblock.Unblock, "batchunblacklist"
	}
	var err error
	if w.in == nil {
		var a testserver.Answer
		a, err = s.Post(http.DefaultClient, call, token, testserver.Batch(x.ids))
		x.sure = err == nil && a.Errcode == 0
	} else {
		x.actor, x.reason = "console:li.si", fmt.Sprintf("%s, change %d", w.name, len(w.wishes))
		var res *http.Response
		if res, err = w.in.PostForm(s.Base+"/a/"+testserver.DemoAppID+"/"+x.action.String(), url.Values{"openid": x.ids, "reason": {x.reason}}); err == nil {
			_ = res.Body.Close() // its status says it
			x.sure = res.StatusCode == http.StatusSeeOther && !strings.Contains(res.Header.Get("Location"), "/login")
		}
	}
	w.wishes = append(w.wishes, x)
	return err
}

// counts are what a test tells of at its end.
type counts struct{ changes, sure, lost, doubled, nobodys int }

func (c counts) String() string {
	return fmt.Sprintf("%d changes asked for, %d acknowledged: %d lost, %d doubled, %d without actor and reason", c.changes, c.sure, c.lost, c.doubled, c.nobodys)
}

// audit holds a writer's wishes to the changes of each of its OpenIDs in the log, oldest
// first, and adds what is wrong.
func (w *writer) audit(t *testing.T, log map[string][]mpblock.Change, first map[string]bool, n *counts) {
	t.Helper()
	byReason := map[string]bool{}
	for _, x := range w.wishes {
		byReason[x.reason] = true
		if n.changes++; x.sure {
			n.sure++
		}
	}
	for _, id := range w.ids {
		changes, blocked := log[id], first[id]
		for _, c := range changes {
			if c.Actor != "api" && (c.Actor != "console:li.si" || !byReason[c.Reason]) {
				n.nobodys++
				t.Errorf("%s: change %d is by %q, because %q", id, c.Seq, c.Actor, c.Reason)
			}
			if blocked == (c.Action == mpblock.Block) {
				n.doubled++
				t.Errorf("%s: change %d: %v twice", id, c.Seq, c.Action)
			}
			blocked = !blocked
		}
		w.follow(t, id, changes, first[id], n)
	}
}

// follow goes through the wishes about an OpenID beside its changes. What was not
// acknowledged may have happened or not: so several numbers of changes may have been made
// by then.
func (w *writer) follow(t *testing.T, id string, changes []mpblock.Change, blocked bool, n *counts) {
	t.Helper()
	made := map[int]bool{0: true}
	for _, x := range w.wishes {
		if !slices.Contains(x.ids, id) {
			continue
		}
		then := map[int]bool{}
		for k := range made {
			standing := blocked != (k%2 == 1)
			same := standing == (x.action == mpblock.Block)
			if same || !x.sure {
				then[k] = true
			}
			if !same && k < len(changes) && changes[k].Action == x.action && changes[k].Actor == x.actor && changes[k].Reason == x.reason {
				then[k+1] = true
			}
		}
		if made = then; len(made) == 0 {
			n.lost++
			t.Errorf("%s: %v by %s, because %q, was acknowledged and lost", id, x.action, x.actor, x.reason)
			return
		}
	}
	if !made[len(changes)] {
		n.doubled++
		t.Errorf("%s: of %d changes some were asked for by nobody", id, len(changes))
	}
}

// writers returns so many, half of them in the console, with 60 OpenIDs each.
func writers(n int, seed uint64, in *http.Client) []*writer {
	const each = 60
	var all []*writer
	for i := range n {
		w := &writer{name: fmt.Sprint("writer ", i), random: rand.New(rand.NewPCG(seed, uint64(i+1)))}
		if i%2 == 0 {
			w.in = in
		}
		for k := range each {
			w.ids = append(w.ids, fan(22_800+i*each+k)) // some are blocked, some not
		}
		all = append(all, w)
	}
	return all
}

// logOf returns the changes behind a seq, by the OpenIDs that they name.
func logOf(t *testing.T, store mpblock.Store, after uint64) map[string][]mpblock.Change {
	t.Helper()
	by := map[string][]mpblock.Change{}
	for {
		piece, err := store.Changes(t.Context(), testserver.DemoAppID, after, 1000)
		must(t, err)
		if len(piece) == 0 {
			return by
		}
		for _, c := range piece {
			after = c.Seq
			for _, id := range c.OpenIDs {
				by[id.String()] = append(by[id.String()], c)
			}
		}
	}
}

// equal holds two lists to each other.
func equal(t *testing.T, platform, mirror map[string]bool) {
	t.Helper()
	differ := 0
	for id := range platform {
		if !mirror[id] {
			differ++
		}
	}
	if differ > 0 || len(platform) != len(mirror) {
		t.Errorf("%d are blocked on the platform, %d in the mirror; %d are on the platform alone", len(platform), len(mirror), differ)
	}
}
