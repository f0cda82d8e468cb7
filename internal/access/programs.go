package access

import (
	"context"
	"slices"

	"mpblock"
	"mpblock/internal/access/programs"
)

// Programs returns the programs of an account in the order of their names, with those
// that were revoked of late.
func (svc *Service) Programs(ctx context.Context, app mpblock.AppID) ([]programs.Program, error) {
	if _, err := svc.readAccount(ctx, app); err != nil {
		return nil, err
	}
	return svc.programs.All(ctx, app)
}

// Program returns a program by its name.
func (svc *Service) Program(ctx context.Context, app mpblock.AppID, name string) (programs.Program, error) {
	all, err := svc.Programs(ctx, app)
	if err != nil {
		return programs.Program{}, err
	}
	at := slices.IndexFunc(all, func(p programs.Program) bool { return p.Name == name })
	if at < 0 {
		return programs.Program{}, programs.ErrNone.With(app, name)
	}
	return all[at], nil
}

// AddProgram makes a program and returns it with its secret, which is not kept and
// cannot be shown again.
func (svc *Service) AddProgram(ctx context.Context, app mpblock.AppID, n programs.New) (p programs.Program, secret string, err error) {
	err = svc.changeProgram(ctx, app, func() error {
		p, secret, err = svc.programs.Add(ctx, app, n)
		return err
	})
	return p, secret, err
}

// RotateProgram gives a program a new secret and returns it. The old one and all access
// tokens got with it are bad from then on: here at once, on other nodes within a second.
func (svc *Service) RotateProgram(ctx context.Context, app mpblock.AppID, name string) (p programs.Program, secret string, err error) {
	err = svc.changeProgram(ctx, app, func() error {
		p, secret, err = svc.programs.Rotate(ctx, app, name)
		return err
	})
	return p, secret, err
}

// ScopeProgram has a program do other things than before; its tokens stay.
func (svc *Service) ScopeProgram(ctx context.Context, app mpblock.AppID, name string, scopes []programs.Scope) (p programs.Program, err error) {
	err = svc.changeProgram(ctx, app, func() error {
		p, err = svc.programs.SetScopes(ctx, app, name, scopes)
		return err
	})
	return p, err
}

// RevokeProgram ends a program, its secret and its tokens, as RotateProgram does.
func (svc *Service) RevokeProgram(ctx context.Context, app mpblock.AppID, name string) (p programs.Program, err error) {
	err = svc.changeProgram(ctx, app, func() error {
		p, err = svc.programs.Revoke(ctx, app, name)
		return err
	})
	return p, err
}

// changeProgram changes a program of an account that there is.
func (svc *Service) changeProgram(ctx context.Context, app mpblock.AppID, change func() error) error {
	if _, err := svc.readAccount(ctx, app); err != nil {
		return err
	}
	defer svc.cache.forget(app) // whatever came of it
	return change()
}
