package lists

import (
	"context"

	"mpblock"
	"mpblock/internal/lists/protection"
)

// ProtectedRow is somebody who is protected, and whether they are blocked all the same: they
// were before, and stay so.
type ProtectedRow struct {
	protection.Person
	Blocked bool
}

// Protected returns all who are protected of an account, in byte order.
func (svc *Service) Protected(ctx context.Context, app mpblock.AppID) ([]ProtectedRow, error) {
	people, err := svc.protection.People(ctx, app)
	if err != nil {
		return nil, err
	}
	ids := make([]mpblock.OpenID, len(people))
	for i, p := range people {
		ids[i] = p.OpenID
	}
	states, err := svc.store.States(ctx, app, ids)
	rows := make([]ProtectedRow, len(states))
	for i, st := range states {
		rows[i] = ProtectedRow{people[i], st.Blocked}
	}
	return rows, err
}

// OwnAll reads OpenIDs that are to be of the account; its error is a refusal that names the
// first that is not.
func OwnAll(a *mpblock.Account, texts []string) ([]mpblock.OpenID, error) {
	ids := make([]mpblock.OpenID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = ownID(a, text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
