package console

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
	errMissing   = mpblock.NewError(mpblock.NotFound, "page.none", "console: no such page")
	errForbidden = mpblock.NewError(mpblock.Forbidden, "page.forbidden", "console: not for this role")
	errMethod    = errors.New("console: a method that the page does not take")
	errOrigin    = errors.New("console: a request on behalf of another site")
)

// invalid is what an operator entered and what is wrong with it, in the operator's
// language.
type invalid string

// Error returns the text.
func (i invalid) Error() string { return string(i) }

// panicked is a handler that has panicked.
type panicked struct{ value any }

// Error returns what it panicked with.
func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// messagePage says one thing.
type messagePage struct {
	frame
	Heading, Text string
	RequestID     string
}

func (c *console) bare(w http.ResponseWriter, r *http.Request) *visit {
	v := c.visit(w, r)
	v.bare = true
	return v
}

// fail answers with what an error means to the visitor.
func (c *console) fail(v *visit, err error) {
	if errors.Is(err, operators.ErrLoggedOut) {
		c.sendToLogin(v)
		return
	}
	status, page := v.explain(err)
	if status == http.StatusInternalServerError {
		page.RequestID = rand.Text()[:12]
		if !errors.Is(err, context.Canceled) { // the visitor went away: nobody's fault
			c.log(v, page.RequestID, err)
		}
	}
	v.answer(status, page)
}

// answer writes a page that says one thing, whatever else is broken.
func (v *visit) answer(status int, page *messagePage) {
	if v.htmx() { // for a dialog or a piece of a page: the words alone
		text := page.Text
		if page.RequestID != "" {
			text += " " + v.say(msg("error.id")) + " " + page.RequestID
		}
		if write(v.w, status, v.lang, "confirm", "confirm", &confirmPage{Heading: page.Heading, Problem: text}) == nil {
			return
		}
	}
	name := "sorry"
	if v.desk != nil {
		name = "message"
	}
	if err := v.page(status, name, page.Heading, page); err != nil {
		http.Error(v.w, page.Heading+"\n"+page.Text, status)
	}
}

func (c *console) log(v *visit, id string, err error) {
	attrs := []any{"id", id, "request", v.r.Method + " " + v.r.URL.Path, "error", err}
	var p panicked
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(debug.Stack()))
	}
	c.Log.Error("console", attrs...)
}

// explain returns the status and the words for an error.
func (v *visit) explain(err error) (int, *messagePage) {
	say := func(status int, title, text msg) (int, *messagePage) {
		return status, &messagePage{Heading: v.say(title), Text: v.say(text)}
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
	if text, ok := v.refusal(err); ok {
		return http.StatusUnprocessableEntity, &messagePage{Heading: v.say(msg("error.invalid.title")), Text: text}
	}
	return say(http.StatusInternalServerError, msg("error.system.title"), msg("error.system"))
}

// refusal returns what was refused in the operator's language; false if the error
// is none that the operator can do something about.
func (v *visit) refusal(err error) (string, bool) {
	var i invalid
	if errors.As(err, &i) {
		return string(i), true
	}
	var e *mpblock.Error
	if !errors.As(err, &e) || e.Kind == mpblock.Forbidden || e.Kind == mpblock.Internal || errors.Is(e, errMissing) {
		return "", false
	}
	return v.lang.Refused(e), true
}

// again renders a page once more with what was refused on top; an error that is no
// refusal is returned as it is.
func (v *visit) again(err error, render func(status int) error) error {
	var login *operators.LoginError
	if errors.As(err, &login) {
		v.notices = append(v.notices, notice{Kind: "bad", Text: v.loginProblem(login)})
		return render(loginStatus(login))
	}
	text, ok := v.refusal(err)
	if !ok {
		return err
	}
	v.notices = append(v.notices, notice{Kind: "bad", Text: text})
	return render(http.StatusUnprocessableEntity)
}

// sendToLogin sends the visitor to the login page, and from there back to what was
// asked for.
func (c *console) sendToLogin(v *visit) {
	if c.sessions.Exists(v.ctx(), keySession) {
		if err := c.sessions.Destroy(v.ctx()); err != nil {
			c.log(v, "", err)
		}
		v.tell("mind", v.say(msg("login.expired")))
	}
	address := "/login"
	if v.r.Method == http.MethodGet && !v.htmx() && v.r.URL.Path != "/" {
		address += "?next=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	if v.htmx() {
		v.w.Header().Set("HX-Redirect", address)
		v.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = v.see(address) // always nil
}
