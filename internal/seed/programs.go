package seed

import (
	"context"
	"errors"
	"fmt"

	"mpblock"
	"mpblock/internal/access/programs"
)

// new returns what a program is made with.
func (p Program) new() (programs.New, error) {
	n := programs.New{Name: p.Name, Secret: p.Secret, Scopes: programs.Scopes(), By: by}
	if _, err := programs.ParseName(p.Name); err != nil {
		return n, err
	}
	if p.Scopes != nil {
		var err error
		if n.Scopes, err = programs.ParseScopes(p.Scopes); err != nil {
			return n, err
		}
	}
	switch {
	case p.Secret != "" && p.SecretHash != "":
		return n, errors.New("there is a secret_hash beside the secret")
	case p.SecretHash != "":
		n.SecretHash = new(mpblock.SecretHash)
		return n, fromHex(n.SecretHash[:], p.SecretHash, "secret_hash")
	case p.Secret == "":
		return n, errors.New("there is no secret: want 32 lower-case hexadecimal digits")
	}
	return n, nil
}

func (a *Account) checkPrograms() error {
	for i, p := range a.Programs {
		if _, err := p.new(); err != nil {
			return fmt.Errorf("program %d: %w", i+1, err)
		}
	}
	return nil
}

// addPrograms makes the programs of an account.
func (a *Account) addPrograms(ctx context.Context, to State, app mpblock.AppID) error {
	for i, p := range a.Programs {
		n, err := p.new()
		if err == nil {
			_, _, err = to.Access.AddProgram(ctx, app, n)
		}
		if err != nil {
			return fmt.Errorf("program %d: %w", i+1, err)
		}
	}
	return nil
}

// programsOf returns the programs of an account that are good.
func programsOf(ctx context.Context, from State, app mpblock.AppID) ([]Program, error) {
	all, err := from.Access.Programs(ctx, app)
	var good []Program
	for _, p := range all {
		if !p.Revoked.IsZero() {
			continue
		}
		good = append(good, Program{Name: p.Name, SecretHash: p.SecretHash.String(), Scopes: programs.Texts(p.Scopes)})
	}
	return good, err
}
