package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/webhooks"
)

// Webhook is a webhook of an account, without its secrets.
type Webhook struct {
	Name     string     `json:"name"`
	URL      string     `json:"url"`
	Events   []string   `json:"events"`
	State    string     `json:"state,omitempty"` // stopped, failing, unused, untaken or works; "": it is removed
	Made     time.Time  `json:"made"`
	By       string     `json:"by"`
	Revision uint64     `json:"revision"` // up to which it was told of the changes
	Behind   uint64     `json:"behind"`   // changes behind that
	Attempts int        `json:"attempts"` // to send the message that it is at
	Next     *time.Time `json:"next_attempt,omitempty"`
	Stopped  *time.Time `json:"stopped,omitempty"`
	Why      string     `json:"why,omitempty"` // it has stopped: gone, failed or lost
	OldUntil *time.Time `json:"old_secret_until,omitempty"`
}

// NewWebhook is what a webhook is made with.
type NewWebhook struct {
	Name   string   `json:"name"`
	URL    string   `json:"url"`
	Events []string `json:"events"`
}

// WebhookSecret is a webhook and its secret, which cannot be shown again.
type WebhookSecret struct {
	Webhook
	Secret string `json:"secret"`
}

// Delivery is what became of a message to a webhook.
type Delivery struct {
	ID       string     `json:"id"`
	Event    string     `json:"event"`
	Revision uint64     `json:"revision,omitempty"`
	Part     int        `json:"part,omitempty"`
	Parts    int        `json:"parts,omitempty"`
	Attempts int        `json:"attempts"`
	Last     time.Time  `json:"last_attempt"`
	Millis   int64      `json:"duration_ms"`
	Status   int        `json:"status,omitempty"` // of HTTP; 0: there was no answer
	Problem  string     `json:"problem,omitempty"`
	Next     *time.Time `json:"next_attempt,omitempty"`
}

// Deliveries are the last ones of a webhook, the newest first.
type Deliveries struct {
	Webhook
	Deliveries []Delivery `json:"deliveries"`
}

// rotateBody is how long the old secret stays good.
type rotateBody struct {
	KeepSeconds int64 `json:"keep_seconds"`
}

// resumeBody is from behind which revision a webhook goes on; nil: from where it is.
type resumeBody struct {
	After *uint64 `json:"after,omitempty"`
}

// resendBody names a message.
type resendBody struct {
	ID string `json:"id"`
}

func (h *handler) webhookRoutes(mux *http.ServeMux) {
	mux.Handle("GET /accounts/{app}/webhooks", handle(h, h.webhooks))
	mux.Handle("POST /accounts/{app}/webhooks", handle(h, h.addWebhook))
	mux.Handle("GET /accounts/{app}/webhooks/{name}", handle(h, h.webhook))
	mux.Handle("DELETE /accounts/{app}/webhooks/{name}", handle(h, h.removeWebhook))
	mux.Handle("POST /accounts/{app}/webhooks/{name}/secret", handle(h, h.rotateWebhook))
	mux.Handle("POST /accounts/{app}/webhooks/{name}/resume", handle(h, h.resumeWebhook))
	mux.Handle("POST /accounts/{app}/webhooks/{name}/test", handle(h, h.testWebhook))
	mux.Handle("POST /accounts/{app}/webhooks/{name}/resend", handle(h, h.resendWebhook))
}

// hookOf returns the account and the name of a webhook that a request names. The account is
// one that is there.
func (h *handler) hookOf(r *http.Request) (mpblock.AppID, string, error) {
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return "", "", err
	}
	return a.AppID, r.PathValue("name"), nil
}

func (h *handler) webhooks(r *http.Request, _ none) ([]Webhook, error) {
	app, _, err := h.hookOf(r)
	if err != nil {
		return nil, err
	}
	all, err := h.rules.Webhooks.Hooks(r.Context(), app)
	views := make([]Webhook, 0, len(all))
	for _, v := range all {
		sent, err := h.rules.Webhooks.Deliveries(r.Context(), app, v.Name)
		if err != nil {
			return nil, err
		}
		views = append(views, viewWebhook(v, sent))
	}
	return views, err
}

func (h *handler) webhook(r *http.Request, _ none) (Deliveries, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return Deliveries{}, err
	}
	return h.shown(r, app, name)
}

// shown returns a webhook as it is now, and what it was sent.
func (h *handler) shown(r *http.Request, app mpblock.AppID, name string) (Deliveries, error) {
	v, err := h.rules.Webhooks.Hook(r.Context(), app, name)
	if err != nil {
		return Deliveries{}, err
	}
	all, err := h.rules.Webhooks.Deliveries(r.Context(), app, name)
	views := make([]Delivery, 0, len(all))
	for _, d := range all {
		views = append(views, viewDelivery(d))
	}
	return Deliveries{viewWebhook(v, all), views}, err
}

func (h *handler) addWebhook(r *http.Request, in NewWebhook) (WebhookSecret, error) {
	app, _, err := h.hookOf(r)
	if err != nil {
		return WebhookSecret{}, err
	}
	events, err := webhooks.ParseKinds(in.Events)
	if err != nil {
		return WebhookSecret{}, err
	}
	hook, secret, err := h.rules.Webhooks.Add(r.Context(), app, webhooks.NewHook{Name: in.Name, URL: in.URL, Events: events, By: audit.ByAdmin})
	if err != nil {
		return WebhookSecret{}, err
	}
	h.didWebhook(r, audit.WebhookAdded, hook.Name, webhooks.Texts(events)...)
	return WebhookSecret{viewWebhook(webhooks.View{Hook: hook, Revision: hook.From.Revision}, nil), secret}, nil
}

func (h *handler) rotateWebhook(r *http.Request, in rotateBody) (WebhookSecret, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return WebhookSecret{}, err
	}
	_, secret, err := h.rules.Webhooks.Rotate(r.Context(), app, name, time.Duration(in.KeepSeconds)*time.Second)
	if err != nil {
		return WebhookSecret{}, err
	}
	h.didWebhook(r, audit.WebhookSecret, name)
	now, err := h.shown(r, app, name)
	return WebhookSecret{now.Webhook, secret}, err
}

func (h *handler) resumeWebhook(r *http.Request, in resumeBody) (Webhook, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return Webhook{}, err
	}
	if _, err := h.rules.Webhooks.Resume(r.Context(), app, name, in.After); err != nil {
		return Webhook{}, err
	}
	h.didWebhook(r, audit.WebhookResumed, name)
	now, err := h.shown(r, app, name)
	return now.Webhook, err
}

func (h *handler) removeWebhook(r *http.Request, _ none) (Webhook, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return Webhook{}, err
	}
	hook, err := h.rules.Webhooks.Remove(r.Context(), app, name)
	if err == nil {
		h.didWebhook(r, audit.WebhookGone, name)
	}
	removed := viewWebhook(webhooks.View{Hook: hook}, nil)
	removed.State = ""
	return removed, err
}

func (h *handler) testWebhook(r *http.Request, _ none) (Delivery, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return Delivery{}, err
	}
	d, err := h.rules.Webhooks.Test(r.Context(), app, name)
	return viewDelivery(d), err
}

func (h *handler) resendWebhook(r *http.Request, in resendBody) (Delivery, error) {
	app, name, err := h.hookOf(r)
	if err != nil {
		return Delivery{}, err
	}
	d, err := h.rules.Webhooks.Resend(r.Context(), app, name, in.ID)
	return viewDelivery(d), err
}

// didWebhook notes what was done to a webhook.
func (h *handler) didWebhook(r *http.Request, deed audit.Deed, name string, events ...string) {
	h.log.Info("webhook changed", "deed", deed, "appid", appOf(r), "webhook", name)
	h.rules.Audit.Note(r.Context(), audit.OfWebhook(audit.ByAdmin, deed, appOf(r), name, events...))
}

// some returns a time, or nil for none.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func viewWebhook(v webhooks.View, sent []webhooks.Delivery) Webhook {
	w := Webhook{
		Name: v.Name, URL: v.URL, Events: webhooks.Texts(v.Events), State: string(v.State(sent)), Made: v.Made, By: strings.TrimPrefix(v.By, "console:"),
		Revision: v.Revision, Behind: v.Behind, Attempts: v.Failing.Attempts, Next: some(v.Failing.Next),
		Stopped: some(v.Stopped), Why: string(v.Why),
	}
	if len(v.Secrets) > 1 {
		w.OldUntil = some(v.Secrets[1].Until)
	}
	return w
}

func viewDelivery(d webhooks.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Event: string(d.Kind), Revision: d.Revision, Part: d.Part, Parts: d.Parts, Attempts: d.Attempts,
		Last: d.Last, Millis: d.Took.Milliseconds(), Status: d.Code, Problem: string(d.Fault), Next: some(d.Next),
	}
}

// Webhooks returns the webhooks of an account.
func (c *Client) Webhooks(ctx context.Context, app string) (all []Webhook, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/webhooks", nil, &all)
	return all, err
}

// Webhook returns a webhook and its last deliveries.
func (c *Client) Webhook(ctx context.Context, app, name string) (w Deliveries, err error) {
	err = c.doWebhook(ctx, http.MethodGet, app, name, "", nil, &w)
	return w, err
}

// AddWebhook makes a webhook.
func (c *Client) AddWebhook(ctx context.Context, app string, n NewWebhook) (w WebhookSecret, err error) {
	err = c.doAccount(ctx, http.MethodPost, app, "/webhooks", n, &w)
	return w, err
}

// RotateWebhook gives a webhook a new secret; the old one is good for a while more.
func (c *Client) RotateWebhook(ctx context.Context, app, name string, keep time.Duration) (w WebhookSecret, err error) {
	err = c.doWebhook(ctx, http.MethodPost, app, name, "/secret", rotateBody{int64(keep / time.Second)}, &w)
	return w, err
}

// ResumeWebhook has a webhook go on, from behind a revision unless that is nil.
func (c *Client) ResumeWebhook(ctx context.Context, app, name string, after *uint64) (w Webhook, err error) {
	err = c.doWebhook(ctx, http.MethodPost, app, name, "/resume", resumeBody{after}, &w)
	return w, err
}

// RemoveWebhook ends a webhook.
func (c *Client) RemoveWebhook(ctx context.Context, app, name string) (w Webhook, err error) {
	err = c.doWebhook(ctx, http.MethodDelete, app, name, "", nil, &w)
	return w, err
}

// TestWebhook sends a message that tells of nothing, at once.
func (c *Client) TestWebhook(ctx context.Context, app, name string) (d Delivery, err error) {
	err = c.doWebhook(ctx, http.MethodPost, app, name, "/test", nil, &d)
	return d, err
}

// ResendWebhook sends a message once more, at once.
func (c *Client) ResendWebhook(ctx context.Context, app, name, id string) (d Delivery, err error) {
	err = c.doWebhook(ctx, http.MethodPost, app, name, "/resend", resendBody{id}, &d)
	return d, err
}

// doWebhook is doAccount with what belongs to a webhook. It checks the name, which becomes
// a part of a path too.
func (c *Client) doWebhook(ctx context.Context, method, app, name, part string, in, out any) error {
	name, err := webhooks.ParseName(name)
	if err != nil {
		return err
	}
	return c.doAccount(ctx, method, app, "/webhooks/"+url.PathEscape(name)+part, in, out)
}
