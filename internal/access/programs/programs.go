// Package programs has the programs of an account: named credentials beside the
// account's own secret, each with scopes, and with tokens of its own.
//
// It promises that the secret of a program that was rotated or revoked is good for
// nothing from the write on, and so are the tokens got with it: all credentials of an
// account are one record. Which account there is, and what is answered to whom, it leaves
// to others.
package programs

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/access/tokens"
	"mpblock/internal/record"
)

// Limits of programs.
const (
	Max     = 100               // of an account, those that were revoked not among them
	MaxName = tokens.MaxProgram // bytes
	// forgotten is how long what was revoked is shown, the last Max at least; longer than tokens live.
	forgotten = 30 * 24 * time.Hour
)

// Scope is what a program may do.
type Scope string

// The scopes.
const (
	Read  Scope = "read"
	Write Scope = "write"
	Feed  Scope = "feed"
)

// Scopes returns all of them.
func Scopes() []Scope { return []Scope{Read, Write, Feed} }

// Calls that take no scope, and those that take Read. All others take Write: whatever is
// passed on to the real platform may change something there.
var (
	free    = []mpblock.Call{mpblock.CallToken, mpblock.CallStableToken}
	reading = []mpblock.Call{mpblock.CallFollowers, mpblock.CallList, mpblock.CallUser, mpblock.CallUsers, mpblock.CallQuota, mpblock.CallRID}
)

// ScopeOf returns the scope that a call takes; "": none.
func ScopeOf(call mpblock.Call) Scope {
	switch {
	case slices.Contains(free, call):
		return ""
	case slices.Contains(reading, call):
		return Read
	}
	return Write
}

// Program is a named credential of an account.
type Program struct {
	Name       string
	SecretHash mpblock.SecretHash // zero of one that was revoked
	Scopes     []Scope            // in the order of Scopes; may be shared
	Made       time.Time
	By         string    // who made it, as in package audit
	Rotated    time.Time // when it was given another secret; zero: never
	Used       time.Time // last; a minute may be missing, and zero: never
	Revoked    time.Time // zero: it is good
}

// Has tells whether a program has a scope.
func (p Program) Has(s Scope) bool { return slices.Contains(p.Scopes, s) }

// With returns the scopes of a program and one more, as mpblock program scope takes them.
func (p Program) With(more Scope) string {
	var text string
	for _, s := range Scopes() {
		if s == more || p.Has(s) {
			text += " " + string(s)
		}
	}
	return text[1:]
}

// Actor is who changes bear that a program has made.
func (p Program) Actor() string { return mpblock.ActorProgram + p.Name }

// Kind is the kind of the records of credentials; their keys are AppIDs.
const Kind = record.Kind[Book]("token")

// Book is what the store keeps of an account's credentials: one record, so that whoever
// calls is known by one read that goes to one place. A list of records would be asked of
// each shard of a cluster, and the loss of one would stop all accounts.
type Book struct {
	tokens.State // got with the account's own secret

	Programs map[string]*stored `json:"programs,omitempty"` // by their names
	// Epochs is the last epoch that a program has had, so that a name which is used again
	// never has one of its former ones.
	Epochs uint64 `json:"epochs,omitempty"`
}

// stored is a program as the store keeps it. The epoch of its tokens is that of its
// secret, and another one once it is revoked.
type stored struct {
	SecretHash string       `json:"secret_hash,omitempty"`
	Scopes     []Scope      `json:"scopes"`
	Made       time.Time    `json:"made"`
	By         string       `json:"by"`
	Rotated    time.Time    `json:"rotated,omitzero"`
	Used       time.Time    `json:"used,omitzero"`
	Revoked    time.Time    `json:"revoked,omitzero"`
	Tokens     tokens.State `json:"tokens"`
}

func (v *stored) program(app mpblock.AppID, name string) (Program, error) {
	p := Program{Name: name, Scopes: v.Scopes, Made: v.Made, By: v.By, Rotated: v.Rotated, Used: v.Used, Revoked: v.Revoked}
	hash, err := hex.DecodeString(v.SecretHash)
	if err != nil || len(hash) != len(p.SecretHash) && v.Revoked.IsZero() {
		return Program{}, fmt.Errorf("access: the record of program %s of account %s is damaged", name, app)
	}
	copy(p.SecretHash[:], hash)
	return p, nil
}

// next returns the epoch of a program's next secret.
func (b *Book) next(now time.Time) uint64 {
	b.Epochs = max(b.Epochs+1, uint64(max(now.UnixMilli(), 0)))
	return b.Epochs
}

// Errors of those who look after programs.
var (
	ErrNone    = mpblock.NewError(mpblock.NotFound, "program.none", "account %s has no program %s")
	errName    = mpblock.NewError(mpblock.Invalid, "program.name", "%q is no name of a program: want 1 to %d of a-z, 0-9, dot, dash and underscore, a letter or digit first")
	errExists  = mpblock.NewError(mpblock.Conflict, "program.exists", "account %s has a program %s already: give it a new secret, or choose another name")
	errMany    = mpblock.NewError(mpblock.Limited, "program.many", "account %s has %d programs, the most there can be: revoke one that is not used")
	errScope   = mpblock.NewError(mpblock.Invalid, "program.scope", "there is no scope %q: the scopes are read, write and feed")
	errScopes  = mpblock.NewError(mpblock.Invalid, "program.scopes", "a program needs one scope at least: read, write, feed")
	errRevoked = mpblock.NewError(mpblock.Conflict, "program.revoked", "program %s was revoked: add it again, and it has a new secret")
	errSecret  = mpblock.NewError(mpblock.Invalid, "program.secret", "a secret is 32 lower-case hexadecimal digits, and no two programs of an account have the same; leave it out to have one made")
)

// ParseName reads the name of a program.
func ParseName(name string) (string, error) {
	if name == "" || len(name) > MaxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || strings.ContainsRune("._-", rune(name[0])) {
		return "", errName.With(name, MaxName)
	}
	return name, nil
}

// ParseScopes reads scopes, which come in any order and more than once.
func ParseScopes(texts []string) (all []Scope, err error) {
	for _, text := range texts {
		if !slices.Contains(Scopes(), Scope(text)) {
			return nil, errScope.With(text)
		}
	}
	for _, s := range Scopes() {
		if slices.Contains(texts, string(s)) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, errScopes
	}
	return all, nil
}

// Texts returns scopes as texts.
func Texts(scopes []Scope) []string {
	all := make([]string, len(scopes))
	for i, s := range scopes {
		all[i] = string(s)
	}
	return all
}

// New is what a program is made with.
type New struct {
	Name       string
	Scopes     []Scope
	By         string
	Secret     string              // 32 lower-case hexadecimal digits; "": one is made
	SecretHash *mpblock.SecretHash // of a secret that somebody has; then Secret is not given
}

// Store has the programs of a store. Its methods are safe for concurrent use.
type Store struct {
	Records mpblock.Records
	Clock   mpblock.Clock
	used    uses
}

// Add makes a program and returns it with its secret, which is not kept. A name that
// was revoked is taken again.
func (s *Store) Add(ctx context.Context, app mpblock.AppID, n New) (Program, string, error) {
	if _, err := ParseName(n.Name); err != nil {
		return Program{}, "", err
	}
	if len(n.Scopes) == 0 {
		return Program{}, "", errScopes
	}
	hash, err := n.hash()
	if err != nil {
		return Program{}, "", err
	}
	p, err := s.edit(ctx, app, n.Name, func(b *Book, now time.Time) error {
		if v := b.Programs[n.Name]; v != nil && v.Revoked.IsZero() {
			return errExists.With(app, n.Name)
		}
		if err := b.room(app, hash, now); err != nil {
			return err
		}
		if b.Programs == nil {
			b.Programs = map[string]*stored{}
		}
		b.Programs[n.Name] = &stored{SecretHash: hash.String(), Scopes: n.Scopes, Made: now, By: n.By, Tokens: tokens.State{Epoch: b.next(now)}}
		return nil
	})
	return p, n.Secret, err
}

func (n *New) hash() (mpblock.SecretHash, error) {
	switch {
	case n.SecretHash != nil:
		return *n.SecretHash, nil
	case n.Secret == "":
		n.Secret = newSecret()
	case len(n.Secret) != 32 || strings.Trim(n.Secret, "0123456789abcdef") != "":
		return mpblock.SecretHash{}, errSecret
	}
	return mpblock.HashSecret(n.Secret), nil
}

func newSecret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// room sees to it that one program more can be kept, with a secret that none has. What
// was revoked long ago makes room, and of what was revoked of late all but the last Max.
func (b *Book) room(app mpblock.AppID, hash mpblock.SecretHash, now time.Time) error {
	n := 0
	var revoked []string
	for name, v := range b.Programs {
		switch {
		case !v.Revoked.IsZero():
			revoked = append(revoked, name)
		case v.SecretHash == hash.String():
			return errSecret
		default:
			n++
		}
	}
	if n >= Max {
		return errMany.With(app, n)
	}
	slices.SortFunc(revoked, func(x, y string) int {
		return cmp.Or(b.Programs[y].Revoked.Compare(b.Programs[x].Revoked), cmp.Compare(x, y))
	})
	for i, name := range revoked {
		if i >= Max || now.Sub(b.Programs[name].Revoked) > forgotten {
			delete(b.Programs, name)
		}
	}
	return nil
}

// edit changes the record of an account's credentials, and returns a program as it then is.
func (s *Store) edit(ctx context.Context, app mpblock.AppID, name string, change func(*Book, time.Time) error) (Program, error) {
	e, err := Kind.Edit(ctx, s.Records, string(app), func(e *record.Entry[Book]) error {
		return change(&e.Value, s.Clock.Now().UTC().Truncate(time.Millisecond))
	})
	if err != nil {
		return Program{}, err
	}
	return e.Value.Programs[name].program(app, name)
}

// editOne changes a program that is not revoked.
func (s *Store) editOne(ctx context.Context, app mpblock.AppID, name string, change func(*Book, *stored, time.Time)) (Program, error) {
	if _, err := ParseName(name); err != nil {
		return Program{}, err
	}
	return s.edit(ctx, app, name, func(b *Book, now time.Time) error {
		v := b.Programs[name]
		switch {
		case v == nil:
			return ErrNone.With(app, name)
		case !v.Revoked.IsZero():
			return errRevoked.With(name)
		}
		change(b, v, now)
		return nil
	})
}

// Rotate gives a program a new secret and returns it.
func (s *Store) Rotate(ctx context.Context, app mpblock.AppID, name string) (Program, string, error) {
	secret := newSecret()
	p, err := s.editOne(ctx, app, name, func(b *Book, v *stored, now time.Time) {
		v.SecretHash, v.Rotated = mpblock.HashSecret(secret).String(), now
		v.Tokens = v.Tokens.Of(b.next(now))
	})
	if err != nil {
		return Program{}, "", err
	}
	return p, secret, nil
}

// SetScopes has a program do other things than before; its tokens stay.
func (s *Store) SetScopes(ctx context.Context, app mpblock.AppID, name string, scopes []Scope) (Program, error) {
	if len(scopes) == 0 {
		return Program{}, errScopes
	}
	return s.editOne(ctx, app, name, func(_ *Book, v *stored, _ time.Time) { v.Scopes = scopes })
}

// Revoke ends a program. It is shown for some time still.
func (s *Store) Revoke(ctx context.Context, app mpblock.AppID, name string) (Program, error) {
	return s.editOne(ctx, app, name, func(b *Book, v *stored, now time.Time) {
		v.Revoked, v.SecretHash = now, ""
		v.Tokens = tokens.State{Epoch: b.next(now)}
	})
}

// All returns the programs of an account in the order of their names, with those that
// were revoked.
func (s *Store) All(ctx context.Context, app mpblock.AppID) ([]Program, error) {
	e, err := Kind.Get(ctx, s.Records, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Program
	for _, name := range slices.Sorted(maps.Keys(e.Value.Programs)) {
		p, err := e.Value.Programs[name].program(app, name)
		if err != nil {
			return nil, err
		}
		if used := s.used.of(key{app, name}); used.After(p.Used) && !used.Before(p.Made) {
			p.Used = used
		}
		all = append(all, p)
	}
	return all, nil
}

// Erase removes all credentials of an account.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	s.used.forget(app)
	return Kind.Erase(ctx, s.Records, string(app))
}

// Credential is a program as callers meet it, at one time. It is shared: it is never
// changed.
type Credential struct {
	Program
	Named  string // the Actor of its changes
	Tokens tokens.State
	use    *use
}

// Set are the programs of an account by their names, with those that were revoked.
type Set map[string]*Credential

// Of returns the program that a secret is of, nil if there is none.
func (s Set) Of(secret string) *Credential {
	if len(s) == 0 {
		return nil
	}
	hash := mpblock.HashSecret(secret)
	for _, c := range s {
		if subtle.ConstantTimeCompare(hash[:], c.SecretHash[:]) == 1 {
			return c
		}
	}
	return nil
}

// Set returns the programs of an account's record as callers meet them.
func (s *Store) Set(app mpblock.AppID, b *Book) (Set, error) {
	if len(b.Programs) == 0 {
		return nil, nil
	}
	all := make(Set, len(b.Programs))
	for name, v := range b.Programs {
		p, err := v.program(app, name)
		if err != nil {
			return nil, err
		}
		all[name] = &Credential{Program: p, Named: p.Actor(), Tokens: v.Tokens, use: s.used.at(key{app, name})}
	}
	return all, nil
}

// EditTokens changes the tokens of a program, unless it has another secret than that
// with an epoch, or is revoked. It tells whether it has. Those who do so at once take turns.
func (s *Store) EditTokens(ctx context.Context, app mpblock.AppID, name string, epoch uint64, change func(*tokens.State)) (same bool, err error) {
	_, err = Kind.Edit(ctx, s.Records, string(app), func(e *record.Entry[Book]) error {
		v := e.Value.Programs[name]
		if same = v != nil && v.Revoked.IsZero() && v.Tokens.Epoch == epoch; !same {
			return record.ErrKeep
		}
		change(&v.Tokens)
		return nil
	})
	return same && err == nil, err
}
