package seed

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/remarks"
)

// State is where a seed goes to and comes from: the rules over a store.
type State struct {
	Store   mpblock.Store
	Access  *access.Service
	Lists   *lists.Service
	Remarks *remarks.Service
}

// by is the actor of a change that nobody is named for.
const by = "seed"

// Fill makes the accounts of a seed. Those without an AppID get one that is the same in
// each run. Changes without a time are of now. After an error some may be made: a store
// that is filled is thrown away then.
func (s Seed) Fill(ctx context.Context, to State, now time.Time) error {
	for i := range s.Accounts {
		a := &s.Accounts[i]
		if err := a.fill(ctx, to, i, now); err != nil {
			return fmt.Errorf("account %d (%s): %w", i+1, cmp.Or(a.AppID, a.Name), err)
		}
	}
	return nil
}

func (a *Account) fill(ctx context.Context, to State, i int, now time.Time) error {
	n := access.NewAccount{
		AppID: mpblock.AppID(cmp.Or(a.AppID, fmt.Sprintf("wx5eed%012x", i+1))), Name: a.Name, Secret: a.Secret, AnyFollower: a.AnyFollower,
	}
	if err := a.keys(&n, i); err != nil {
		return err
	}
	made, _, err := to.Access.AddAccount(ctx, n)
	if err != nil {
		return err
	}
	if made, err = to.Access.UpdateAccount(ctx, made.AppID, a.settle); err != nil {
		return err
	}
	if err := a.addPrograms(ctx, to, made.AppID); err != nil {
		return err
	}
	followers, err := openids(a.Followers.OpenIDs)
	if err != nil {
		return err
	}
	for k := range a.Followers.Count {
		followers = append(followers, mpblock.Mint(made.Prefix, made.Key, fmt.Sprint("follower ", k+1)))
	}
	for batch := range slices.Chunk(followers, mpblock.MaxWrite) {
		if _, err := to.Store.AddFollowers(ctx, made.AppID, batch); err != nil {
			return err
		}
	}
	if err := a.block(ctx, to, made.AppID, followers, now); err != nil {
		return err
	}
	if err := a.remark(ctx, to, made); err != nil || !a.Retired {
		return err
	}
	_, err = to.Access.UpdateAccount(ctx, made.AppID, func(made *mpblock.Account) error {
		made.Retired = true
		return nil
	})
	return err
}

// keys settles prefix, key and the hash of the secret.
func (a *Account) keys(n *access.NewAccount, i int) (err error) {
	if n.Prefix, err = a.prefix(); err != nil {
		return err
	}
	if n.Prefix == nil {
		n.Prefix = &mpblock.Prefix{0x5e, 0xed, byte(i >> 8), byte(i)} //nolint:gosec // there are fewer accounts
	}
	n.Key = new(mpblock.Key)
	if err := fromHex(n.Key[:], a.MintKey, "mint_key"); err != nil || a.SecretHash == "" {
		return err
	}
	n.SecretHash = new(mpblock.SecretHash)
	return fromHex(n.SecretHash[:], a.SecretHash, "secret_hash")
}

func fromHex(into []byte, text, name string) error {
	if text == "" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(into) {
		return fmt.Errorf("%s: want %d hexadecimal digits", name, 2*len(into))
	}
	copy(into, b)
	return nil
}

func (a *Account) settle(made *mpblock.Account) (err error) {
	made.Reasons, made.ReasonRequired = a.Reasons, a.ReasonRequired
	if made.AllowIPs, err = a.networks(); err != nil {
		return err
	}
	if made.Denied, err = a.denied(); err != nil {
		return err
	}
	if made.Daily, err = quotas(a.Daily); err != nil {
		return err
	}
	made.PerMinute, err = quotas(a.PerMinute)
	return err
}

// block makes the changes of the blacklist, the oldest first.
func (a *Account) block(ctx context.Context, to State, app mpblock.AppID, followers []mpblock.OpenID, now time.Time) error {
	free := mpblock.Distinct(followers)
	slices.SortFunc(free, mpblock.OpenID.Compare)
	for i, c := range a.sorted() {
		ids, err := openids(c.OpenIDs)
		if err != nil {
			return err
		}
		if c.Count > len(free) {
			return fmt.Errorf("blacklist: change %d blocks %d followers, and %d are left", i+1, c.Count, len(free))
		}
		ids, free = append(ids, free[:c.Count]...), free[c.Count:]
		at := c.Time
		if at.IsZero() || at.After(now) {
			at = now
		}
		for batch := range slices.Chunk(ids, mpblock.MaxWrite) {
			b := mpblock.Batch{Action: mpblock.Block, OpenIDs: batch, Actor: cmp.Or(c.By, by), Reason: c.Reason, Time: at, Until: c.Until}
			if _, err := to.Store.Apply(ctx, app, b); err != nil {
				return fmt.Errorf("blacklist: change %d: %w", i+1, err)
			}
		}
	}
	return nil
}

func (a *Account) remark(ctx context.Context, to State, made *mpblock.Account) error {
	rows := make([]remarks.Row, len(a.Remarks))
	for i, r := range a.Remarks {
		id, err := mpblock.ParseOpenID(r.OpenID)
		if err != nil {
			return fmt.Errorf("remark %d: %w", i+1, err)
		}
		rows[i] = remarks.Row{OpenID: id, Remark: remarks.Remark{Name: r.Name, Remark: r.Remark}}
	}
	return to.Remarks.Import(ctx, made, by, rows)
}

// accountsAtOnce is how many accounts are read at a time.
const accountsAtOnce = 100

// Write writes what there is as a seed, NDJSON: accounts, followers, who is blocked since
// when, until when, by whom and why, and remarks. The log of changes that were taken back is not in
// it, nor are secrets: their hashes are.
func Write(ctx context.Context, w io.Writer, from State) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for after := mpblock.AppID(""); ; {
		accounts, err := from.Access.Accounts(ctx, after, accountsAtOnce)
		if err != nil {
			return err
		}
		if len(accounts) == 0 {
			return out.Flush()
		}
		for _, a := range accounts {
			if err := write(ctx, e, from, a); err != nil {
				return err
			}
			after = a.AppID
		}
	}
}

func write(ctx context.Context, to *json.Encoder, from State, a *mpblock.Account) error {
	head := accountOf(a)
	var err error
	if head.Programs, err = programsOf(ctx, from, a.AppID); err != nil {
		return err
	}
	if err := to.Encode(line{Account: head}); err != nil {
		return err
	}
	called := map[mpblock.OpenID]remarks.Remark{}
	for row, err := range from.Remarks.All(ctx, a.AppID, mpblock.OpenID{}) {
		if err != nil {
			return err
		}
		called[row.OpenID] = row.Remark
	}
	blocked := map[mpblock.OpenID]bool{}
	var entries []lists.EntryRow
	for row, err := range from.Lists.Export(ctx, a.AppID, lists.EntryQuery{}) {
		if err != nil {
			return err
		}
		entries = append(entries, row)
		blocked[row.OpenID] = true
	}
	for _, row := range slices.Backward(entries) { // the oldest first
		states, err := from.Lists.States(ctx, a.AppID, []mpblock.OpenID{row.OpenID})
		if err != nil {
			return err
		}
		l := line{
			OpenID: row.OpenID.String(), Follower: states[0].Follower, Blocked: true, Reason: row.Reason, By: row.Actor, Time: row.Time.UTC(), Until: row.Until,
			Name: called[row.OpenID].Name, Remark: called[row.OpenID].Remark,
		}
		if err := to.Encode(l); err != nil {
			return err
		}
		delete(called, row.OpenID)
	}
	return writeOthers(ctx, to, from, a.AppID, blocked, called)
}

// writeOthers writes those who follow and are not blocked, and those who are only called
// something.
func writeOthers(ctx context.Context, to *json.Encoder, from State, app mpblock.AppID, blocked map[mpblock.OpenID]bool, called map[mpblock.OpenID]remarks.Remark) error {
	for after := (mpblock.OpenID{}); ; {
		page, err := from.Store.Followers(ctx, app, after, mpblock.MaxWrite)
		if err != nil {
			return err
		}
		for _, id := range page.OpenIDs {
			if after = id; blocked[id] {
				continue
			}
			if err := to.Encode(line{OpenID: id.String(), Follower: true, Name: called[id].Name, Remark: called[id].Remark}); err != nil {
				return err
			}
			delete(called, id)
		}
		if len(page.OpenIDs) < mpblock.MaxWrite {
			break
		}
	}
	for id, r := range called {
		if err := to.Encode(line{OpenID: id.String(), Name: r.Name, Remark: r.Remark}); err != nil {
			return err
		}
	}
	return nil
}

func accountOf(a *mpblock.Account) *Account {
	out := &Account{
		AppID: string(a.AppID), Name: a.Name, SecretHash: a.SecretHash.String(), Prefix: a.Prefix.String(), MintKey: hex.EncodeToString(a.Key[:]),
		AnyFollower: a.AnyFollower, Reasons: a.Reasons, ReasonRequired: a.ReasonRequired, Retired: a.Retired,
		Daily: map[string]int{}, PerMinute: map[string]int{},
	}
	for _, n := range a.AllowIPs {
		out.AllowIPs = append(out.AllowIPs, n.String())
	}
	for _, c := range a.Denied {
		out.Denied = append(out.Denied, string(c))
	}
	for c, n := range a.Daily {
		out.Daily[string(c)] = n
	}
	for c, n := range a.PerMinute {
		out.PerMinute[string(c)] = n
	}
	return out
}
