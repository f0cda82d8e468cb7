package desk

import (
	"context"

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
	return d.office.operators.AddOperator(ctx, n)
}

// UpdateOperator is operators.Service.UpdateOperator, for admins.
func (d *Desk) UpdateOperator(ctx context.Context, n operators.NewOperator) (operators.Operator, error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return operators.Operator{}, err
	}
	return d.office.operators.UpdateOperator(ctx, n)
}

// DisableOperator is operators.Service.DisableOperator, for admins.
func (d *Desk) DisableOperator(ctx context.Context, name string, disabled bool) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	return d.office.operators.DisableOperator(ctx, name, disabled)
}

// DeleteOperator is operators.Service.DeleteOperator, for admins.
func (d *Desk) DeleteOperator(ctx context.Context, name string) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	return d.office.operators.DeleteOperator(ctx, name)
}

// ResetOperator is operators.Service.ResetOperator, for admins.
func (d *Desk) ResetOperator(ctx context.Context, name string) (token string, err error) {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return "", err
	}
	return d.office.operators.ResetOperator(ctx, name)
}

// EndSessions logs an operator out everywhere. For admins; anyone may name itself.
func (d *Desk) EndSessions(ctx context.Context, name string) error {
	if name != d.Operator().Name {
		if err := d.allow(operators.RoleAdmin); err != nil {
			return err
		}
	}
	return d.office.operators.EndSessions(ctx, name)
}

// SetRequireSecondFactor demands a second factor of every operator with a password,
// or does so no more. For admins who have one themselves.
func (d *Desk) SetRequireSecondFactor(ctx context.Context, required bool) error {
	if err := d.allow(operators.RoleAdmin); err != nil {
		return err
	}
	return d.office.operators.SetRequireSecondFactor(ctx, d.Operator().Name, required)
}
