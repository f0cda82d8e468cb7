package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"

	"mpblock"
	"mpblock/internal/operators"
)

// Errors of the console's own, beside those of the rules. They have pages, not words.
var (
	ErrMissing   = mpblock.NewError(mpblock.NotFound, "page.none", "console: no such page")
	ErrForbidden = mpblock.NewError(mpblock.Forbidden, "page.forbidden", "console: not for this role")
	errMethod    = errors.New("console: a method that the page does not take")
	errOrigin    = errors.New("console: a request on behalf of another site")
)

// Invalid is what an operator entered and what is wrong with it, in the operator's
// language.
type Invalid string

// Error returns the text.
func (i Invalid) Error() string { return string(i) }

// panicked is a handler that has panicked.
type panicked struct{ value any }

// Error returns what it panicked with.
func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// MessagePage says one thing.
type MessagePage struct {
	Frame
	Heading, Text string
	RequestID     string
}

// Problem is what goes wrong in a dialog or a piece of a page.
type Problem struct{ Heading, Problem, Back string }

func (s *Site) bare(w http.ResponseWriter, r *http.Request) *Visit {
	v := s.visit(w, r)
	v.bare = true
	return v
}

// fail answers with what an error means to the visitor.
func (s *Site) fail(v *Visit, err error) {
	if errors.Is(err, operators.ErrLoggedOut) {
		v.sendToLogin()
		return
	}
	status, page := v.explain(err)
	if status == http.StatusUnprocessableEntity && v.backWith(page.Text) {
		return
	}
	if status == http.StatusInternalServerError {
		page.RequestID = rand.Text()[:12]
		if !errors.Is(err, context.Canceled) { // the visitor went away: nobody's fault
			v.Log(page.RequestID, err)
		}
	}
	v.answer(status, page)
}

// backWith sends who pressed a button back to where it is, with what was refused on
// top, so that there is a page to go on from; false if it is not known where that is.
func (v *Visit) backWith(text string) bool {
	from, err := url.Parse(v.R.Referer())
	if v.R.Method != http.MethodPost || v.HTMX() || v.Desk == nil || err != nil || from.Host != v.R.Host || from.Path == "" {
		return false
	}
	v.Tell("bad", text)
	return v.See(Local(v.Field("back"), Local(from.RequestURI(), "/"))) == nil
}

// answer writes a page that says one thing, whatever else is broken.
func (v *Visit) answer(status int, page *MessagePage) {
	if v.HTMX() { // for a dialog or a piece of a page: the words alone
		text := page.Text
		if page.RequestID != "" {
			text += " " + v.Say(msg("error.id")) + " " + page.RequestID
		}
		problem := &Problem{Heading: page.Heading, Problem: text}
		if v.site.Views().write(v.W, status, v.Lang, "problem", "problem", problem) == nil {
			return
		}
	}
	name := "sorry"
	if v.Desk != nil {
		name = "message"
	}
	if err := v.Page(status, name, page.Heading, page); err != nil {
		http.Error(v.W, page.Heading+"\n"+page.Text, status)
	}
}

// Log writes an error to the log, with the number that the visitor was shown.
func (v *Visit) Log(id string, err error) {
	attrs := []any{"id", id, "request", v.R.Method + " " + v.R.URL.Path, "error", err}
	var p panicked
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(debug.Stack()))
	}
	v.site.Log.Error("console", attrs...)
}

// explain returns the status and the words for an error.
func (v *Visit) explain(err error) (int, *MessagePage) {
	say := func(status int, title, text msg) (int, *MessagePage) {
		return status, &MessagePage{Heading: v.Say(title), Text: v.Say(text)}
	}
	switch kind := mpblock.KindOf(err); {
	case errors.Is(err, errMethod):
		return say(http.StatusMethodNotAllowed, msg("error.method.title"), msg("error.method"))
	case errors.Is(err, errOrigin):
		return say(http.StatusForbidden, msg("error.origin.title"), msg("error.origin"))
	case kind == mpblock.NotFound:
		return say(http.StatusNotFound, msg("error.missing.title"), msg("error.missing"))
	case kind == mpblock.Forbidden:
		return say(http.StatusForbidden, msg("error.forbidden.title"), msg("error.forbidden"))
	}
	if text, ok := v.Refusal(err); ok {
		return http.StatusUnprocessableEntity, &MessagePage{Heading: v.Say(msg("error.invalid.title")), Text: text}
	}
	return say(http.StatusInternalServerError, msg("error.system.title"), msg("error.system"))
}

// Refusal returns what was refused in the operator's language; false if the error
// is none that the operator can do something about.
func (v *Visit) Refusal(err error) (string, bool) {
	var i Invalid
	if errors.As(err, &i) {
		return string(i), true
	}
	var e *mpblock.Error
	if !errors.As(err, &e) || e.Kind == mpblock.Forbidden || e.Kind == mpblock.Internal || errors.Is(e, ErrMissing) {
		return "", false
	}
	text := v.Lang.Refused(e)
	if v.site.Explain != nil {
		text += v.site.Explain(v.Lang, e)
	}
	return text, true
}

// Again renders a page once more with what was refused on top; an error that is no
// refusal is returned as it is.
func (v *Visit) Again(err error, render func(status int) error) error {
	var login *operators.LoginError
	if errors.As(err, &login) {
		v.Warn(v.LoginProblem(login))
		return render(LoginStatus(login))
	}
	text, ok := v.Refusal(err)
	if !ok {
		return err
	}
	v.Warn(text)
	return render(http.StatusUnprocessableEntity)
}

// sendToLogin has the visitor log in, and go on from there with what was asked for: a
// page, or a form that was filled in.
func (v *Visit) sendToLogin() {
	left, err := v.Leave()
	if err != nil {
		v.Log("", err)
	}
	if v.R.Method != http.MethodGet && v.R.Method != http.MethodHead && v.R.URL.Path != "/logout" {
		if v.HTMX() { // the script sends it once more, as a whole page
			v.W.Header().Set(loginHeader, "1")
			v.W.WriteHeader(http.StatusUnauthorized)
			return
		}
		if err := v.site.LoggedOut(v, v.waiting()); err != nil {
			v.Log("", err)
		}
		return
	}
	if left {
		v.Tell("mind", v.Say(msg("login.expired")))
	}
	next := v.R.URL.RequestURI()
	if v.HTMX() {
		next = PathOf(v.R.Header.Get("HX-Current-URL"), "")
	}
	address := "/login"
	if next != "/" && next != "" {
		address += "?next=" + url.QueryEscape(next)
	}
	if v.HTMX() {
		v.W.Header().Set("HX-Redirect", address)
		v.W.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = v.See(address) // always nil
}

// loginHeader tells the script of a page that the form has to be sent as a whole page.
const loginHeader = "Mpblock-Login"

// LoginStatus returns the status of a login that was refused.
func LoginStatus(e *operators.LoginError) int {
	switch e.Reason {
	case operators.TooMany:
		return http.StatusTooManyRequests
	case operators.Busy:
		return http.StatusServiceUnavailable
	case operators.BadCredentials, operators.BadCode, operators.NeedCode, operators.NotLinked:
	}
	return http.StatusUnauthorized
}

// LoginProblem says why somebody was not let in.
func (v *Visit) LoginProblem(e *operators.LoginError) string {
	switch e.Reason {
	case operators.BadCode:
		return v.Say(msg("login.code"))
	case operators.TooMany:
		return v.Say(msg("login.wait"), int(e.Wait.Seconds()))
	case operators.Busy:
		return v.Say(msg("login.busy"), int(e.Wait.Seconds()))
	case operators.NotLinked:
		return v.Say(msg("login.unlinked"))
	case operators.BadCredentials, operators.NeedCode:
	}
	return v.Say(msg("login.wrong"))
}
