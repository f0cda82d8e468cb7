package desk

import (
	"context"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
	"mpblock/internal/operators"
)

// ProgramNames returns the names of the programs of an account that are good.
func (d *Desk) ProgramNames(ctx context.Context, app mpblock.AppID) ([]string, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	all, err := d.office.access.Programs(ctx, app)
	var names []string
	for _, p := range all {
		if p.Revoked.IsZero() {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// Programs returns the programs of an account, with those that were revoked of late. For
// admins.
func (d *Desk) Programs(ctx context.Context, app mpblock.AppID) ([]programs.Program, error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return nil, err
	}
	return d.office.access.Programs(ctx, app)
}

// AddProgram makes a program and returns its secret, which cannot be shown again. For
// admins.
func (d *Desk) AddProgram(ctx context.Context, app mpblock.AppID, name string, scopes []programs.Scope) (secret string, err error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return "", err
	}
	p, secret, err := d.office.access.AddProgram(ctx, app, programs.New{Name: name, Scopes: scopes, By: d.actor()})
	return secret, d.changedProgram(ctx, audit.ProgramAdded, app, p, err)
}

// RotateProgram gives a program a new secret, which cannot be shown again. For admins.
func (d *Desk) RotateProgram(ctx context.Context, app mpblock.AppID, name string) (secret string, err error) {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return "", err
	}
	p, secret, err := d.office.access.RotateProgram(ctx, app, name)
	return secret, d.changedProgram(ctx, audit.ProgramSecret, app, p, err)
}

// ScopeProgram has a program do other things than before. For admins.
func (d *Desk) ScopeProgram(ctx context.Context, app mpblock.AppID, name string, scopes []programs.Scope) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	p, err := d.office.access.ScopeProgram(ctx, app, name, scopes)
	return d.changedProgram(ctx, audit.ProgramSet, app, p, err)
}

// RevokeProgram ends a program, its secret and its tokens. For admins.
func (d *Desk) RevokeProgram(ctx context.Context, app mpblock.AppID, name string) error {
	if _, err := d.account(ctx, operators.RoleAdmin, app); err != nil {
		return err
	}
	p, err := d.office.access.RevokeProgram(ctx, app, name)
	return d.changedProgram(ctx, audit.ProgramGone, app, p, err)
}

func (d *Desk) changedProgram(ctx context.Context, deed audit.Deed, app mpblock.AppID, p programs.Program, err error) error {
	return d.noted(ctx, err, audit.OfProgram(d.actor(), deed, app, p.Name, programs.Texts(p.Scopes)))
}
