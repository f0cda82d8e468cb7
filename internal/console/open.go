package console

import (
	"net/http"
	"time"

	"mpblock/internal/console/i18n"
)

// callsPage explains the API to whoever asks.
type callsPage struct{ frame }

func (c *console) calls(v *visit) error {
	return v.page(http.StatusOK, "calls", v.say(msg("calls.title")), &callsPage{frame{Wide: true}})
}

// langLife is how long a browser keeps the language.
const langLife = 365 * 24 * time.Hour

// language switches the language, of the operator if there is one.
func (c *console) language(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	chosen := i18n.Lang(v.field("lang"))
	if chosen != i18n.Chinese && chosen != i18n.English {
		return errMissing
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: cookieLang, Value: string(chosen), Path: "/", MaxAge: int(langLife.Seconds()),
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
	if v.sit() == nil {
		if err := v.desk.SetLanguage(v.ctx(), chosen.Short()); err != nil {
			return err
		}
	}
	return v.see(local(v.field("back"), "/"))
}
