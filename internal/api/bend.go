package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
	"mpblock/internal/wire"
)

// bend is a call of an emulator on its way: it is held against the fault plan once,
// before the work; what strikes it may stop the work, change it, or spoil the answer.
type bend struct {
	*exchange
	fault.Blow
	body  []byte // of the request
	bad   error  // in place of body
	raw   bool   // the work is not done, and the answer is not the API's own
	entry emulator.Entry
}

// words are OpenIDs, and whatever looks like one, in a query or a body.
var words = regexp.MustCompile(`o[\w-]{27}`)

// before consults the plan, and does what is to be done before the work. An error is
// the call's answer.
func (b *bend) before(ctx context.Context) error {
	b.body, b.bad = b.readBody()
	path := once(b.r.URL.EscapedPath())
	app, program := b.caller(ctx)
	b.entry.AppID, b.entry.Program = string(app), program
	blow, struck := b.Emulator.Strike(fault.Call{Path: path, AppID: string(app), Program: program, OpenIDs: words.FindAllString(b.r.URL.RawQuery+" "+string(b.body), -1)})
	if !struck {
		return b.spent(app, path)
	}
	b.Blow, b.entry.Rule = blow, blow.Rule
	switch e := blow.Effect; {
	case e.Errcode != nil:
		code := wire.Code(*e.Errcode)
		message := code.Text()
		if e.Errmsg != "" {
			message = e.Errmsg
		}
		return &wire.Error{Code: code, Message: message, Detail: b.said()}
	case e.HTTP != 0, e.Reset == fault.Before:
		b.raw = true
		return &wire.Error{Code: wire.CodeSystem, Message: wire.CodeSystem.Text(), Detail: b.said()}
	case e.StaleToken != 0:
		if killed, err := b.Access.Kill(ctx, accessToken(b.r.URL.RawQuery)); err != nil || !killed {
			return err // a call without a token, or with a dead one: nothing is left to do
		}
		return &wire.Error{Code: wire.Code(e.StaleToken), Message: wire.Code(e.StaleToken).Text(), Detail: b.said()}
	case e.Quota:
		b.Emulator.Spend(app, b.calls[path].name)
	case e.Drift != fault.Drift{}:
		if err := b.drift(ctx, app); err != nil {
			return err
		}
	}
	b.pageSize = blow.Effect.PageSize
	return b.spent(app, path)
}

// said is the detail of an answer that a rule has made.
func (b *bend) said() string { return "the fault plan's rule " + b.Rule + " did this" }

// spent refuses a call whose quota a rule has used up.
func (b *bend) spent(app mpblock.AppID, path string) error {
	if c, ok := b.calls[path]; ok && app != "" && b.Emulator.Spent(app, c.name) {
		return wire.Refuse(wire.CodeDailyQuota, "a fault plan has used up the day's quota of %s; it is back at midnight of the emulator's clock", c.name)
	}
	return nil
}

func (b *bend) drift(ctx context.Context, app mpblock.AppID) error {
	a, err := b.Access.Account(ctx, app)
	if err != nil {
		return nil //nolint:nilerr // whose list it would be, nobody knows: the call itself is refused
	}
	_, _, err = emulator.Drift(ctx, b.Lists, a, b.Effect.Drift, b.Dice)
	return err
}

// caller returns whose call it is, and by which program, as far as it says so; "" if it
// does not.
func (b *bend) caller(ctx context.Context) (app mpblock.AppID, program string) {
	if app, program, ok := b.Access.Bearer(accessToken(b.r.URL.RawQuery)); ok {
		return app, program
	}
	var named struct{ AppID, Secret string }
	if json.Unmarshal(b.body, &named) != nil {
		form, _ := url.ParseQuery(string(bytes.TrimSpace(b.body)))
		named.AppID, named.Secret = form.Get("appid"), form.Get("secret")
	}
	q := b.r.URL.Query()
	app, secret := mpblock.AppID(cmp.Or(q.Get("appid"), named.AppID)), cmp.Or(q.Get("secret"), named.Secret)
	if app == "" || secret == "" {
		return app, ""
	}
	return app, b.Access.Owner(ctx, app, secret)
}

// maxHeld is how long a call waits whose answer never comes.
const maxHeld = 5 * time.Minute

// badGateway is what a proxy answers whose server did not.
const badGateway = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

// finish waits as long as the answer is to be late, keeps the call, and sends the answer
// or what is left of it: who has an answer finds the call in the journal. It returns the
// length of the answer, and what is to be called last, if anything is.
func (b *bend) finish(w http.ResponseWriter, id string, at time.Time, e *wire.Error) (size int, end func()) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a slow answer is meant
	answer := b.whole()
	f := b.fate(w, answer)
	if !b.pause(b.Wait) {
		f = fate{name: emulator.FateGone, end: func() { abort(w, false) }}
	}
	if bent := b.Emulator.Bent(); bent != "" {
		w.Header().Set(emulator.Header, bent)
	}
	b.note(id, at, e, answer, f)
	if f.send != nil {
		f.send()
	}
	return len(answer), f.end
}

// fate is what becomes of an answer.
type fate struct {
	name   string // in the journal; "" of an answer that arrives
	status int    // of HTTP; 0: none arrives
	send   func() // sends it, or what is left of it; nil: nothing is sent
	end    func() // ends the connection, after all else; nil: it stays
}

func (b *bend) fate(w http.ResponseWriter, answer []byte) fate {
	closed := func() { abort(w, false) }
	switch e := b.Effect; {
	case e.Reset != "":
		return fate{name: emulator.FateReset, end: func() { abort(w, true) }}
	case e.LostAnswer == fault.Cut:
		return fate{name: emulator.FateClosed, end: closed}
	case e.LostAnswer == fault.Timeout:
		return fate{name: emulator.FateSilence, send: func() { b.pause(maxHeld) }, end: closed}
	case e.LostAnswer == fault.Gateway:
		return fate{name: emulator.FateGateway, status: http.StatusBadGateway, send: func() { html(w, http.StatusBadGateway, badGateway) }}
	case e.HTTP != 0:
		return fate{status: e.HTTP, send: func() { html(w, e.HTTP, e.Body) }}
	case e.Malformed:
		half := answer[:len(answer)/2]
		return fate{name: emulator.FateHalf, status: http.StatusOK, send: func() { b.send(w, half, len(half)) }}
	case e.Truncate > 0:
		part := answer[:int(float64(len(answer))*e.Truncate)]
		return fate{name: emulator.FateMiddle, status: http.StatusOK, send: func() { b.send(w, part, len(answer)) }, end: closed}
	}
	return fate{status: http.StatusOK, send: func() { b.send(w, answer, len(answer)) }}
}

// send sends a body at the rate of the effect. The header says how long it is.
func (b *bend) send(w http.ResponseWriter, body []byte, length int) {
	w.Header().Set("Content-Length", strconv.Itoa(length))
	b.drip(w, body)
}

// html answers as something that is not the API. A body that is JSON is said to be.
func html(w http.ResponseWriter, status int, body string) {
	for key := range w.Header() {
		w.Header().Del(key)
	}
	w.Header().Set("Content-Type", "text/html")
	if t := strings.TrimSpace(body); strings.HasPrefix(t, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// pause waits, and tells whether the client is still there.
func (b *bend) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.Emulator.Done():
	case <-b.r.Context().Done():
		return false
	}
	return true
}

// drips is how many pieces a second a slow answer comes in.
const drips = 10

// drip sends a body in pieces, as many a second as the effect's rate asks for.
func (b *bend) drip(w http.ResponseWriter, body []byte) {
	piece := len(body)
	if r := int(b.Effect.Slow); r > 0 {
		piece = max(r/drips, 1)
	}
	for len(body) > 0 {
		n := min(piece, len(body))
		_, err := w.Write(body[:n])
		body = body[n:]
		if err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		if len(body) > 0 && !b.pause(time.Second*time.Duration(n)/time.Duration(max(b.Effect.Slow, 1))) {
			return
		}
	}
}

// abort ends a connection without another word, by a reset if asked for.
func abort(w http.ResponseWriter, reset bool) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2: the stream ends with an error
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = c.Close() }()
	for c := c; reset; {
		if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
			_ = l.SetLinger(0)
			return
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		c = inner.NetConn()
	}
}

// whole returns an answer's pieces as one.
func (x *exchange) whole() []byte {
	if x.list == nil {
		return x.out
	}
	return bytes.Join(x.list, nil)
}

// note writes the call into the journal.
func (b *bend) note(id string, start time.Time, e *wire.Error, answer []byte, f fate) {
	n := &b.entry
	n.RID, n.Time, n.Took = id, start, time.Since(b.began)
	n.Method, n.Path, n.Query = b.r.Method, b.r.URL.Path, b.r.URL.RawQuery
	n.Status, n.Fate = f.status, f.name
	n.Request, n.RequestBytes, n.Response, n.ResponseBytes = string(b.body), len(b.body), string(answer), len(answer)
	if b.ip.IsValid() {
		n.Remote = b.ip.String()
	}
	if b.app != "" {
		n.AppID = string(b.app)
	}
	if e != nil {
		n.Code, n.Detail = int(e.Code), e.Detail
	}
	if b.raw {
		n.Response, n.ResponseBytes, n.Code = b.Effect.Body, len(b.Effect.Body), 0
	}
	b.Emulator.Journal.Add(*n)
}
