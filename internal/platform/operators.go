package platform

import (
	"context"
	"errors"
	"time"

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

var errSoon = errors.New("platform: not built yet")

// AddOperator creates an operator without a password, and returns a token, good
// once and for LinkLife, with which the operator chooses one (UseReset). A name
// in use or a field of the wrong form is a Refusal.
func (p *Platform) AddOperator(ctx context.Context, n NewOperator) (Operator, string, error) {
	return Operator{}, "", errSoon
}

// Operators returns all operators, by name.
func (p *Platform) Operators(ctx context.Context) ([]Operator, error) { return nil, errSoon }

// UpdateOperator changes role, accounts, language and email to those of n. The last
// enabled admin cannot be demoted: a Refusal.
func (p *Platform) UpdateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	return Operator{}, errSoon
}

// DisableOperator lets an operator in no more and ends its sessions, or lets it in
// again. The last enabled admin cannot be disabled: a Refusal.
func (p *Platform) DisableOperator(ctx context.Context, name string, disabled bool) error {
	return errSoon
}

// DeleteOperator removes an operator and ends its sessions. The last enabled admin
// cannot be removed: a Refusal.
func (p *Platform) DeleteOperator(ctx context.Context, name string) error { return errSoon }

// ResetOperator returns a token, good once and for LinkLife, with which an operator
// chooses a new password (UseReset); its second factor is then gone too. Until the
// token is used nothing changes. It takes the place of an earlier one.
func (p *Platform) ResetOperator(ctx context.Context, name string) (token string, err error) {
	return "", errSoon
}

// CheckReset returns the name of the operator that a token of AddOperator or
// ResetOperator is for; a Refusal if it is not good (any more).
func (p *Platform) CheckReset(ctx context.Context, token string) (name string, err error) {
	return "", errSoon
}

// UseReset sets the operator's password, removes its second factor, ends its other
// sessions and logs it in. The token is good no more, unless the password was
// refused.
func (p *Platform) UseReset(ctx context.Context, token, password string) (Session, error) {
	return Session{}, errSoon
}

// EndSessions logs an operator out everywhere.
func (p *Platform) EndSessions(ctx context.Context, name string) error { return errSoon }
