package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
	"mpblock/internal/lines"
	"mpblock/internal/memstore"
	"mpblock/internal/remarks"
)

// dying is a store of a node that dies at one of its writes.
type dying struct {
	mpblock.Store
	left int
}

var errDead = errors.New("the node is dead")

func (d *dying) write() error {
	if d.left--; d.left < 0 {
		return errDead
	}
	return nil
}

func (d *dying) Erase(ctx context.Context, app mpblock.AppID) error {
	return errors.Join(d.write(), ifAlive(d, func() error { return d.Store.Erase(ctx, app) }))
}

func (d *dying) Delete(ctx context.Context, kind, key string, version uint64) error {
	return errors.Join(d.write(), ifAlive(d, func() error { return d.Store.Delete(ctx, kind, key, version) }))
}

func (d *dying) Put(ctx context.Context, r mpblock.Record) (made mpblock.Record, err error) {
	err = errors.Join(d.write(), ifAlive(d, func() (err error) { made, err = d.Store.Put(ctx, r); return err }))
	return made, err
}

func ifAlive(d *dying, do func() error) error {
	if d.left < 0 {
		return nil
	}
	return do()
}

// pasted is a list of OpenIDs.
type pasted []mpblock.OpenID

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	for i, id := range p {
		if err := each(lines.Line{Number: i + 1, OpenID: id, Text: id.String()}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// used makes an account with something of everything that is kept of one.
func used(t *testing.T, r *rules, app mpblock.AppID) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	a, secret, err := r.access.AddAccount(ctx, access.NewAccount{AppID: app, Name: "of " + string(app)})
	must(err)
	var ids []mpblock.OpenID
	must(r.lists.MintFollowers(ctx, a, 9, func(made []mpblock.OpenID) error { ids = append(ids, made...); return nil }))
	_, err = r.lists.Apply(ctx, a, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids[:4], Actor: "test", Reason: "r"})
	must(err)
	must(r.lists.CatchUp(ctx, app))
	_, _, err = r.lists.Protection().Protect(ctx, a, audit.ByAdmin, "staff", ids[5:6])
	must(err)
	r.audit.Note(ctx, audit.OfPerson(audit.ByAdmin, audit.Protected, app, ids[5], "staff"))
	r.audit.Note(ctx, audit.OfPerson(audit.ByAdmin, audit.Unprotected, app, ids[6], ""))
	must(r.remarks.Import(ctx, a, "test", []remarks.Row{{OpenID: ids[0], Remark: remarks.Remark{Name: "n"}}}))
	j, err := r.jobs.Draft(ctx, a, "test", mpblock.Block, pasted(ids))
	must(err)
	_, err = r.jobs.Start(ctx, app, j.ID, "", time.Time{})
	must(err)
	_, err = r.removals.intake.Draft(ctx, a, "test", false, pasted(ids))
	must(err)
	_, err = r.access.UpdateAccount(ctx, app, func(a *mpblock.Account) error {
		a.Daily = map[mpblock.Call]int{mpblock.CallList: 5}
		return nil
	})
	must(err)
	token, err := r.access.Token(ctx, access.Credentials{GrantType: "client_credential", AppID: string(app), Secret: secret})
	must(err)
	_, err = r.access.Authorize(ctx, token.Value, mpblock.CallList, netip.Addr{})
	must(err)
	must(r.access.ClearQuota(ctx, a, string(app)))
	_, _, err = r.access.AddProgram(ctx, app, programs.New{Name: "crm", Scopes: programs.Scopes()})
	must(err)
	for kind, key := range map[string]string{"upstream": string(app), "upstreamline": string(app), "intent": string(app) + "/1",
		"webhook": string(app), "webhookplace": string(app), "webhooklog": string(app) + "/a"} {
		_, err = r.store.Put(ctx, mpblock.Record{Kind: kind, Key: key, Value: []byte("{}")})
		must(err)
	}
	r.access.CountCall(app, mpblock.CallList, 0)
	must(r.access.WriteCalls(ctx))
}

// kept returns all that a store has of an account: the kinds of records that name it, in
// key or value, and the sizes of its lists.
func kept(t *testing.T, store mpblock.Store, app mpblock.AppID) string {
	t.Helper()
	kinds, err := store.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, kind := range kinds {
		records, err := store.List(t.Context(), kind, "", 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(records, func(r mpblock.Record) bool { return strings.Contains(r.Key+string(r.Value), string(app)) }) {
			of = append(of, kind)
		}
	}
	f, err1 := store.Followers(t.Context(), app, mpblock.OpenID{}, 0)
	b, err2 := store.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(of, f.Total, b.Total, b.Seq)
}

const (
	leaving mpblock.AppID = "wx00000000000000aa"
	staying mpblock.AppID = "wx00000000000000ab"
)

func remove(t *testing.T, r *rules, app mpblock.AppID) {
	t.Helper()
	_, err := r.access.UpdateAccount(t.Context(), app, func(a *mpblock.Account) error { a.Retired = true; return nil })
	if err := errors.Join(err, r.access.Remove(t.Context(), app)); err != nil {
		t.Fatal(err)
	}
}

// A node that removes an account dies at each of its writes: another ends it, and nothing
// is left but that the account was there.
func TestRemovalGoesOn(t *testing.T) {
	const all, none = "[account audit calls clears digest followlist followplan intent job joblist jobqueue prefix protected quota remark token upstream upstreamline webhook webhooklog webhookplace] 9 4 1", "[account] 0 0 0"
	for writes := 0; ; writes++ {
		var died bool
		synctest.Test(t, func(t *testing.T) {
			store := memstore.New()
			r := rulesOver(t, store)
			for _, app := range []mpblock.AppID{leaving, staying} {
				used(t, r, app)
				if got := kept(t, store, app); got != all {
					t.Fatalf("an account in use has %s", got)
				}
			}
			remove(t, r, leaving)
			first := rulesOver(t, &dying{Store: store, left: writes})
			for range 3 { // until the account's record would be written
				if err := first.removals.run(t.Context()); err != nil {
					died = true
					break
				}
				time.Sleep(settle)
			}
			background(t, r, func() { time.Sleep(2*settle + removalsEvery) })
			if got := kept(t, store, leaving); got != none {
				t.Errorf("after %d writes of another: %s is left", writes, got)
			}
			if apps, err := r.access.Removing(t.Context()); err != nil || len(apps) > 0 {
				t.Errorf("%q are being removed, %v", apps, err)
			}
			if _, _, err := r.access.AddAccount(t.Context(), access.NewAccount{AppID: leaving}); err == nil {
				t.Error("the AppID is used again")
			}
			if _, err := r.access.Account(t.Context(), staying); err != nil {
				t.Error(err)
			}
			if got := kept(t, store, staying); !strings.HasSuffix(got, " 9 8 2") || !strings.Contains(got, "remark token upstream") {
				t.Errorf("of the other account %s is left", got) // its job is done, and one is protected
			}
		})
		if !died || t.Failed() {
			if writes < 10 {
				t.Errorf("a removal of %d writes", writes)
			}
			return
		}
	}
}

// background has the rules do what nobody waits for while something happens.
func background(t *testing.T, r *rules, while func()) {
	t.Helper()
	r.syncEvery = 0 // there is no platform
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx, func(err error) { t.Error(err) })
	}()
	while()
	cancel()
	<-done
}

// What another node writes after an account was erased, since it has not seen yet that it
// is gone, does not stay; and what that node kept in memory goes.
func TestRemovalMeetsLateWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r, late := rulesOver(t, store), rulesOver(t, store)
		used(t, r, leaving)
		a, err := late.access.Account(t.Context(), leaving)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := late.lists.Blacklist(t.Context(), a, ""); err != nil {
			t.Fatal(err)
		}
		background(t, r, func() {
			background(t, late, func() {
				synctest.Wait()
				remove(t, r, leaving)
				synctest.Wait()
				if got := kept(t, store, leaving); !strings.HasSuffix(got, "] 0 0 0") || strings.Contains(got, "remark") {
					t.Errorf("it is not erased at once: %s", got)
				}
				time.Sleep(settle / 2)
				id := mpblock.Mint(a.Prefix, a.Key, "late")
				if _, err := late.lists.Apply(t.Context(), a, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "late"}); err != nil {
					t.Fatal(err)
				}
				if err := late.remarks.Import(t.Context(), a, "late", []remarks.Row{{OpenID: id, Remark: remarks.Remark{Name: "late"}}}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * settle)
			})
		})
		if got := kept(t, store, leaving); got != "[account] 0 0 0" {
			t.Errorf("left: %s", got)
		}
	})
}
