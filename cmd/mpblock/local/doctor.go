package local

import (
	"context"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/console/i18n"
	"mpblock/internal/upstream/doctor"
)

type accountDoctor struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account, one with an upstream."`
}

// Run examines what of an account on the platform works.
func (c accountDoctor) Run(ctx context.Context, t ui.Terminal) error {
	r, err := admin.Dial(c.Data).Doctor(ctx, c.AppID)
	if err != nil {
		return c.Explain(err)
	}
	for i := range r.Checks {
		r.Checks[i].Text = doctorText(r.Checks[i])
	}
	if c.JSON {
		err = t.JSON(r)
	} else {
		printDoctor(t, r)
	}
	if err == nil && r.State() == doctor.Failed {
		return ui.Failed(ui.CodeFailed, "set right what the lines above say, and ask again: mpblock account doctor --data "+c.Data+" "+c.AppID, "%s cannot be worked with on %s", c.AppID, r.BaseURL)
	}
	return err
}

func printDoctor(t ui.Terminal, r doctor.Report) {
	t.Printf("%s on %s, tokens from %s\n\n", r.AppID, r.BaseURL, r.Tokens)
	for _, c := range r.Checks {
		t.Printf("%-8s  %-18s  %s\n", c.State, strings.TrimPrefix(c.Call, "/cgi-bin/"), ui.Printable(c.Text))
		if c.Code != 0 {
			t.Printf("%-8s  %-18s  code %d", "", "", c.Code)
			if c.RID != "" {
				t.Printf(", rid %s", ui.Printable(c.RID))
			}
			t.Printf("\n")
		}
	}
	if len(r.Quotas) > 0 {
		t.Printf("\n%12s  %12s  %12s  calls a day of\n", "allowed", "used", "left")
	}
	for _, q := range r.Quotas {
		t.Printf("%12s  %12s  %12s  %s\n", ui.Grouped(q.Daily), ui.Grouped(q.Used), ui.Grouped(q.Left), strings.TrimPrefix(q.Call, "/cgi-bin/"))
	}
	t.Printf("\n")
	if r.Page > 0 {
		t.Printf("page        %s OpenIDs a page\n", ui.Grouped(r.Page))
	}
	if r.Prefix != "" {
		t.Printf("prefix      %s\n", r.Prefix)
	}
	for _, a := range r.Addresses {
		t.Printf("address     %s was refused: put it on the account's allow-list\n", a)
	}
}

// doctorText returns the words of a check.
func doctorText(c doctor.Check) string {
	if c.Key == doctor.Secret {
		c.Key = doctor.CommandSecret
	}
	args := make([]any, len(c.Args))
	for i, a := range c.Args {
		args[i] = a
		if n, err := strconv.Atoi(a); err == nil && strings.HasPrefix(c.Key, "doctor.") {
			args[i] = n
		}
	}
	if strings.HasPrefix(c.Key, "doctor.") {
		return i18n.English.Say(i18n.Msg(c.Key), args...)
	}
	return i18n.English.Refused(&mpblock.Error{Key: c.Key, Args: args})
}
