package operators

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/record"
)

// kindRoster is the kind of the one record that holds all operators. They are in
// one, since what must hold of all of them (there is always an admin who can log in,
// the first one is made once) then holds by its version, whatever nodes do at once.
const (
	kindRoster = record.Kind[roster]("operators")
	rosterKey  = "all"
)

// roster is all operators and what concerns all of them.
type roster struct {
	Operators     map[string]*operatorRecord `json:"operators"`
	Setup         credentials.Once           `json:"setup"`
	Demo          credentials.Once           `json:"demo"`
	RequireFactor bool                       `json:"require_second_factor,omitempty"`
	LastEpoch     uint64                     `json:"last_epoch"` // given to sessions of any operator; never used twice
}

// operatorRecord is an operator as the store keeps it.
type operatorRecord struct {
	Role       Role            `json:"role"`
	Accounts   []mpblock.AppID `json:"accounts,omitempty"`
	Language   string          `json:"language,omitempty"`
	Email      string          `json:"email,omitempty"`
	Disabled   bool            `json:"disabled,omitempty"`
	Password   string          `json:"password,omitempty"` // hashed
	Factor     string          `json:"totp,omitempty"`     // key of the second factor in base32
	NewFactor  string          `json:"new_totp,omitempty"` // one that is not confirmed
	FactorStep int64           `json:"totp_step,omitempty"`

	Rows     int                  `json:"rows,omitempty"`     // of a page of a list; 0: as it comes
	Recovery credentials.Recovery `json:"recovery,omitempty"` // codes that stand in for those of the factor

	Identities []Identity       `json:"identities,omitempty"`
	Addresses  []string         `json:"addresses,omitempty"` // that it has logged in from, the newest first
	Epoch      uint64           `json:"epoch"`
	Reset      credentials.Once `json:"reset"`
	Created    int64            `json:"created"`
	LastLogin  int64            `json:"last_login,omitempty"`
}

func (svc *Service) readRoster(ctx context.Context) (*roster, error) {
	e, err := kindRoster.Get(ctx, svc.store, rosterKey)
	if errors.Is(err, mpblock.ErrNotFound) {
		return &roster{Operators: map[string]*operatorRecord{}}, nil
	}
	return &e.Value, err
}

// editRoster changes the roster; edit may be called again if another node wrote in
// between. It refuses what would leave nobody who can administer.
func (svc *Service) editRoster(ctx context.Context, edit func(*roster) error) error {
	_, err := kindRoster.Edit(ctx, svc.store, rosterKey, func(e *record.Entry[roster]) error {
		t := &e.Value
		if t.Operators == nil {
			t.Operators = map[string]*operatorRecord{}
		}
		admins := t.admins()
		if err := edit(t); err != nil {
			return err
		}
		if admins > 0 && t.admins() == 0 {
			return errLastAdmin
		}
		if len(kindRoster.Record(*e).Value) > mpblock.MaxValue {
			return errRosterTooLarge.With(mpblock.MaxValue)
		}
		return nil
	})
	return err
}

// editOperator changes one operator.
func (svc *Service) editOperator(ctx context.Context, name string, edit func(*roster, *operatorRecord) error) (Operator, error) {
	var out Operator
	err := svc.editRoster(ctx, func(t *roster) error {
		o, err := t.operator(name)
		if err != nil {
			return err
		}
		if err := edit(t, o); err != nil {
			return err
		}
		out = o.view(name)
		return nil
	})
	return out, err
}

func (t *roster) operator(name string) (*operatorRecord, error) {
	o := t.Operators[name]
	if o == nil {
		return nil, errNoOperator.With(name)
	}
	return o, nil
}

// admins counts the admins who can log in.
func (t *roster) admins() int {
	n := 0
	for name, o := range t.Operators {
		if o.Role == RoleAdmin && o.canLogIn(name) {
			n++
		}
	}
	return n
}

// canLogIn tells whether an operator has the means to log in: one who was invited and
// has not come has none yet. The one of the demo comes by a link.
func (o *operatorRecord) canLogIn(name string) bool {
	return !o.Disabled && (o.Password != "" || len(o.Identities) > 0 || name == DemoOperator && o.LastLogin != 0)
}

// setFactor gives an operator a second factor, or with neither of them none.
func (o *operatorRecord) setFactor(secret string, step int64, codes credentials.Recovery) {
	o.Factor, o.NewFactor, o.FactorStep, o.Recovery = secret, "", step, codes
}

// endSessions ends all sessions of an operator that began before, and a link to choose
// a password that was not used.
func (t *roster) endSessions(o *operatorRecord) {
	t.LastEpoch++
	o.Epoch, o.Reset = t.LastEpoch, credentials.Once{}
}

// enter logs an operator in.
func (o *operatorRecord) enter(name string, now time.Time) Session {
	o.LastLogin = now.UnixMilli()
	return Session{Name: name, Epoch: o.Epoch, Began: now.UTC()}
}

func (o *operatorRecord) view(name string) Operator {
	v := Operator{
		Name: name, Role: o.Role, Accounts: slices.Clone(o.Accounts), Language: o.Language, Email: o.Email,
		Disabled: o.Disabled, HasPassword: o.Password != "", SecondFactor: o.Factor != "", Recovery: len(o.Recovery), Rows: o.Rows,
		Identities: slices.Clone(o.Identities), Created: time.UnixMilli(o.Created).UTC(),
	}
	if o.LastLogin != 0 {
		v.LastLogin = time.UnixMilli(o.LastLogin).UTC()
	}
	return v
}

// names returns the names of the operators in order.
func (t *roster) names() []string { return slices.Sorted(maps.Keys(t.Operators)) }

// add makes an operator.
func (t *roster) add(n NewOperator, now time.Time) (*operatorRecord, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if t.Operators[n.Name] != nil {
		return nil, errOperatorExists.With(n.Name)
	}
	if len(t.Operators) >= MaxOperators {
		return nil, errTooManyOperators.With(len(t.Operators))
	}
	o := &operatorRecord{Created: now.UnixMilli()}
	t.endSessions(o)
	if err := t.set(o, n); err != nil {
		return nil, err
	}
	t.Operators[n.Name] = o
	return o, nil
}

// set gives an operator the settings of n, which have been checked.
func (t *roster) set(o *operatorRecord, n NewOperator) error {
	for name, other := range t.Operators {
		if n.Email != "" && other != o && other.Email == n.Email {
			return errEmailTaken.With(n.Email, name)
		}
	}
	o.Role, o.Accounts, o.Language, o.Email = n.Role, n.Accounts, n.Language, n.Email
	return nil
}

// check tells what is wrong with the fields, and brings them into one form.
func (n *NewOperator) check() error {
	if err := checkOperatorName(n.Name); err != nil {
		return err
	}
	if n.Role != RoleViewer && n.Role != RoleOperator && n.Role != RoleAdmin {
		return errRole.With(string(n.Role))
	}
	if n.Role == RoleAdmin && len(n.Accounts) > 0 {
		return errAdminSeesAll.With(n.Name)
	}
	n.Accounts = slices.Clone(n.Accounts)
	slices.Sort(n.Accounts)
	n.Accounts = slices.Compact(n.Accounts)
	for _, app := range n.Accounts {
		if _, err := mpblock.ParseAppID(string(app)); err != nil {
			return errAppID.With(string(app))
		}
	}
	if err := checkLanguage(n.Language); err != nil {
		return err
	}
	n.Email = emailForm(n.Email)
	if at := strings.IndexByte(n.Email, '@'); n.Email != "" &&
		(at < 1 || at == len(n.Email)-1 || len(n.Email) > 254 || strings.ContainsFunc(n.Email, func(r rune) bool { return r <= ' ' })) {
		return errEmail.With(n.Email)
	}
	return nil
}

func checkOperatorName(name string) error {
	const first, rest = "abcdefghijklmnopqrstuvwxyz0123456789", "._-@"
	if name == "" || len(name) > MaxOperatorName || !strings.Contains(first, name[:1]) || strings.Trim(name, first+rest) != "" {
		return errName.With(name, MaxOperatorName)
	}
	return nil
}

func checkLanguage(language string) error {
	if language != "" && language != "zh" && language != "en" {
		return errLanguage.With(language)
	}
	return nil
}
