// Package hooks is the pages of the webhooks of an account: what there are, what each was
// sent of late, and what can be done to one. They are for admins.
package hooks

import (
	"net/http"
	"strings"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/feed"
	"mpblock/internal/operators"
	"mpblock/internal/webhooks"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// visit is one request for one of the pages.
type visit struct{ *web.Visit }

// Views are their templates.
var Views = map[string]web.View{
	"webhooks": {Frame: "layout", Data: &listPage{}},
	"webhook":  {Frame: "layout", Data: &hookPage{}},
}

// Register has a site serve them.
func Register(site *web.Site) {
	for pattern, h := range map[string]func(visit) error{
		"GET /accounts/{app}/webhooks":                visit.list,
		"POST /accounts/{app}/webhooks":               visit.add,
		"GET /accounts/{app}/webhooks/{name}":         visit.show,
		"POST /accounts/{app}/webhooks/{name}/test":   visit.test,
		"POST /accounts/{app}/webhooks/{name}/resend": visit.resend,
		"POST /accounts/{app}/webhooks/{name}/resume": visit.resume,
		"POST /accounts/{app}/webhooks/{name}/secret": visit.rotate,
		"POST /accounts/{app}/webhooks/{name}/remove": visit.remove,
	} {
		site.Handle(pattern, web.WithDesk(func(v *web.Visit) error {
			if !v.Desk.May(operators.RoleAdmin) {
				return web.ErrForbidden
			}
			if err := v.FindAccount(); err != nil {
				return err
			}
			if err := v.Form(); err != nil {
				return err
			}
			return h(visit{v})
		}))
	}
}

// keySecret is where the session keeps the secret of a webhook, which its page shows once.
const keySecret = "webhook"

// listPage lists the webhooks of an account, and makes one.
type listPage struct {
	web.Frame
	Account, Shown string // AppID and name
	Rows           []row
	Name, URL      string // of the new one, as they were entered
	Events         []choice
}

// row is a webhook.
type row struct {
	Name, Address, URL, Events, By string
	State, Mood                    string
	Made                           i18n.Stamp
	Behind                         string
}

// choice is an event that can be asked for.
type choice struct {
	Value, Name string
	Chosen      bool
}

// hookPage is one webhook, what it was sent, and what can be done to it.
type hookPage struct {
	web.Frame
	Account, Shown string
	Row            row
	Secret         string // shown this once
	Why            string // it has stopped, or why not
	Next           *i18n.Stamp
	OldUntil       *i18n.Stamp
	Revision       string
	Stopped        bool
	Deliveries     []deliveryRow
}

// deliveryRow is a message that was sent.
type deliveryRow struct {
	ID, Event, Revision, Status, Took string
	Taken                             bool
	Attempts                          int
	Last                              i18n.Stamp
	Next                              *i18n.Stamp
}

func (v visit) address() string { return "/accounts/" + string(v.Account.AppID) + "/webhooks" }

func (v visit) one() string { return v.address() + "/" + v.R.PathValue("name") }

func (v visit) choices(chosen func(feed.Kind) bool) (all []choice) {
	for _, k := range webhooks.Kinds() {
		all = append(all, choice{string(k), v.event(k), chosen(k)})
	}
	return all
}

func (v visit) event(k feed.Kind) string { return v.Say(msg("webhook.event." + string(k))) }

// moods are the colours of a webhook's states.
var moods = map[webhooks.State]string{webhooks.Works: "good", webhooks.Retried: "mind", webhooks.Untaken: "mind", webhooks.Stopped: "black"}

// row tells of a webhook; what it was sent last says whether it works.
func (v visit) row(h webhooks.View, sent []webhooks.Delivery) row {
	r := row{
		Name: h.Name, Address: v.address() + "/" + h.Name, URL: h.URL, By: strings.TrimPrefix(h.By, "console:"),
		Made: i18n.StampOf(h.Made, v.Zone), Behind: i18n.Grouped(int(h.Behind)), //nolint:gosec // a count of changes
	}
	state := h.State(sent)
	r.State, r.Mood = v.Say(msg("webhook.state."+string(state))), moods[state]
	var names []string
	for _, k := range h.Events {
		names = append(names, v.event(k))
	}
	r.Events = strings.Join(names, " · ")
	return r
}

func (v visit) list() error {
	return v.listPage(http.StatusOK, &listPage{Events: v.choices(func(feed.Kind) bool { return true })})
}

func (v visit) listPage(status int, p *listPage) error {
	all, err := v.Desk.Webhooks(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p.Account, p.Shown = string(v.Account.AppID), web.NameOf(v.Account)
	for _, h := range all {
		_, sent, err := v.Desk.Webhook(v.Ctx(), v.Account.AppID, h.Name)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, v.row(h, sent))
	}
	return v.Page(status, "webhooks", v.Say(msg("webhooks.title"), p.Shown), p)
}

func (v visit) add() error {
	name, url := v.Field("name"), v.Field("url")
	events, err := webhooks.ParseKinds(v.R.PostForm["event"])
	var secret string
	if err == nil {
		secret, err = v.Desk.AddWebhook(v.Ctx(), v.Account.AppID, name, url, events)
	}
	if err != nil {
		return v.Again(err, func(status int) error {
			return v.listPage(status, &listPage{Name: name, URL: url, Events: v.choices(func(k feed.Kind) bool {
				for _, text := range v.R.PostForm["event"] {
					if text == string(k) {
						return true
					}
				}
				return false
			})})
		})
	}
	v.Tell("good", v.Say(msg("webhooks.added"), name))
	return v.showSecret(name, secret)
}

// showSecret leads to a webhook, where its secret is shown once.
func (v visit) showSecret(name, secret string) error {
	v.Keep(keySecret, string(v.Account.AppID)+" "+name+" "+secret)
	return v.See(v.address() + "/" + name)
}

func (v visit) show() error {
	h, all, err := v.Desk.Webhook(v.Ctx(), v.Account.AppID, v.R.PathValue("name"))
	if err != nil {
		return err
	}
	p := &hookPage{
		Account: string(v.Account.AppID), Shown: web.NameOf(v.Account), Row: v.row(h, all), Stopped: !h.Stopped.IsZero(),
		Next: v.stamp(h.Failing.Next), Revision: i18n.Grouped(int(h.Revision)), //nolint:gosec // a count of changes
	}
	if len(h.Secrets) > 1 {
		p.OldUntil = v.stamp(h.Secrets[1].Until)
	}
	switch h.Why {
	case webhooks.StopGone:
		p.Why = v.Say(msg("webhook.why.gone"))
	case webhooks.StopFailed:
		p.Why = v.Say(msg("webhook.why.failed"))
	case webhooks.StopLost:
		p.Why = v.Say(msg("webhook.why.lost"))
	}
	for _, d := range all {
		p.Deliveries = append(p.Deliveries, v.delivery(d))
	}
	if kept := strings.Fields(v.Kept(keySecret)); len(kept) == 3 && kept[0] == p.Account && kept[1] == h.Name {
		v.Forget(keySecret)
		p.Secret = kept[2]
	}
	return v.Page(http.StatusOK, "webhook", v.Say(msg("webhook.title"), h.Name), p)
}

func (v visit) stamp(t time.Time) *i18n.Stamp {
	if t.IsZero() {
		return nil
	}
	s := i18n.StampOf(t, v.Zone)
	return &s
}

func (v visit) delivery(d webhooks.Delivery) deliveryRow {
	r := deliveryRow{
		ID: d.ID, Event: v.Say(msg("webhook.event.test")), Status: v.status(d), Took: v.Say(msg("webhook.ms"), int(d.Took.Milliseconds())),
		Taken: d.Fault == "", Attempts: d.Attempts, Last: i18n.StampOf(d.Last, v.Zone), Next: v.stamp(d.Next),
	}
	if d.Kind != "test" {
		r.Event = v.event(d.Kind)
	}
	if d.Revision > 0 {
		r.Revision = i18n.Grouped(int(d.Revision)) //nolint:gosec // a count of changes
	}
	if d.Parts > 1 {
		r.Revision += " " + v.Say(msg("webhook.part"), d.Part, d.Parts)
	}
	return r
}

// status says what became of a message.
func (v visit) status(d webhooks.Delivery) string {
	said := map[bool]string{true: v.Say(msg("webhook.taken"), d.Code)}[d.Fault == ""]
	if d.Fault != "" {
		said = v.Say(msg("webhook.fault." + string(d.Fault)))
		if d.Code != 0 {
			said = v.Say(msg("webhook.fault.code"), said, d.Code)
		}
	}
	return said
}

// sent tells what became of one attempt by hand.
func (v visit) sent(d webhooks.Delivery, err error) error {
	return v.done(err, map[bool]string{true: "good", false: "bad"}[d.Fault == ""], v.status(d))
}

// done says on the page of a webhook what was done, or why it was refused.
func (v visit) done(err error, kind, text string) error {
	if err != nil {
		refused, ok := v.Refusal(err)
		if !ok {
			return err
		}
		kind, text = "bad", refused
	}
	v.Tell(kind, text)
	return v.See(v.one())
}

func (v visit) test() error {
	return v.sent(v.Desk.TestWebhook(v.Ctx(), v.Account.AppID, v.R.PathValue("name")))
}

func (v visit) resend() error {
	return v.sent(v.Desk.ResendWebhook(v.Ctx(), v.Account.AppID, v.R.PathValue("name"), v.Field("id")))
}

func (v visit) resume() error {
	err := v.Desk.ResumeWebhook(v.Ctx(), v.Account.AppID, v.R.PathValue("name"), nil)
	return v.done(err, "good", v.Say(msg("webhook.resumed")))
}

func (v visit) rotate() error {
	keep := map[string]time.Duration{"1": 24 * time.Hour, "7": webhooks.MaxKeep}[v.Field("days")] // else none
	secret, err := v.Desk.RotateWebhook(v.Ctx(), v.Account.AppID, v.R.PathValue("name"), keep)
	if err != nil {
		return v.done(err, "", "")
	}
	v.Tell("good", v.Say(msg("webhook.rotated"), v.R.PathValue("name")))
	return v.showSecret(v.R.PathValue("name"), secret)
}

func (v visit) remove() error {
	name := v.R.PathValue("name")
	if v.Field("sure") == "" {
		return v.done(nil, "bad", v.Say(msg("account.sure")))
	}
	if err := v.Desk.RemoveWebhook(v.Ctx(), v.Account.AppID, name); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("webhooks.removed"), name))
	return v.See(v.address())
}
