package operators

import (
	"context"
	"slices"

	"mpblock/internal/operators/credentials"
	"mpblock/internal/operators/sessions"
)

// Self is an operator who works, as it sees and changes its own record. A Self is for
// one request.
type Self struct {
	svc      *Service
	operator Operator
	session  Session
	enrol    bool
}

// Self returns the operator of a session, or ErrLoggedOut.
func (svc *Service) Self(ctx context.Context, s Session) (*Self, error) {
	t, err := svc.readRoster(ctx)
	if err != nil {
		return nil, err
	}
	o := t.Operators[s.Name]
	if o == nil || o.Disabled || o.Epoch != s.Epoch {
		return nil, ErrLoggedOut
	}
	if s.ID == "" {
		if svc.clock.Now().Sub(s.Began) >= SessionLife {
			return nil, ErrLoggedOut
		}
	} else { // the note of the login ends with it
		in, err := svc.logins.See(ctx, s.Name, s.ID)
		if err != nil {
			return nil, err
		}
		if !in {
			return nil, ErrLoggedOut
		}
	}
	return &Self{
		svc: svc, operator: o.view(s.Name), session: s,
		// Who has no password comes by a provider or by the demo, which answer for it.
		enrol: t.RequireFactor && o.Factor == "" && o.Password != "",
	}, nil
}

// Operator returns who works.
func (me *Self) Operator() Operator { return me.operator }

// MustEnrol tells that the operator has to set up a second factor first: until then
// all but what concerns the operator itself is refused.
func (me *Self) MustEnrol() bool { return me.enrol }

// edit changes the operator's own record.
func (me *Self) edit(ctx context.Context, edit func(*roster, *operatorRecord) error) error {
	o, err := me.svc.editOperator(ctx, me.operator.Name, edit)
	if err == nil {
		me.operator = o
	}
	return err
}

// prove checks the operator's own password. Attempts count per operator alone: who is
// in is known. One without a password has none to prove.
func (me *Self) prove(ctx context.Context, password string) error {
	t, err := me.svc.readRoster(ctx)
	if err != nil {
		return err
	}
	o, err := t.operator(me.operator.Name)
	if err != nil || o.Password == "" {
		return err
	}
	own := count{credentials.HashToken("self/" + me.operator.Name), freeTries}
	if _, err := me.svc.reserveAttempt(ctx, own); err != nil {
		return err
	}
	ok, err := me.svc.hasher.Matches(ctx, true, o.Password, password)
	if err != nil {
		return err
	}
	if !ok {
		return errPasswordWrong
	}
	return me.svc.forget(ctx, own)
}

// ChangePassword replaces the operator's own password and ends its other sessions:
// the Session returned takes the place of the present one. A wrong old password is
// a refusal; too many of them are a *LoginError with TooMany.
func (me *Self) ChangePassword(ctx context.Context, old, password string) (Session, error) {
	if err := me.prove(ctx, old); err != nil {
		return Session{}, err
	}
	hash, err := me.svc.newPassword(ctx, me.operator.Name, password)
	if err != nil {
		return Session{}, err
	}
	s := me.session
	err = me.edit(ctx, func(t *roster, o *operatorRecord) error {
		if o.Epoch != me.session.Epoch {
			return ErrLoggedOut
		}
		o.Password = hash
		t.endSessions(o)
		s.Epoch = o.Epoch
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	me.session = s
	return s, nil
}

// Logins returns where the operator is in, the last seen first, and the id of the
// present one.
func (me *Self) Logins(ctx context.Context) (all []sessions.Login, own string, err error) {
	all, err = me.svc.logins.Of(ctx, me.operator.Name, me.session.Epoch)
	return all, me.session.ID, err
}

// EndLogin ends one of the operator's own logins.
func (me *Self) EndLogin(ctx context.Context, id string) error {
	return me.svc.logins.End(ctx, me.operator.Name, id)
}

// EndOthers ends the operator's other sessions: the Session returned takes the place of
// the present one.
func (me *Self) EndOthers(ctx context.Context) (Session, error) {
	s := me.session
	err := me.edit(ctx, func(t *roster, o *operatorRecord) error {
		if o.Epoch != me.session.Epoch {
			return ErrLoggedOut
		}
		t.endSessions(o)
		s.Epoch = o.Epoch
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	me.session = s
	return s, nil
}

// SetLanguage sets the operator's own language: "zh", "en" or "".
func (me *Self) SetLanguage(ctx context.Context, language string) error {
	if err := checkLanguage(language); err != nil {
		return err
	}
	return me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		o.Language = language
		return nil
	})
}

// PageRows returns how many rows operators may have a page of a list show.
func PageRows() []int { return []int{20, 50, 100, 200} }

// SetRows sets how many rows a page of a list shows to the operator: one of PageRows.
func (me *Self) SetRows(ctx context.Context, rows int) error {
	if !slices.Contains(PageRows(), rows) {
		return errRows.With(rows)
	}
	return me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		o.Rows = rows
		return nil
	})
}

// SecondFactor is a TOTP key that has not been confirmed.
type SecondFactor struct {
	Secret string // base32, to type in
	URL    string // otpauth://…, for a QR code
}

// NewSecondFactor makes a key for the operator; it counts once a code of it has been
// confirmed. It takes the place of an earlier one that was not confirmed.
func (me *Self) NewSecondFactor(ctx context.Context) (SecondFactor, error) {
	secret, url, err := credentials.NewFactor(me.operator.Name)
	if err != nil {
		return SecondFactor{}, err
	}
	err = me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		if o.Factor != "" {
			return errFactorExists
		}
		o.NewFactor = secret
		return nil
	})
	if err != nil {
		return SecondFactor{}, err
	}
	return SecondFactor{Secret: secret, URL: url}, nil
}

// ConfirmSecondFactor puts the new key into force if the code is one of its, and returns
// recovery codes, which cannot be shown again. A wrong code is a refusal.
func (me *Self) ConfirmSecondFactor(ctx context.Context, code string) ([]string, error) {
	codes, kept := credentials.NewRecovery()
	err := me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		if o.NewFactor == "" {
			return errFactorNoKey
		}
		step, ok := credentials.Step(o.NewFactor, code, me.svc.clock.Now())
		if !ok {
			return errFactorCode
		}
		o.setFactor(o.NewFactor, step, kept)
		return nil
	})
	if err != nil {
		return nil, err
	}
	me.enrol = false
	return codes, nil
}

// NewRecoveryCodes returns recovery codes that take the place of those before. Each is
// good once, in place of a code of the second factor. A wrong password is a refusal.
func (me *Self) NewRecoveryCodes(ctx context.Context, password string) ([]string, error) {
	if err := me.prove(ctx, password); err != nil {
		return nil, err
	}
	codes, kept := credentials.NewRecovery()
	err := me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		if o.Factor == "" {
			return errFactorNone
		}
		o.Recovery = kept
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveSecondFactor removes the operator's own second factor. A wrong password is a
// refusal, and so is removing it where it is required; too many of them are a
// *LoginError with TooMany.
func (me *Self) RemoveSecondFactor(ctx context.Context, password string) error {
	if err := me.prove(ctx, password); err != nil {
		return err
	}
	return me.edit(ctx, func(t *roster, o *operatorRecord) error {
		if t.RequireFactor {
			return errFactorRequired
		}
		o.setFactor("", 0, nil)
		return nil
	})
}

// Link links the operator to an identity, which the caller has verified. One that is
// linked to another operator is a refusal.
func (me *Self) Link(ctx context.Context, id Identity) error {
	if id.Issuer == "" || id.Subject == "" {
		return errNoIdentity
	}
	return me.edit(ctx, func(t *roster, o *operatorRecord) error {
		for _, other := range t.Operators {
			if other != o && slices.Contains(other.Identities, id) {
				return errIdentityTaken
			}
		}
		if slices.Contains(o.Identities, id) {
			return nil
		}
		if len(o.Identities) >= maxIdentities {
			return errManyIdentities.With(len(o.Identities))
		}
		o.Identities = append(o.Identities, id)
		return nil
	})
}

// Unlink removes a link. The only way to log in cannot be removed: a refusal.
func (me *Self) Unlink(ctx context.Context, id Identity) error {
	return me.edit(ctx, func(_ *roster, o *operatorRecord) error {
		o.Identities = slices.DeleteFunc(o.Identities, func(i Identity) bool { return i == id })
		if len(o.Identities) == 0 && o.Password == "" {
			return errLastIdentity
		}
		return nil
	})
}
