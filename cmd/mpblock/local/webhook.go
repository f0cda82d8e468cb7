package local

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Webhook is the commands of the webhooks of an account.
type Webhook struct {
	Add    webhookAdd    `cmd:"" help:"Make a webhook, which is told of the changes from now on; prints, once, its secret."`
	List   webhookList   `cmd:"" help:"List the webhooks of an account, with how far each is."`
	Show   webhookShow   `cmd:"" help:"Show a webhook and its last deliveries."`
	Rotate webhookRotate `cmd:"" help:"Give a webhook a new secret; messages are signed with the old one too for a while."`
	Remove webhookRemove `cmd:"" help:"End a webhook."`
	Test   webhookTest   `cmd:"" help:"Send a message that tells of nothing, once and at once."`
	Resend webhookResend `cmd:"" help:"Send one of the last deliveries once more, at once."`
	Resume webhookResume `cmd:"" help:"Have a webhook go on that has stopped; or any, from behind another revision."`
}

// hook is the flags of the commands about one webhook.
type hook struct {
	of
	Name string `arg:"" help:"The webhook: 1 to 32 lower-case letters, digits and . _ -"`
}

type webhookAdd struct {
	hook
	URL    string   `arg:"" name:"url" help:"Where messages are sent: https://…"`
	Events []string `name:"event" help:"What it is told of, ${enum}; may be given often. Default: all." enum:"blocked,amended,unblocked,expired,protected,unprotected" default:"blocked,amended,unblocked,expired,protected,unprotected"`
}

// Run makes a webhook.
func (c webhookAdd) Run(ctx context.Context, t ui.Terminal) error {
	w, err := admin.Dial(c.Data).AddWebhook(ctx, c.Account, admin.NewWebhook{Name: c.Name, URL: c.URL, Events: c.Events})
	if err != nil {
		return c.Explain(err)
	}
	return c.secret(t, w, "Messages are signed with this secret, which cannot be shown again. Try it with: mpblock webhook test --data "+c.Data+" --account "+c.Account+" "+c.Name)
}

// secret prints a secret, this once.
func (c hook) secret(t ui.Terminal, w admin.WebhookSecret, means string) error {
	if c.JSON {
		return t.JSON(w)
	}
	t.Printf("webhook %s\nappid   %s\nurl     %s\nevents  %s\nsecret  %s\n", w.Name, c.Account, w.URL, strings.Join(w.Events, " "), w.Secret)
	fmt.Fprintln(t.Err, means)
	return nil
}

type webhookList struct{ of }

// Run lists the webhooks of an account.
func (c webhookList) Run(ctx context.Context, t ui.Terminal) error {
	all, err := admin.Dial(c.Data).Webhooks(ctx, c.Account)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(t.Err, "There is no webhook yet; mpblock webhook add creates one.")
		return nil
	}
	t.Printf("%-24s  %-12s  %-8s  %-6s  %s\n", "name", "state", "revision", "behind", "url")
	for _, w := range all {
		t.Printf("%-24s  %-12s  %-8d  %-6d  %s\n", w.Name, states[w.State], w.Revision, w.Behind, w.URL)
	}
	return nil
}

// states say how a webhook is in a word or two.
var states = map[string]string{
	"stopped": "stopped", "failing": "tries again", "unused": "nothing sent", "untaken": "not taken", "works": "works",
}

// stopped says why a webhook has stopped.
var stopped = map[string]string{
	"gone":   "the receiver has answered 410: it wants no more",
	"failed": "a message was not taken for 24 hours",
	"lost":   "the log has not what comes behind its revision; resume it with --after",
}

// problems say why a message was not taken.
var problems = map[string]string{
	"status": "the answer is no success", "redirect": "redirects are not followed", "gone": "it wants no more", "timeout": "no answer in time",
	"private": "the address is not public: see --webhook-private of mpblock serve", "name": "the name leads nowhere",
	"tls": "the certificate cannot be trusted", "unreachable": "it cannot be reached: no connection comes about there, or it ends without an answer",
}

type webhookShow struct{ hook }

// Run shows a webhook.
func (c webhookShow) Run(ctx context.Context, t ui.Terminal) error {
	w, err := admin.Dial(c.Data).Webhook(ctx, c.Account, c.Name)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(w)
	}
	c.print(t, w.Webhook)
	if len(w.Deliveries) == 0 {
		fmt.Fprintln(t.Err, "Nothing was sent yet.")
		return nil
	}
	t.Printf("\n%-16s  %-11s  %-8s  %-6s  %-8s  %-5s  %s\n", "last attempt", "event", "revision", "status", "took", "tries", "id")
	for _, d := range w.Deliveries {
		t.Printf("%-16s  %-11s  %-8s  %-6s  %-8s  %-5d  %s\n", minute(&d.Last), d.Event, revision(d), status(d), fmt.Sprintf("%d ms", d.Millis), d.Attempts, d.ID)
	}
	return nil
}

func revision(d admin.Delivery) string {
	if d.Revision == 0 {
		return "-"
	}
	if d.Parts > 1 {
		return fmt.Sprintf("%d %d/%d", d.Revision, d.Part, d.Parts)
	}
	return fmt.Sprint(d.Revision)
}

func status(d admin.Delivery) string {
	if d.Status == 0 {
		return d.Problem
	}
	return fmt.Sprint(d.Status)
}

// print prints a webhook as it is now.
func (c hook) print(t ui.Terminal, w admin.Webhook) {
	t.Printf("name       %s\nurl        %s\nevents     %s\nmade       %s by %s\nstate      %s\nrevision   %d, %d behind\n", w.Name, w.URL, strings.Join(w.Events, " "), minute(&w.Made), w.By, states[w.State], w.Revision, w.Behind)
	if w.Stopped != nil {
		t.Printf("stopped    %s: %s\n", minute(w.Stopped), stopped[w.Why])
	}
	if w.Next != nil {
		t.Printf("next try   %s, after %d\n", minute(w.Next), w.Attempts)
	}
	if w.OldUntil != nil {
		t.Printf("old secret until %s\n", minute(w.OldUntil))
	}
}

type webhookRotate struct {
	hook
	Keep time.Duration `help:"How long messages are signed with the old secret too, 0 to 168h. Default: ${default}." default:"24h"`
}

// Run gives a webhook a new secret.
func (c webhookRotate) Run(ctx context.Context, t ui.Terminal) error {
	w, err := admin.Dial(c.Data).RotateWebhook(ctx, c.Account, c.Name, c.Keep)
	if err != nil {
		return c.Explain(err)
	}
	means := "Messages are signed with this secret alone from now on."
	if w.OldUntil != nil {
		means = "Messages are signed with the old secret too until " + minute(w.OldUntil) + "."
	}
	return c.secret(t, w, means)
}

type webhookRemove struct{ hook }

// Run ends a webhook.
func (c webhookRemove) Run(ctx context.Context, t ui.Terminal) error {
	w, err := admin.Dial(c.Data).RemoveWebhook(ctx, c.Account, c.Name)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(w)
	}
	t.Printf("webhook %s of %s is removed\n", c.Name, c.Account)
	return nil
}

type webhookTest struct{ hook }

// Run sends a message that tells of nothing.
func (c webhookTest) Run(ctx context.Context, t ui.Terminal) error {
	d, err := admin.Dial(c.Data).TestWebhook(ctx, c.Account, c.Name)
	return c.sent(ctx, t, d, err)
}

// sent says what became of one attempt; what was not taken is an error.
func (c hook) sent(ctx context.Context, t ui.Terminal, d admin.Delivery, err error) error {
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		err = t.JSON(d)
	} else if d.Problem == "" {
		t.Printf("taken with %d in %d ms\n", d.Status, d.Millis)
	}
	if err == nil && d.Problem != "" {
		said := ""
		if d.Status != 0 {
			said = fmt.Sprintf(" with %d", d.Status)
		}
		w, err := admin.Dial(c.Data).Webhook(ctx, c.Account, c.Name)
		if err != nil {
			return c.Explain(err)
		}
		hint := ""
		if d.Status == http.StatusUnauthorized || d.Status == http.StatusForbidden {
			hint = "the receiver did not accept the signature: has it the same secret? mpblock webhook rotate gives a new one"
		}
		return ui.Failed(ui.CodeFailed, hint, "webhook %s has not taken the message%s at %s: %s", c.Name, said, w.URL, problems[d.Problem])
	}
	return err
}

type webhookResend struct {
	hook
	ID string `arg:"" help:"The id of the message, as mpblock webhook show has it."`
}

// Run sends a message once more.
func (c webhookResend) Run(ctx context.Context, t ui.Terminal) error {
	d, err := admin.Dial(c.Data).ResendWebhook(ctx, c.Account, c.Name, c.ID)
	return c.sent(ctx, t, d, err)
}

type webhookResume struct {
	hook
	After *uint64 `help:"Go on from behind this revision, instead of where it is: to skip a message, or to be told again." placeholder:"REVISION"`
}

// Run has a webhook go on.
func (c webhookResume) Run(ctx context.Context, t ui.Terminal) error {
	w, err := admin.Dial(c.Data).ResumeWebhook(ctx, c.Account, c.Name, c.After)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(w)
	}
	c.print(t, w)
	return nil
}
