package desk

import (
	"context"
	"strings"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
	"mpblock/internal/operators"
)

// MaxWhy is how many characters may say why somebody is protected.
const MaxWhy = protection.MaxWhy

// Protected returns whom nobody can block of an account.
func (d *Desk) Protected(ctx context.Context, app mpblock.AppID) ([]lists.ProtectedRow, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.lists.Protected(ctx, app)
}

// ProtectedAs returns who has protected somebody of an account, and why; false if nobody has.
func (d *Desk) ProtectedAs(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (protection.Person, bool, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return protection.Person{}, false, err
	}
	return d.office.lists.Protection().Who(ctx, app, id)
}

// ProtectedAmong returns those of some OpenIDs of an account whom nobody can block.
func (d *Desk) ProtectedAmong(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (map[mpblock.OpenID]protection.Person, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.lists.Protection().Among(ctx, app, ids)
}

// Protect protects people of an account, and returns how many were not before. For admins.
func (d *Desk) Protect(ctx context.Context, app mpblock.AppID, openids []string, why string) (added int, err error) {
	a, err := d.account(ctx, operators.RoleAdmin, app)
	if err != nil {
		return 0, err
	}
	ids, err := lists.OwnAll(a, openids)
	if err != nil {
		return 0, err
	}
	did, again, err := d.office.lists.Protection().Protect(ctx, a, d.actor(), why, ids)
	return len(did), d.notePeople(ctx, err, audit.Protected, app, append(did, again...), why)
}

// Unprotect ends the protection of people, and returns how many were protected. For admins.
func (d *Desk) Unprotect(ctx context.Context, app mpblock.AppID, openids []string) (freed int, err error) {
	a, err := d.account(ctx, operators.RoleAdmin, app)
	if err != nil {
		return 0, err
	}
	ids, err := lists.OwnAll(a, openids)
	if err != nil {
		return 0, err
	}
	did, err := d.office.lists.Protection().Unprotect(ctx, a, d.actor(), ids)
	return len(did), d.notePeople(ctx, err, audit.Unprotected, app, did, "")
}

func (d *Desk) notePeople(ctx context.Context, err error, deed audit.Deed, app mpblock.AppID, ids []mpblock.OpenID, why string) error {
	if err != nil {
		return err
	}
	for _, id := range ids {
		d.office.audit.Note(ctx, audit.OfPerson(d.actor(), deed, app, id, strings.TrimSpace(why)))
	}
	return nil
}
