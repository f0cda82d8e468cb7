package console

import (
	"net/http"
	"time"
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
	chosen := lang(v.field("lang"))
	if chosen != zh && chosen != en {
		return errMissing
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: cookieLang, Value: string(chosen), Path: "/", MaxAge: int(langLife.Seconds()),
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
	if v.sit() == nil {
		if err := v.desk.SetLanguage(v.ctx(), chosen.short()); err != nil {
			return err
		}
	}
	return v.see(local(v.field("back"), "/"))
}
