package operators

import (
	"context"
	"time"

	"mpblock/internal/operators/credentials"
	"mpblock/internal/record"
)

// Setup returns a token, good once and for LinkLife, with which the first operator
// is created (UseSetup); "" if there is an operator already. It takes the place of
// an earlier one.
func (svc *Service) Setup(ctx context.Context) (token string, err error) {
	err = svc.editRoster(ctx, func(t *roster) error {
		token = ""
		if len(t.Operators) == 0 {
			token = t.Setup.Renew(svc.clock.Now(), LinkLife)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// NeedsSetup tells whether there is no operator yet.
func (svc *Service) NeedsSetup(ctx context.Context) (bool, error) {
	t, err := svc.readRoster(ctx)
	return err == nil && len(t.Operators) == 0, err
}

func (t *roster) checkSetup(token string, now time.Time) error {
	if len(t.Operators) > 0 {
		return errSetupDone
	}
	if !t.Setup.Good(token, now) {
		return badLink()
	}
	return nil
}

// CheckSetup tells whether a token of Setup is good; if not it is a refusal.
func (svc *Service) CheckSetup(ctx context.Context, token string) error {
	t, err := svc.readRoster(ctx)
	if err != nil {
		return err
	}
	return t.checkSetup(token, svc.clock.Now())
}

// UseSetup creates the first operator, an admin, and logs it in. The token is good
// no more, unless name or password was refused.
func (svc *Service) UseSetup(ctx context.Context, token, name, password string) (Session, error) {
	if err := svc.CheckSetup(ctx, token); err != nil {
		return Session{}, err
	}
	if err := checkOperatorName(name); err != nil {
		return Session{}, err
	}
	hash, err := svc.newPassword(ctx, name, password)
	if err != nil {
		return Session{}, err
	}
	var s Session
	err = svc.editRoster(ctx, func(t *roster) error {
		now := svc.clock.Now()
		if err := t.checkSetup(token, now); err != nil {
			return err
		}
		o, err := t.add(NewOperator{Name: name, Role: RoleAdmin}, now)
		if err != nil {
			return err
		}
		o.Password, t.Setup = hash, credentials.Once{}
		s = o.enter(name, now)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// DemoOperator is the name of the operator that the demo logs in.
const DemoOperator = "demo"

// Demo makes sure of an admin DemoOperator without a password, and returns a token,
// good once and for LinkLife, that logs it in (UseDemo). It returns "" where an
// operator of that name logs in by itself (has a password) or has been made another
// one (is disabled, or no admin): a demo that was kept is no way round that.
func (svc *Service) Demo(ctx context.Context) (token string, err error) {
	err = svc.editRoster(ctx, func(t *roster) error {
		o := t.Operators[DemoOperator]
		if o == nil {
			var err error
			if o, err = t.add(NewOperator{Name: DemoOperator, Role: RoleAdmin}, svc.clock.Now()); err != nil {
				return err
			}
		}
		if o.Password != "" || o.Disabled || o.Role != RoleAdmin {
			token = ""
			return record.ErrKeep
		}
		token = t.Demo.Renew(svc.clock.Now(), LinkLife)
		return nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// UseDemo logs in whoever has a token of Demo. Who is at the machine itself may use it
// again and for longer, until the operator has chosen a password.
func (svc *Service) UseDemo(ctx context.Context, token string, here bool) (Session, error) {
	var s Session
	_, err := svc.editOperator(ctx, DemoOperator, func(t *roster, o *operatorRecord) error {
		now := svc.clock.Now()
		again := here && o.Password == "" && t.Demo.Is(token)
		if !again && !t.Demo.Good(token, now) || o.Disabled {
			return badLink()
		}
		t.Demo.Expires = 0 // spent
		s = o.enter(DemoOperator, now)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// RequireSecondFactor tells whether every operator must have a second factor.
func (svc *Service) RequireSecondFactor(ctx context.Context) (bool, error) {
	t, err := svc.readRoster(ctx)
	return err == nil && t.RequireFactor, err
}

// SetRequireSecondFactor demands a second factor of every operator with a password,
// or does so no more, on behalf of an operator who must have one itself.
func (svc *Service) SetRequireSecondFactor(ctx context.Context, by string, required bool) error {
	_, err := svc.editOperator(ctx, by, func(t *roster, o *operatorRecord) error {
		if required && o.Factor == "" {
			return errFactorOwnFirst
		}
		t.RequireFactor = required
		return nil
	})
	return err
}
