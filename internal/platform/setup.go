package platform

import "context"

// Setup returns a token, good once and for LinkLife, with which the first operator
// is created (UseSetup); "" if there is an operator already. It takes the place of
// an earlier one.
func (p *Platform) Setup(ctx context.Context) (token string, err error) { return "", errSoon }

// NeedsSetup tells whether there is no operator yet.
func (p *Platform) NeedsSetup(ctx context.Context) (bool, error) { return false, errSoon }

// CheckSetup tells whether a token of Setup is good; if not it is a Refusal.
func (p *Platform) CheckSetup(ctx context.Context, token string) error { return errSoon }

// UseSetup creates the first operator, an admin, and logs it in. The token is good
// no more, unless name or password was refused.
func (p *Platform) UseSetup(ctx context.Context, token, name, password string) (Session, error) {
	return Session{}, errSoon
}

// DemoOperator is the name of the operator that the demo logs in.
const DemoOperator = "demo"

// Demo makes sure of an admin DemoOperator without a password, and returns a token,
// good once and for LinkLife, that logs it in (UseDemo).
func (p *Platform) Demo(ctx context.Context) (token string, err error) { return "", errSoon }

// UseDemo logs in whoever has a token of Demo.
func (p *Platform) UseDemo(ctx context.Context, token string) (Session, error) {
	return Session{}, errSoon
}

// RequireSecondFactor tells whether every operator must have a second factor.
func (p *Platform) RequireSecondFactor(ctx context.Context) (bool, error) { return false, errSoon }
