package desk

import (
	"context"
	"iter"

	"mpblock"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
)

// Remarks returns the remarks of those OpenIDs that have one.
func (d *Desk) Remarks(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (map[mpblock.OpenID]remarks.Remark, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.remarks.Of(ctx, app, ids)
}

// FindRemarks returns a page of the remarks and names of which a text is a part; see
// remarks.Service.Search.
func (d *Desk) FindRemarks(ctx context.Context, app mpblock.AppID, text, after string, limit int) (remarks.Page, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return remarks.Page{}, err
	}
	return d.office.remarks.Search(ctx, app, text, after, limit)
}

// AllRemarks returns the remarks of an account in the order of the OpenIDs. An error
// ends it.
func (d *Desk) AllRemarks(ctx context.Context, app mpblock.AppID) iter.Seq2[remarks.Row, error] {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return failing[remarks.Row](err)
	}
	return d.office.remarks.All(ctx, app, mpblock.OpenID{})
}

// SetRemark sets name and remark of an OpenID; with neither of them it erases both.
func (d *Desk) SetRemark(ctx context.Context, app mpblock.AppID, openid, name, remark string) error {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return err
	}
	id, err := mpblock.ParseOpenID(openid)
	if err != nil {
		return err
	}
	return d.office.remarks.Set(ctx, a, d.actor(), id, name, remark)
}

// ImportRemarks sets the names and remarks of many OpenIDs; what is empty leaves what is
// there.
func (d *Desk) ImportRemarks(ctx context.Context, app mpblock.AppID, rows []remarks.Row) error {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return err
	}
	return d.office.remarks.Import(ctx, a, d.actor(), rows)
}
