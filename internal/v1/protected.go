package v1

import (
	"context"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists"
)

// errUnprotected is the error of an OpenID that is not protected.
var errUnprotected = mpblock.NewError(mpblock.NotFound, "protection.none", "%s is not protected")

// protected is somebody whom nobody can block.
type protected struct {
	OpenID     string    `json:"openid"`
	Reason     string    `json:"reason"`
	Actor      string    `json:"actor"`
	CreateTime time.Time `json:"create_time"`
	Blocked    bool      `json:"blocked"` // since before
}

func protectedOf(r lists.ProtectedRow) protected {
	return protected{r.OpenID.String(), r.Why, r.By, r.At, r.Blocked}
}

// listProtected answers with all who are protected, who are not many.
func listProtected(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	rows, err := x.Lists.Protected(ctx, x.AppID)
	if err != nil {
		return err
	}
	all := make([]protected, len(rows))
	for i, r := range rows {
		all[i] = protectedOf(r)
	}
	x.body = struct {
		Protected []protected `json:"protected"`
	}{all}
	return nil
}

// putProtected protects an OpenID, or gives the protection another reason.
func putProtected(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := x.decode(&body, maxBody); err != nil {
		return err
	}
	added, again, err := x.Lists.Protection().Protect(ctx, x.Account, x.Actor, body.Reason, []mpblock.OpenID{id})
	if err != nil {
		return err
	}
	if len(added)+len(again) > 0 {
		x.NotePerson(ctx, x.Actor, x.AppID, id, strings.TrimSpace(body.Reason))
	}
	if len(added) > 0 {
		x.status = http.StatusCreated
	}
	rows, err := x.Lists.Protected(ctx, x.AppID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.OpenID == id {
			x.body = protectedOf(r)
			return nil
		}
	}
	return errUnprotected.With(id) // it has just been ended
}

// deleteProtected ends the protection of an OpenID.
func deleteProtected(ctx context.Context, x *exchange) error {
	if err := x.knows(); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	freed, err := x.Lists.Protection().Unprotect(ctx, x.Account, x.Actor, []mpblock.OpenID{id})
	if len(freed) > 0 {
		x.NotePerson(ctx, x.Actor, x.AppID, id, "")
	}
	return err
}
