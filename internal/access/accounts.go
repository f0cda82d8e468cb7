package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mpblock"
	"mpblock/internal/record"
)

// KindAccount is the kind of the records of accounts; their keys are AppIDs.
const KindAccount = "account"

const kindAccount = record.Kind[accountRecord](KindAccount)

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
	AnyPrefix   bool                 `json:"any_prefix,omitempty"`
	AllowIPs    []netip.Prefix       `json:"allow_ips,omitempty"`
	Denied      []mpblock.Call       `json:"denied,omitempty"`
	Daily       map[mpblock.Call]int `json:"daily,omitempty"`
	PerMinute   map[mpblock.Call]int `json:"per_minute,omitempty"`
	Epoch       uint64               `json:"epoch"`

	Reasons        []string `json:"reasons,omitempty"`
	ReasonRequired bool     `json:"reason_required,omitempty"`
	Retired        bool     `json:"retired,omitempty"`
	Upstream       string   `json:"upstream,omitempty"`
	Removal        removal  `json:"removal,omitempty"`
}

// versioned is an account as it was read.
type versioned struct {
	mpblock.Account
	epoch   uint64
	version uint64
	removal removal
}

func (v versioned) record() accountRecord {
	a := v.Account
	return accountRecord{
		Name: a.Name, SecretHash: a.SecretHash.String(), Prefix: a.Prefix.String(), Key: hex.EncodeToString(a.Key[:]),
		AnyFollower: a.AnyFollower, AnyPrefix: a.AnyPrefix, AllowIPs: a.AllowIPs, Denied: a.Denied, Daily: a.Daily, PerMinute: a.PerMinute,
		Epoch: v.epoch, Reasons: a.Reasons, ReasonRequired: a.ReasonRequired, Retired: a.Retired,
		Upstream: a.Upstream,
		Removal:  v.removal,
	}
}

// accountOf returns the account of a record; of one that is gone it is ErrNoAccount.
func accountOf(e record.Entry[accountRecord]) (versioned, error) {
	rec := e.Value
	if rec.Removal != "" {
		return versioned{}, ErrNoAccount.With(e.Key)
	}
	v := versioned{epoch: rec.Epoch, version: e.Version, Account: mpblock.Account{
		AppID: mpblock.AppID(e.Key), Name: rec.Name, AnyFollower: rec.AnyFollower, AnyPrefix: rec.AnyPrefix,
		AllowIPs: rec.AllowIPs, Denied: rec.Denied, Daily: rec.Daily, PerMinute: rec.PerMinute,
		Reasons: rec.Reasons, ReasonRequired: rec.ReasonRequired, Retired: rec.Retired,
		Upstream: rec.Upstream,
	}}
	for _, f := range []struct {
		into []byte
		from string
	}{{v.SecretHash[:], rec.SecretHash}, {v.Prefix[:], rec.Prefix}, {v.Key[:], rec.Key}} {
		b, err := hex.DecodeString(f.from)
		if err != nil || len(b) != len(f.into) {
			return versioned{}, fmt.Errorf("access: the record of account %s is damaged", e.Key)
		}
		copy(f.into, b)
	}
	return v, nil
}

func (svc *Service) readAccount(ctx context.Context, app mpblock.AppID) (versioned, error) {
	if _, err := mpblock.ParseAppID(string(app)); err != nil {
		return versioned{}, err
	}
	e, err := kindAccount.Get(ctx, svc.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return versioned{}, ErrNoAccount.With(app)
	}
	if err != nil {
		return versioned{}, err
	}
	return accountOf(e)
}

// ErrNoAccount is the error of what is to be done with an account that there is not.
var ErrNoAccount = mpblock.NewError(mpblock.NotFound, "account.none", "there is no account %s here")

// NewAccount is what an account can be created with. Every zero field is chosen
// by the platform, at random where it must be unique or secret.
type NewAccount struct {
	AppID       mpblock.AppID
	Name        string
	Secret      string              // 32 lower-case hexadecimal digits
	SecretHash  *mpblock.SecretHash // of a secret that somebody has; then Secret is not given
	Prefix      *mpblock.Prefix
	Key         *mpblock.Key
	AnyFollower bool
	Upstream    string
}

// AddAccount creates an account and returns it with its secret, which is not
// kept and cannot be shown again. An AppID or prefix in use, or a field of the
// wrong form, is a refusal.
func (svc *Service) AddAccount(ctx context.Context, n NewAccount) (*mpblock.Account, string, error) {
	if err := n.complete(); err != nil {
		return nil, "", err
	}
	if err := svc.Free(ctx, n.AppID); err != nil {
		return nil, "", err
	}
	claim, prefix, err := svc.claimPrefix(ctx, n)
	if err != nil {
		return nil, "", err
	}
	v := versioned{epoch: 1, Account: mpblock.Account{
		AppID: n.AppID, Name: n.Name, SecretHash: *n.SecretHash,
		Prefix: prefix, Key: *n.Key, AnyFollower: n.AnyFollower, Upstream: n.Upstream,
	}}
	made, err := kindAccount.Put(ctx, svc.store, record.Entry[accountRecord]{Key: string(n.AppID), Value: v.record()})
	svc.cache.forget(n.AppID)
	if errors.Is(err, mpblock.ErrConflict) {
		return nil, "", errAccountExists.With(n.AppID)
	}
	if err != nil {
		return nil, "", err
	}
	if err := svc.confirmPrefix(ctx, claim, made); err != nil {
		return nil, "", err
	}
	return &v.Account, n.Secret, nil
}

// complete checks the fields that are given and chooses the others but the prefix.
func (n *NewAccount) complete() error {
	if n.AppID == "" {
		n.AppID = mpblock.AppID("wx" + randomHex(8))
	} else if _, err := mpblock.ParseAppID(string(n.AppID)); err != nil {
		return err
	}
	if n.Secret == "" {
		n.Secret = randomHex(16)
	} else if len(n.Secret) != 32 || strings.Trim(n.Secret, "0123456789abcdef") != "" {
		return errSecretShape
	}
	if n.SecretHash == nil {
		hash := mpblock.HashSecret(n.Secret)
		n.SecretHash = &hash
	}
	if n.Key == nil {
		n.Key = new(mpblock.Key)
		_, _ = rand.Read(n.Key[:])
	}
	return checkName(n.Name)
}

func checkName(name string) error {
	if len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return errName.With(len(name), MaxName)
	}
	return nil
}

// Account returns an account, or ErrNoAccount. It is the caller's own copy.
func (svc *Service) Account(ctx context.Context, app mpblock.AppID) (*mpblock.Account, error) {
	v, err := svc.readAccount(ctx, app)
	if err != nil {
		return nil, err
	}
	return &v.Account, nil
}

// Accounts returns up to limit accounts with an AppID above after, in order.
func (svc *Service) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]*mpblock.Account, error) {
	var accounts []*mpblock.Account
	if limit <= 0 {
		return nil, nil
	}
	for e, err := range kindAccount.UnderAfter(ctx, svc.store, "", string(after), min(limit, accountsAtOnce)) {
		if err != nil {
			return nil, err
		}
		v, err := accountOf(e)
		if errors.Is(err, ErrNoAccount) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if accounts = append(accounts, &v.Account); len(accounts) == limit {
			break
		}
	}
	return accounts, nil
}

// UpdateAccount changes an account's settings: edit is given a copy, and may be
// called again if another node wrote in between. AppID, prefix, key and secret
// cannot be changed this way, nor whether there is an upstream. Settings that make no
// sense are a refusal.
func (svc *Service) UpdateAccount(ctx context.Context, app mpblock.AppID, edit func(*mpblock.Account) error) (*mpblock.Account, error) {
	return svc.rewrite(ctx, app, func(v *versioned) error {
		was := v.Account
		if err := edit(&v.Account); err != nil {
			return err
		}
		v.AppID, v.Prefix, v.Key, v.SecretHash = was.AppID, was.Prefix, was.Key, was.SecretHash
		if was.Upstream == "" || v.Upstream == "" {
			v.Upstream = was.Upstream
		}
		return normalize(&v.Account)
	})
}

// RotateSecret gives an account a new secret and returns it. The old one and all
// access tokens got with it are bad from then on: here at once, on other nodes
// within a second.
func (svc *Service) RotateSecret(ctx context.Context, app mpblock.AppID) (string, error) {
	secret := randomHex(16)
	_, err := svc.rewrite(ctx, app, func(v *versioned) error {
		v.SecretHash = mpblock.HashSecret(secret)
		v.epoch++
		return nil
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func (svc *Service) rewrite(ctx context.Context, app mpblock.AppID, edit func(*versioned) error) (*mpblock.Account, error) {
	if _, err := mpblock.ParseAppID(string(app)); err != nil {
		return nil, err
	}
	defer svc.cache.forget(app) // whatever came of it
	var v versioned
	_, err := kindAccount.Edit(ctx, svc.store, string(app), func(e *record.Entry[accountRecord]) (err error) {
		if e.Version == 0 {
			return ErrNoAccount.With(app)
		}
		if v, err = accountOf(*e); err != nil {
			return err
		}
		if err := edit(&v); err != nil {
			return err
		}
		e.Value = v.record()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &v.Account, nil
}

// normalize checks an account's settings and brings them into one form.
func normalize(a *mpblock.Account) error {
	if err := checkName(a.Name); err != nil {
		return err
	}
	if err := normalizeReasons(a); err != nil {
		return err
	}
	for i, ip := range a.AllowIPs {
		if !ip.IsValid() {
			return errAddressShape
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
				return err
			}
		}
	}
	for _, limits := range []map[mpblock.Call]int{a.Daily, a.PerMinute} {
		for call, n := range limits {
			if n < 0 {
				return errLimit.With(n, call)
			}
		}
	}
	return nil
}

// MaxReasons is how many reasons an account offers.
const MaxReasons = 30

// normalizeReasons brings the reasons that an account offers into one form, in their
// order: none is empty or there twice.
func normalizeReasons(a *mpblock.Account) error {
	var kept []string
	for _, r := range a.Reasons {
		r = strings.TrimSpace(r)
		if r == "" || slices.Contains(kept, r) {
			continue
		}
		if len(r) > mpblock.MaxReason || !utf8.ValidString(r) || strings.ContainsFunc(r, unicode.IsControl) {
			return errReason.With(len(r), mpblock.MaxReason)
		}
		kept = append(kept, r)
	}
	if len(kept) > MaxReasons {
		return errReasons.With(len(kept), MaxReasons)
	}
	a.Reasons = kept
	return nil
}

// ParseNetwork reads an address or a network of an allow-list; its error is a
// refusal.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return n, errNetwork.With(s)
	}
	return n.Masked(), nil
}
