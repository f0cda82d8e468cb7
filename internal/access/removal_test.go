package access

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

// naming returns the kinds of the records that name an account, in their key or value.
func naming(t *testing.T, store mpblock.Records, app mpblock.AppID) (kinds []string) {
	t.Helper()
	all, err := store.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range all {
		records, err := store.List(t.Context(), kind, "", 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(records, func(r mpblock.Record) bool { return strings.Contains(r.Key+" "+string(r.Value), string(app)) }) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// remove retires the account and removes it.
func (r *rig) remove() {
	r.t.Helper()
	_, err := r.UpdateAccount(r.t.Context(), r.account.AppID, func(a *mpblock.Account) error { a.Retired = true; return nil })
	if err := errors.Join(err, r.Remove(r.t.Context(), r.account.AppID)); err != nil {
		r.t.Fatal(err)
	}
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		app := r.account.AppID
		other, _ := addAccount(t, r.Service, NewAccount{Name: "other"})
		if _, err := r.SetPrefix(t.Context(), app, mpblock.Prefix{7}); err != nil { // the claim of the one before stays
			t.Fatal(err)
		}
		wantRefusal(t, r.Remove(t.Context(), app), "retire it first")
		if apps, err := r.Removing(t.Context()); err != nil || len(apps) > 0 {
			t.Errorf("after a refusal %q are being removed, %v", apps, err)
		}
		if _, err := r.UpdateAccount(t.Context(), app, func(a *mpblock.Account) error {
			a.Daily, a.Name = map[mpblock.Call]int{mpblock.CallList: 9}, "to go"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		node, tok := r.node(), r.plain()
		node.want(tok, wire.CodeOK)
		for range 3 {
			if err := r.ClearQuota(t.Context(), r.account, string(app)); err != nil {
				t.Fatal(err)
			}
			r.CountCall(app, mpblock.CallList, 0)
			r.CountCall(other.AppID, mpblock.CallList, 0)
			if err := r.WriteCalls(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour / 2)
		}
		tok = node.plain()
		node.want(tok, wire.CodeOK)

		r.remove()
		<-r.Removals()
		r.want(tok, wire.CodeBadToken)
		_, err := r.Token(t.Context(), r.credentials())
		wantCode(t, err, wire.CodeBadAppID)
		_, err = r.UpdateAccount(t.Context(), app, func(*mpblock.Account) error { t.Error("it is changed"); return nil })
		wantCode(t, err, wire.CodeBadAppID)
		wantCode(t, r.Remove(t.Context(), app), wire.CodeBadAppID)
		time.Sleep(time.Second)
		node.want(tok, wire.CodeBadToken)
		all, err := node.Accounts(t.Context(), "", 1)
		if err != nil || len(all) != 1 || all[0].AppID != other.AppID {
			t.Errorf("listed %v, %v", all, err)
		}
		_, _, err = r.AddAccount(t.Context(), NewAccount{AppID: app})
		wantRefusal(t, err, "was removed")

		for range 2 { // as after a crash
			if apps, err := node.Removing(t.Context()); err != nil || !slices.Equal(apps, []mpblock.AppID{app}) {
				t.Errorf("%q are being removed, %v", apps, err)
			}
			if err := node.Erase(t.Context(), app); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := node.Bury(t.Context(), app); err != nil {
				t.Fatal(err)
			}
		}
		if kinds := naming(t, r.store, app); !slices.Equal(kinds, []string{KindAccount}) {
			t.Errorf("it stands in records of %q", kinds)
		}
		rec, err := r.store.Get(t.Context(), KindAccount, string(app))
		if err != nil || !Gone(rec) || strings.Contains(string(rec.Value), "to go") {
			t.Errorf("left %s, %v", rec.Value, err)
		}
		if apps, err := r.Removing(t.Context()); err != nil || len(apps) > 0 {
			t.Errorf("%q are being removed still, %v", apps, err)
		}
		_, _, err = r.AddAccount(t.Context(), NewAccount{AppID: app})
		wantRefusal(t, err, "was removed")
		addAccount(t, r.Service, NewAccount{Prefix: &mpblock.Prefix{7}}) // which is free now
		if calls, err := r.CallsOf(t.Context(), other.AppID, mpblock.Day(time.Now().Add(-24*time.Hour))); err != nil || len(calls) != 1 {
			t.Errorf("the calls of the other account: %v, %v", calls, err)
		}
		if err := r.Bury(t.Context(), other.AppID); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Account(t.Context(), other.AppID); err != nil {
			t.Errorf("an account in use was buried: %v", err)
		}
	})
}

// What fails while an account is erased is told, wherever it fails.
func TestEraseFails(t *testing.T) {
	store := memstore.New()
	r := &rig{Service: open(t, store), t: t}
	r.account, r.secret = addAccount(t, r.Service, NewAccount{})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Erase(t.Context(), r.account.AppID) == nil || r.Bury(t.Context(), r.account.AppID) == nil {
		t.Error("a closed store is erased")
	}
	if _, err := r.Removing(t.Context()); err == nil {
		t.Error("a closed store has no accounts")
	}
}
