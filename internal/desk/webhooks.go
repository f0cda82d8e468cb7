package desk

import (
	"context"
	"time"

	"mpblock"
	"mpblock/internal/audit"
	"mpblock/internal/feed"
	"mpblock/internal/operators"
	"mpblock/internal/webhooks"
)

// hooks returns the webhooks, of an account that an admin may see.
func (d *Desk) hooks(ctx context.Context, app mpblock.AppID) (*webhooks.Service, error) {
	_, err := d.account(ctx, operators.RoleAdmin, app)
	return d.office.webhooks, err
}

// Webhooks returns the webhooks of an account. For admins.
func (d *Desk) Webhooks(ctx context.Context, app mpblock.AppID) ([]webhooks.View, error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return nil, err
	}
	return w.Hooks(ctx, app)
}

// Webhook returns a webhook and its last deliveries, the newest first. For admins.
func (d *Desk) Webhook(ctx context.Context, app mpblock.AppID, name string) (webhooks.View, []webhooks.Delivery, error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return webhooks.View{}, nil, err
	}
	v, err := w.Hook(ctx, app, name)
	if err != nil {
		return v, nil, err
	}
	all, err := w.Deliveries(ctx, app, name)
	return v, all, err
}

// AddWebhook makes a webhook and returns its secret, which cannot be shown again. For
// admins.
func (d *Desk) AddWebhook(ctx context.Context, app mpblock.AppID, name, url string, events []feed.Kind) (secret string, err error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return "", err
	}
	_, secret, err = w.Add(ctx, app, webhooks.NewHook{Name: name, URL: url, Events: events, By: d.actor()})
	return secret, d.noted(ctx, err, audit.OfWebhook(d.actor(), audit.WebhookAdded, app, name, webhooks.Texts(events)...))
}

// RotateWebhook gives a webhook a new secret, which cannot be shown again; the old one is
// good for a while more. For admins.
func (d *Desk) RotateWebhook(ctx context.Context, app mpblock.AppID, name string, keep time.Duration) (secret string, err error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return "", err
	}
	_, secret, err = w.Rotate(ctx, app, name, keep)
	return secret, d.noted(ctx, err, audit.OfWebhook(d.actor(), audit.WebhookSecret, app, name))
}

// ResumeWebhook has a webhook go on that has stopped. For admins.
func (d *Desk) ResumeWebhook(ctx context.Context, app mpblock.AppID, name string, after *uint64) error {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return err
	}
	_, err = w.Resume(ctx, app, name, after)
	return d.noted(ctx, err, audit.OfWebhook(d.actor(), audit.WebhookResumed, app, name))
}

// RemoveWebhook ends a webhook. For admins.
func (d *Desk) RemoveWebhook(ctx context.Context, app mpblock.AppID, name string) error {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return err
	}
	_, err = w.Remove(ctx, app, name)
	return d.noted(ctx, err, audit.OfWebhook(d.actor(), audit.WebhookGone, app, name))
}

// TestWebhook sends a message that tells of nothing, and says what became of it. For admins.
func (d *Desk) TestWebhook(ctx context.Context, app mpblock.AppID, name string) (webhooks.Delivery, error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return webhooks.Delivery{}, err
	}
	return w.Test(ctx, app, name)
}

// ResendWebhook sends a message once more, and says what became of it. For admins.
func (d *Desk) ResendWebhook(ctx context.Context, app mpblock.AppID, name, id string) (webhooks.Delivery, error) {
	w, err := d.hooks(ctx, app)
	if err != nil {
		return webhooks.Delivery{}, err
	}
	return w.Resend(ctx, app, name, id)
}
