package platform

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"mpblock"
)

// MaxName is how long the name of an account may be, in bytes of UTF-8.
const MaxName = 256

// accountRecord is an account as the store keeps it. The epoch counts its
// secrets: tokens bear it, so that a new secret and the end of all tokens got
// with the old one are a single write.
type accountRecord struct {
	Name        string               `json:"name"`
	SecretHash  string               `json:"secret_hash"`
	Prefix      string               `json:"prefix"`
	Key         string               `json:"key"`
	AnyFollower bool                 `json:"any_follower,omitempty"`
	AllowIPs    []netip.Prefix       `json:"allow_ips,omitempty"`
	Denied      []mpblock.Call       `json:"denied,omitempty"`
	Daily       map[mpblock.Call]int `json:"daily,omitempty"`
	PerMinute   map[mpblock.Call]int `json:"per_minute,omitempty"`
	Epoch       uint64               `json:"epoch"`
}

// versioned is an account as it was read.
type versioned struct {
	mpblock.Account
	epoch   uint64
	version uint64
}

func decode(r mpblock.Record, into any) error {
	if err := json.Unmarshal(r.Value, into); err != nil {
		return fmt.Errorf("platform: the record %s %s cannot be read: %w", r.Kind, r.Key, err)
	}
	return nil
}

func encode(kind, key string, version uint64, v any) mpblock.Record {
	value, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types of this package always can be
	}
	return mpblock.Record{Kind: kind, Key: key, Version: version, Value: value}
}

func (v versioned) record() mpblock.Record {
	a := v.Account
	return encode(KindAccount, string(a.AppID), v.version, accountRecord{
		Name: a.Name, SecretHash: a.SecretHash.String(), Prefix: a.Prefix.String(), Key: hex.EncodeToString(a.Key[:]),
		AnyFollower: a.AnyFollower, AllowIPs: a.AllowIPs, Denied: a.Denied, Daily: a.Daily, PerMinute: a.PerMinute,
		Epoch: v.epoch,
	})
}

func accountOf(r mpblock.Record) (versioned, error) {
	var rec accountRecord
	if err := decode(r, &rec); err != nil {
		return versioned{}, err
	}
	v := versioned{epoch: rec.Epoch, version: r.Version, Account: mpblock.Account{
		AppID: mpblock.AppID(r.Key), Name: rec.Name, AnyFollower: rec.AnyFollower,
		AllowIPs: rec.AllowIPs, Denied: rec.Denied, Daily: rec.Daily, PerMinute: rec.PerMinute,
	}}
	for _, f := range []struct {
		into []byte
		from string
	}{{v.SecretHash[:], rec.SecretHash}, {v.Prefix[:], rec.Prefix}, {v.Key[:], rec.Key}} {
		b, err := hex.DecodeString(f.from)
		if err != nil || len(b) != len(f.into) {
			return versioned{}, fmt.Errorf("platform: the record of account %s is damaged", r.Key)
		}
		copy(f.into, b)
	}
	return v, nil
}

func (p *Platform) readAccount(ctx context.Context, app mpblock.AppID) (versioned, error) {
	if _, err := mpblock.ParseAppID(string(app)); err != nil {
		return versioned{}, mpblock.Refuse(mpblock.CodeBadAppID, "%v", err)
	}
	r, err := p.store.Get(ctx, KindAccount, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return versioned{}, mpblock.Refuse(mpblock.CodeBadAppID, "there is no account %s here", app)
	}
	if err != nil {
		return versioned{}, err
	}
	return accountOf(r)
}

// NewAccount is what an account can be created with. Every zero field is chosen
// by the platform, at random where it must be unique or secret.
type NewAccount struct {
	AppID       mpblock.AppID
	Name        string
	Secret      string // 32 lower-case hexadecimal digits
	Prefix      *mpblock.Prefix
	Key         *mpblock.Key
	AnyFollower bool
}

// AddAccount creates an account and returns it with its secret, which is not
// kept and cannot be shown again. An AppID or prefix in use, or a field of the
// wrong form, is a Refusal.
func (p *Platform) AddAccount(ctx context.Context, n NewAccount) (*mpblock.Account, string, error) {
	if err := n.complete(); err != nil {
		return nil, "", err
	}
	if _, err := p.readAccount(ctx, n.AppID); err == nil {
		return nil, "", refuse("account %s exists already", n.AppID)
	} else if !isCode(err, mpblock.CodeBadAppID) {
		return nil, "", err
	}
	claim, prefix, err := p.claimPrefix(ctx, n)
	if err != nil {
		return nil, "", err
	}
	v := versioned{epoch: 1, Account: mpblock.Account{
		AppID: n.AppID, Name: n.Name, SecretHash: mpblock.HashSecret(n.Secret),
		Prefix: prefix, Key: *n.Key, AnyFollower: n.AnyFollower,
	}}
	r, err := p.store.Put(ctx, v.record())
	p.cache.forget(n.AppID)
	if errors.Is(err, mpblock.ErrConflict) {
		return nil, "", refuse("account %s exists already", n.AppID)
	}
	if err != nil {
		return nil, "", err
	}
	if err := p.confirmPrefix(ctx, claim, r); err != nil {
		return nil, "", err
	}
	return &v.Account, n.Secret, nil
}

// complete checks the fields that are given and chooses the others but the prefix.
func (n *NewAccount) complete() error {
	if n.AppID == "" {
		n.AppID = mpblock.AppID("wx" + randomHex(8))
	} else if _, err := mpblock.ParseAppID(string(n.AppID)); err != nil {
		return Refusal(err.Error())
	}
	if n.Secret == "" {
		n.Secret = randomHex(16)
	} else if len(n.Secret) != 32 || strings.Trim(n.Secret, "0123456789abcdef") != "" {
		return refuse("a secret is 32 lower-case hexadecimal digits; leave it out to have one made")
	}
	if n.Key == nil {
		n.Key = new(mpblock.Key)
		_, _ = rand.Read(n.Key[:])
	}
	return checkName(n.Name)
}

func checkName(name string) error {
	if len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return refuse("a name of %d bytes: want at most %d bytes of UTF-8 in one line", len(name), MaxName)
	}
	return nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func isCode(err error, code mpblock.Code) bool {
	var e *mpblock.Error
	return errors.As(err, &e) && e.Code == code
}

// Account returns an account, or an error with CodeBadAppID. It is the caller's
// own copy.
func (p *Platform) Account(ctx context.Context, app mpblock.AppID) (*mpblock.Account, error) {
	v, err := p.readAccount(ctx, app)
	if err != nil {
		return nil, err
	}
	return &v.Account, nil
}

// Accounts returns up to limit accounts with an AppID above after, in order.
func (p *Platform) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]*mpblock.Account, error) {
	records, err := p.store.List(ctx, KindAccount, string(after), limit)
	if err != nil {
		return nil, err
	}
	accounts := make([]*mpblock.Account, 0, len(records))
	for _, r := range records {
		v, err := accountOf(r)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, &v.Account)
	}
	return accounts, nil
}

// UpdateAccount changes an account's settings: edit is given a copy, and may be
// called again if another node wrote in between. AppID, prefix, key and secret
// cannot be changed this way. Settings that make no sense are a Refusal.
func (p *Platform) UpdateAccount(ctx context.Context, app mpblock.AppID, edit func(*mpblock.Account) error) (*mpblock.Account, error) {
	return p.rewrite(ctx, app, func(v *versioned) error {
		was := v.Account
		if err := edit(&v.Account); err != nil {
			return err
		}
		v.AppID, v.Prefix, v.Key, v.SecretHash = was.AppID, was.Prefix, was.Key, was.SecretHash
		return normalize(&v.Account)
	})
}

// RotateSecret gives an account a new secret and returns it. The old one and all
// access tokens got with it are bad from then on: here at once, on other nodes
// within a second.
func (p *Platform) RotateSecret(ctx context.Context, app mpblock.AppID) (string, error) {
	secret := randomHex(16)
	_, err := p.rewrite(ctx, app, func(v *versioned) error {
		v.SecretHash = mpblock.HashSecret(secret)
		v.epoch++
		return nil
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func (p *Platform) rewrite(ctx context.Context, app mpblock.AppID, edit func(*versioned) error) (*mpblock.Account, error) {
	for {
		v, err := p.readAccount(ctx, app)
		if err != nil {
			return nil, err
		}
		if err := edit(&v); err != nil {
			return nil, err
		}
		_, err = p.store.Put(ctx, v.record())
		p.cache.forget(app)
		if errors.Is(err, mpblock.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &v.Account, nil
	}
}

// normalize checks an account's settings and brings them into one form.
func normalize(a *mpblock.Account) error {
	if err := checkName(a.Name); err != nil {
		return err
	}
	for i, ip := range a.AllowIPs {
		if !ip.IsValid() {
			return refuse("an address on the allow-list is not one: want 192.0.2.7 or 192.0.2.0/24")
		}
		a.AllowIPs[i] = ip.Masked()
	}
	slices.SortFunc(a.AllowIPs, func(x, y netip.Prefix) int { return strings.Compare(x.String(), y.String()) })
	a.AllowIPs = slices.Compact(a.AllowIPs)
	slices.Sort(a.Denied)
	a.Denied = slices.Compact(a.Denied)
	for _, calls := range [][]mpblock.Call{a.Denied, slices.Collect(maps.Keys(a.Daily)), slices.Collect(maps.Keys(a.PerMinute))} {
		for _, call := range calls {
			if _, err := mpblock.ParseCall(string(call)); err != nil {
				return Refusal(err.Error())
			}
		}
	}
	for _, limits := range []map[mpblock.Call]int{a.Daily, a.PerMinute} {
		for call, n := range limits {
			if n < 0 {
				return refuse("a limit of %d for %s: want 0 (none may be made) or more", n, call)
			}
		}
	}
	return nil
}

// Sizes are how much the whole store holds.
type Sizes struct{ Accounts, Followers, Blocked int }

// Sizes adds up all accounts; it takes two small reads for each.
func (p *Platform) Sizes(ctx context.Context) (Sizes, error) {
	var s Sizes
	for after := mpblock.AppID(""); ; {
		accounts, err := p.Accounts(ctx, after, 1000)
		if err != nil || len(accounts) == 0 {
			return s, err
		}
		for _, a := range accounts {
			t, err := p.Totals(ctx, a.AppID)
			if err != nil {
				return s, err
			}
			s.Accounts++
			s.Followers += t.Followers
			s.Blocked += t.Blocked
			after = a.AppID
		}
	}
}
