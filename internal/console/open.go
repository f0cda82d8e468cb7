package console

import (
	"net/http"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
)

// callsPage explains the API to whoever asks.
type callsPage struct{ web.Frame }

func (c *console) calls(v *visit) error {
	return v.Page(http.StatusOK, "calls", v.Say(msg("calls.title")), &callsPage{web.Frame{Wide: true}})
}

// language switches the language, of the operator if there is one.
func (c *console) language(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	chosen := i18n.Lang(v.Field("lang"))
	if chosen != i18n.Chinese && chosen != i18n.English {
		return web.ErrMissing
	}
	v.KeepLang(chosen)
	if v.Sit() == nil {
		if err := v.Desk.SetLanguage(v.Ctx(), chosen.Short()); err != nil {
			return err
		}
	}
	return v.See(web.Local(v.Field("back"), "/"))
}
