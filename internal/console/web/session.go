package web

import (
	"encoding/gob"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"mpblock/internal/operators"
)

// Keys of what a session holds for every page. Pages have more.
const (
	keySession = "session" // operators.Session
	keyNotices = "notices" // []Notice, for the next page
	keyAccount = "account" // AppID of the account that was looked at last
)

var registerOnce sync.Once

// newSessions returns the sessions of a site, which are in its store.
func newSessions(o Options) *scs.SessionManager {
	registerOnce.Do(func() {
		// These names stand in the records of sessions.
		gob.RegisterName("mpblock/internal/platform.Session", operators.Session{})
		gob.RegisterName("[]console.notice", []Notice{})
	})
	return &scs.SessionManager{ // not scs.New, which has a goroutine run for ever
		Store: o.Operators.Sessions(), Codec: scs.GobCodec{},
		IdleTimeout: operators.SessionIdle, Lifetime: operators.SessionLife,
		Cookie: scs.SessionCookie{
			// Cookies go to all ports of a host: servers with other stores have other names.
			Name: "mpblock_session_" + o.Operators.Mark(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: o.Secure,
		},
	}
}

// Enter begins a session under a token that nobody has seen before.
func (v *Visit) Enter(s operators.Session, next string) error {
	if err := v.site.sessions.RenewToken(v.Ctx()); err != nil {
		return err
	}
	s, err := v.site.Operators.Begin(v.Ctx(), s, v.R.UserAgent(), v.Remote())
	if err != nil {
		return err
	}
	v.site.sessions.Put(v.Ctx(), keySession, s)
	return v.See(next)
}

// Stretch has the visitor's login last longer by the server's clock, which is about to be
// moved ahead by so much; it goes back for nothing.
func (v *Visit) Stretch(by time.Duration) error {
	s, ok := v.site.sessions.Get(v.Ctx(), keySession).(operators.Session)
	if !ok || by <= 0 {
		return nil
	}
	if err := v.site.Operators.Sessions().Stretch(v.Ctx(), v.site.sessions.Token(v.Ctx()), by); err != nil {
		return err
	}
	return v.site.Operators.Stretch(v.Ctx(), s, by)
}

// Leave ends the session, and tells whether there was one.
func (v *Visit) Leave() (bool, error) {
	s, ok := v.site.sessions.Get(v.Ctx(), keySession).(operators.Session)
	if !ok {
		return false, nil
	}
	if err := v.site.Operators.Leave(v.Ctx(), s); err != nil {
		return true, err
	}
	return true, v.site.sessions.Destroy(v.Ctx())
}

// Keep has the session keep a text under a key of the pages' own.
func (v *Visit) Keep(key, text string) { v.site.sessions.Put(v.Ctx(), key, text) }

// Kept returns what the session keeps, "" if that is nothing.
func (v *Visit) Kept(key string) string { return v.site.sessions.GetString(v.Ctx(), key) }

// Forget has the session keep nothing more under some keys.
func (v *Visit) Forget(keys ...string) {
	for _, key := range keys {
		v.site.sessions.Remove(v.Ctx(), key)
	}
}

// Once returns what the session keeps for one page. HEAD is no page: it leaves it.
func (v *Visit) Once(key string) string {
	if v.R.Method == http.MethodHead {
		return ""
	}
	return v.site.sessions.PopString(v.Ctx(), key)
}
