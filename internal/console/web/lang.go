package web

import (
	"net/http"
	"strings"
	"time"

	"mpblock/internal/console/i18n"
)

// cookieLang is the cookie that keeps the language of those who are not logged in.
const cookieLang = "mpblock_lang"

// preferred returns the language of someone of whom no setting is known: that of
// the cookie, else the first in the browser's list that there is, else English.
func preferred(r *http.Request) i18n.Lang {
	if c, err := r.Cookie(cookieLang); err == nil && (i18n.Lang(c.Value) == i18n.Chinese || i18n.Lang(c.Value) == i18n.English) {
		return i18n.Lang(c.Value)
	}
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag = strings.ToLower(strings.TrimSpace(tag))
		if strings.HasPrefix(tag, "zh") {
			return i18n.Chinese
		}
		if strings.HasPrefix(tag, "en") {
			return i18n.English
		}
	}
	return i18n.English
}

// langLife is how long a browser keeps the language.
const langLife = 365 * 24 * time.Hour

// KeepLang has the browser keep a language.
func (v *Visit) KeepLang(l i18n.Lang) {
	http.SetCookie(v.W, &http.Cookie{ //nolint:gosec // Secure where there is TLS
		Name: cookieLang, Value: string(l), Path: "/", MaxAge: int(langLife.Seconds()),
		HttpOnly: true, Secure: v.site.Secure, SameSite: http.SameSiteLaxMode,
	})
}
