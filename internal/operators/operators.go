package operators

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mpblock"
)

// Limits of operators.
const (
	MaxOperatorName = 40  // bytes: lower-case letters, digits and . _ - @, the first a letter or digit
	MinPassword     = 10  // characters
	MaxPassword     = 256 // bytes
	MaxOperators    = 500
)

// LinkLife is how long a link that sets up, resets or shows the demo is good.
const LinkLife = 15 * time.Minute

// Role is what an operator may do. Each may do what the ones before it may.
type Role string

// The roles.
const (
	RoleViewer   Role = "viewer"   // looks
	RoleOperator Role = "operator" // blocks and unblocks
	RoleAdmin    Role = "admin"    // accounts and operators too; always over all accounts
)

// AtLeast tells whether a role may do what another may.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() }

// rank orders the roles.
func (r Role) rank() int { return slices.Index([]Role{RoleViewer, RoleOperator, RoleAdmin}, r) }

// Operator is a person who uses the console.
type Operator struct {
	Name         string
	Role         Role
	Accounts     []mpblock.AppID // those that it is limited to; empty: all
	Language     string          // "zh", "en", or "": as the browser asks
	Email        string          // by which OpenID Connect finds the operator for the first time; may be empty
	Disabled     bool
	HasPassword  bool
	SecondFactor bool // TOTP is set up
	Rows         int  // that a page of a list is to have; 0: no matter
	Recovery     int  // recovery codes that are left
	Identities   []Identity
	Created      time.Time
	LastLogin    time.Time // zero: never
}

// NewOperator is what an operator is created with, and, but for Name, what an admin
// can change later.
type NewOperator struct {
	Name     string
	Role     Role
	Accounts []mpblock.AppID
	Language string
	Email    string
}

// Identity is a person at an OpenID Connect provider.
type Identity struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// AddOperator creates an operator without a password, and returns a token, good
// once and for LinkLife, with which the operator chooses one (UseReset). A name
// in use or a field of the wrong form is a refusal.
func (svc *Service) AddOperator(ctx context.Context, n NewOperator) (Operator, string, error) {
	var out Operator
	var token string
	err := svc.editRoster(ctx, func(t *roster) error {
		o, err := t.add(n, svc.clock.Now())
		if err != nil {
			return err
		}
		token = o.Reset.Renew(svc.clock.Now(), LinkLife)
		out = o.view(n.Name)
		return nil
	})
	if err != nil {
		return Operator{}, "", err
	}
	return out, token, nil
}

// Operators returns all operators, by name.
func (svc *Service) Operators(ctx context.Context) ([]Operator, error) {
	t, err := svc.readRoster(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Operator, 0, len(t.Operators))
	for _, name := range t.names() {
		out = append(out, t.Operators[name].view(name))
	}
	return out, nil
}

// UpdateOperator changes role, accounts, language and email to those of n. The last
// admin who can log in cannot be demoted: a refusal.
func (svc *Service) UpdateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	if err := n.check(); err != nil {
		return Operator{}, err
	}
	return svc.editOperator(ctx, n.Name, func(t *roster, o *operatorRecord) error {
		return t.set(o, n)
	})
}

// DisableOperator lets an operator in no more and ends its sessions, or lets it in
// again. The last admin who can log in cannot be disabled: a
// refusal.
func (svc *Service) DisableOperator(ctx context.Context, name string, disabled bool) error {
	_, err := svc.editOperator(ctx, name, func(t *roster, o *operatorRecord) error {
		o.Disabled = disabled
		t.endSessions(o)
		return nil
	})
	return err
}

// DeleteOperator removes an operator and ends its sessions. The last admin who
// can log in cannot be removed: a refusal.
func (svc *Service) DeleteOperator(ctx context.Context, name string) error {
	return svc.editRoster(ctx, func(t *roster) error {
		if _, err := t.operator(name); err != nil {
			return err
		}
		delete(t.Operators, name)
		return nil
	})
}

// ResetOperator returns a token, good once and for LinkLife, with which an operator
// chooses a new password (UseReset); its second factor is then gone too. Until the
// token is used nothing changes. It takes the place of an earlier one, and ends when
// the operator chooses a password, is logged out everywhere or is disabled.
func (svc *Service) ResetOperator(ctx context.Context, name string) (token string, err error) {
	_, err = svc.editOperator(ctx, name, func(_ *roster, o *operatorRecord) error {
		token = o.Reset.Renew(svc.clock.Now(), LinkLife)
		return nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// resetOf returns the operator that a token of AddOperator or ResetOperator is for.
func (t *roster) resetOf(token string, now time.Time) (string, *operatorRecord, error) {
	for name, o := range t.Operators {
		if !o.Disabled && o.Reset.Good(token, now) {
			return name, o, nil
		}
	}
	return "", nil, badLink()
}

func badLink() error {
	return errLink.With(int(LinkLife.Minutes()))
}

// CheckReset returns the name of the operator that a token of AddOperator or
// ResetOperator is for; a refusal if it is not good (any more).
func (svc *Service) CheckReset(ctx context.Context, token string) (name string, err error) {
	t, err := svc.readRoster(ctx)
	if err != nil {
		return "", err
	}
	name, _, err = t.resetOf(token, svc.clock.Now())
	return name, err
}

// UseReset sets the operator's password, removes its second factor, ends its other
// sessions and logs it in. The token is good no more, unless the password was
// refused.
func (svc *Service) UseReset(ctx context.Context, token, password string) (Session, error) {
	name, err := svc.CheckReset(ctx, token)
	if err != nil {
		return Session{}, err
	}
	hash, err := svc.newPassword(ctx, name, password)
	if err != nil {
		return Session{}, err
	}
	var s Session
	err = svc.editRoster(ctx, func(t *roster) error {
		now := svc.clock.Now()
		name, o, err := t.resetOf(token, now)
		if err != nil {
			return err
		}
		o.Password = hash
		o.setFactor("", 0, nil)
		t.endSessions(o)
		s = o.enter(name, now)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// newPassword checks a password that an operator has chosen, and hashes it.
func (svc *Service) newPassword(ctx context.Context, name, password string) (string, error) {
	if err := checkPassword(name, password); err != nil {
		return "", err
	}
	return svc.hasher.Hash(ctx, password)
}

func checkPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < MinPassword || len(password) > MaxPassword || !utf8.ValidString(password):
		return errPasswordLength.With(n, MinPassword, MaxPassword)
	case strings.Contains(strings.ToLower(password), name) && len(name) > len(password)/2:
		return errPasswordName
	}
	return nil
}

// EndSessions logs an operator out everywhere, and ends a link to choose a password.
func (svc *Service) EndSessions(ctx context.Context, name string) error {
	_, err := svc.editOperator(ctx, name, func(t *roster, o *operatorRecord) error {
		t.endSessions(o)
		return nil
	})
	return err
}
