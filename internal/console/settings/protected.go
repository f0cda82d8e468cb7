package settings

import (
	"net/http"
	"strings"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
)

// protectedPage lists whom nobody can block of an account, and protects others.
type protectedPage struct {
	web.Frame
	Account, Shown string // AppID and name
	Rows           []protectedRow
	MaxWhy         int
	OpenIDs, Why   string // of others, as they were entered
}

type protectedRow struct {
	OpenID, Address, By, Why string
	At                       i18n.Stamp
	Blocked                  bool
}

func (c *Pages) protected(v *visit) error {
	if err := v.settings(); err != nil {
		return err
	}
	return v.protectedPage(http.StatusOK, &protectedPage{})
}

func (v *visit) protectedPage(status int, p *protectedPage) error {
	all, err := v.Desk.Protected(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p.Account, p.Shown, p.MaxWhy = string(v.Account.AppID), web.NameOf(v.Account), desk.MaxWhy
	for _, one := range all {
		p.Rows = append(p.Rows, protectedRow{
			OpenID: one.OpenID.String(), Address: "/a/" + p.Account + "/openids/" + one.OpenID.String(),
			By: v.Lang.Who(one.By), Why: one.Why, At: i18n.StampOf(one.At, v.Zone), Blocked: one.Blocked,
		})
	}
	return v.Page(status, "protected", v.Say(msg("protected.title"), p.Shown), p)
}

func (c *Pages) protect(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	ids, why := v.Field("openids"), v.Field("why")
	added, err := v.Desk.Protect(v.Ctx(), v.Account.AppID, strings.Fields(ids), why)
	if err != nil {
		return v.Again(err, func(status int) error { return v.protectedPage(status, &protectedPage{OpenIDs: ids, Why: why}) })
	}
	if added == 0 {
		v.Tell("mind", v.Say(msg("protected.again")))
	} else {
		v.Tell("good", v.Say(msg("protected.added"), added))
	}
	return v.backToProtected()
}

func (c *Pages) unprotect(v *visit) error {
	if err := v.programForm(); err != nil {
		return err
	}
	id := v.Field("openid")
	freed, err := v.Desk.Unprotect(v.Ctx(), v.Account.AppID, []string{id})
	switch {
	case err != nil:
		return err
	case freed == 0:
		v.Tell("mind", v.Say(msg("protected.not"), id))
	default:
		v.Tell("good", v.Say(msg("protected.ended"), id))
	}
	return v.backToProtected()
}

// backToProtected leads back to the page that the form was on: this one, or that of an OpenID.
func (v *visit) backToProtected() error {
	return v.See(web.Local(v.Field("back"), "/accounts/"+string(v.Account.AppID)+"/protected"))
}
