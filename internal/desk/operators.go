package desk

import (
	"context"
	"slices"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/operators"
)

// Operators returns all operators, by name. For admins.
func (d *Desk) Operators(ctx context.Context) ([]operators.Operator, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return nil, err
	}
	return d.office.operators.Operators(ctx)
}

// AddOperator is operators.Service.AddOperator, for admins.
func (d *Desk) AddOperator(ctx context.Context, n operators.NewOperator) (operators.Operator, string, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return operators.Operator{}, "", err
	}
	o, token, err := d.office.operators.AddOperator(ctx, n)
	return o, token, d.noted(ctx, err, audit.Line{Deed: audit.OperatorAdded, On: n.Name, Now: string(n.Role), Fields: limited(nil, n.Accounts)})
}

// UpdateOperator is operators.Service.UpdateOperator, for admins.
func (d *Desk) UpdateOperator(ctx context.Context, n operators.NewOperator) (operators.Operator, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return operators.Operator{}, err
	}
	was, err := d.operator(ctx, n.Name)
	if err != nil {
		return operators.Operator{}, err
	}
	o, err := d.office.operators.UpdateOperator(ctx, n)
	return o, d.noted(ctx, err, audit.Line{
		Deed: audit.OperatorSet, On: n.Name, Was: string(was.Role), Now: string(n.Role), Fields: limited(was.Accounts, n.Accounts),
	})
}

// limited is what a line says of an operator's accounts: that they are others.
func limited(was, now []mpblock.AppID) []string {
	if slices.Equal(was, now) {
		return nil
	}
	return []string{audit.Accounts}
}

// DisableOperator is operators.Service.DisableOperator, for admins.
func (d *Desk) DisableOperator(ctx context.Context, name string, disabled bool) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	deed := audit.OperatorOn
	if disabled {
		deed = audit.OperatorOff
	}
	return d.noted(ctx, d.office.operators.DisableOperator(ctx, name, disabled), audit.Line{Deed: deed, On: name})
}

// DeleteOperator is operators.Service.DeleteOperator, for admins.
func (d *Desk) DeleteOperator(ctx context.Context, name string) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	return d.noted(ctx, d.office.operators.DeleteOperator(ctx, name), audit.Line{Deed: audit.OperatorGone, On: name})
}

// ResetOperator is operators.Service.ResetOperator, for admins.
func (d *Desk) ResetOperator(ctx context.Context, name string) (token string, err error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return "", err
	}
	token, err = d.office.operators.ResetOperator(ctx, name)
	return token, d.noted(ctx, err, audit.Line{Deed: audit.OperatorReset, On: name})
}

// EndSessions logs an operator out everywhere. For admins; anyone may name itself.
func (d *Desk) EndSessions(ctx context.Context, name string) error {
	if name != d.Operator().Name {
		if err := d.allow(operators.RoleAdmin); err != nil {
			return err
		}
	}
	return d.noted(ctx, d.office.operators.EndSessions(ctx, name), audit.Line{Deed: audit.OperatorOut, On: name})
}

// SetRequireSecondFactor demands a second factor of every operator with a password,
// or does so no more. For admins who have one themselves.
func (d *Desk) SetRequireSecondFactor(ctx context.Context, required bool) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	deed := audit.FactorFree
	if required {
		deed = audit.FactorRequired
	}
	return d.noted(ctx, d.office.operators.SetRequireSecondFactor(ctx, d.Operator().Name, required), audit.Line{Deed: deed})
}

// ConfirmSecondFactor is operators.Self.ConfirmSecondFactor, and is noted.
func (d *Desk) ConfirmSecondFactor(ctx context.Context, code string) ([]string, error) {
	codes, err := d.Self.ConfirmSecondFactor(ctx, code)
	return codes, d.noted(ctx, err, audit.Line{Deed: audit.FactorOn, On: d.Operator().Name})
}

// RemoveSecondFactor is operators.Self.RemoveSecondFactor, and is noted.
func (d *Desk) RemoveSecondFactor(ctx context.Context, password string) error {
	return d.noted(ctx, d.Self.RemoveSecondFactor(ctx, password), audit.Line{Deed: audit.FactorOff, On: d.Operator().Name})
}

// NewRecoveryCodes is operators.Self.NewRecoveryCodes, and is noted.
func (d *Desk) NewRecoveryCodes(ctx context.Context, password string) ([]string, error) {
	codes, err := d.Self.NewRecoveryCodes(ctx, password)
	return codes, d.noted(ctx, err, audit.Line{Deed: audit.FactorCodes, On: d.Operator().Name})
}

// operator returns an operator, none if there is none of that name.
func (d *Desk) operator(ctx context.Context, name string) (operators.Operator, error) {
	all, err := d.office.operators.Operators(ctx)
	for _, o := range all {
		if o.Name == name {
			return o, err
		}
	}
	return operators.Operator{}, err
}

// noted writes into the audit what has been done, if nothing went wrong.
func (d *Desk) noted(ctx context.Context, err error, l audit.Line) error {
	if err == nil {
		d.note(ctx, l)
	}
	return err
}

func (d *Desk) note(ctx context.Context, l audit.Line) {
	l.By = d.actor()
	d.office.audit.Note(ctx, l)
}

// Audit returns up to limit lines of who set what, the newest first, those after the one
// with a key; "" for the newest. For admins.
func (d *Desk) Audit(ctx context.Context, after string, limit int) ([]audit.Line, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return nil, err
	}
	return d.office.audit.Lines(ctx, after, limit)
}
