package overapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/native"
)

// Check is the flags of mpblock check where it asks a server whether people are blocked.
type Check struct {
	Server string `help:"Base URL of the server that is asked whether OpenIDs are blocked." env:"MPBLOCK_SERVER" placeholder:"URL"`
	AppID  string `name:"appid" help:"AppID of the account." env:"MPBLOCK_APPID"`
	profileFlag
	access
	File   []string `short:"f" help:"File with OpenIDs, as mpblock block takes it; - is standard input." placeholder:"FILE"`
	Format string   `help:"Form of the files: ${enum}. Default: what they look like." enum:"auto,text,csv,ndjson" default:"auto"`
}

// Asks tells whether words of the command line are OpenIDs to ask a server about, and not
// the name of a store.
func (c Check) Asks(words []string) bool {
	isOpenID := func(s string) bool { _, err := mpblock.ParseOpenID(s); return err == nil }
	return len(c.File) > 0 || len(words) > 1 || slices.ContainsFunc(words, isOpenID)
}

// checkedOne is what became of asking about one OpenID, as --json prints it.
type checkedOne struct {
	OpenID     string    `json:"openid"`
	Blocked    *bool     `json:"blocked,omitempty"`
	ExpireTime time.Time `json:"expire_time,omitzero"`
	Code       string    `json:"code,omitempty"` // why there is no answer
	Detail     string    `json:"detail,omitempty"`
}

// Ask tells of each OpenID whether it is blocked, in their order. It fails quietly with
// CodePartly unless all of them are.
func (c Check) Ask(ctx context.Context, t ui.Terminal, words []string, asJSON bool) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, s := range words {
		if _, err := mpblock.ParseOpenID(s); err != nil {
			hint := ""
			if namesFile(s) {
				hint = "mpblock check -f " + s
			}
			return ui.Failed(ui.CodeUsage, hint, "%q: %w", s, err)
		}
	}
	if c.Server == "" || c.AppID == "" {
		return ui.Failed(ui.CodeUsage, "mpblock check --server URL --appid APPID OPENID; a profile says both once", "no server or no account is named to ask about OpenIDs")
	}
	in, err := read(t, c.File, c.Format)
	if err == nil && len(words) == 0 {
		err = in.some()
	}
	if err != nil {
		return err
	}
	r := remote{Server: c.Server, AppID: c.AppID, access: c.access}
	api, err := r.native(t)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(t.Out)
	all := len(in.bad) == 0
	pace := rate.NewLimiter(rate.Every(c.Pace), 1)
	for some := range slices.Chunk(slices.Concat(words, in.ids), native.MaxItems) {
		if err := pace.Wait(ctx); err != nil {
			return explainRemote(err)
		}
		answers, err := askSome(ctx, api, some)
		if err != nil {
			return errors.Join(out.Flush(), explainNative(err, "check"))
		}
		for _, a := range answers {
			all = all && a.Blocked != nil && *a.Blocked
			if err := printAnswer(out, a, asJSON); err != nil {
				return err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if !all {
		return ui.Quietly(ui.CodePartly)
	}
	return nil
}

// askSome asks about up to MaxItems OpenIDs. Those that the server refuses are asked about no
// more, and the others are.
func askSome(ctx context.Context, api *native.Client, openIDs []string) ([]checkedOne, error) {
	out := make([]checkedOne, len(openIDs))
	var bad *native.Error
	answers, err := api.Check(ctx, openIDs...)
	if errors.As(err, &bad) && len(bad.Items) > 0 {
		for _, it := range bad.Items {
			if it.Index < 0 || it.Index >= len(out) {
				return nil, err
			}
			out[it.Index].Code, out[it.Index].Detail = it.Code, it.Detail
		}
		var rest []string
		for i, o := range out {
			if o.Code == "" {
				rest = append(rest, openIDs[i])
			}
		}
		answers, err = nil, nil
		if len(rest) > 0 {
			answers, err = api.Check(ctx, rest...)
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].OpenID = openIDs[i]
		if out[i].Code == "" {
			out[i].Blocked, out[i].ExpireTime = &answers[0].Blocked, answers[0].ExpireTime
			answers = answers[1:]
		}
	}
	return out, nil
}

func printAnswer(w *bufio.Writer, a checkedOne, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(a)
	}
	what := "not blocked"
	switch {
	case a.Code != "":
		what = "unknown: " + ui.Printable(a.Detail)
	case *a.Blocked && !a.ExpireTime.IsZero():
		what = "blocked until " + ui.Local(a.ExpireTime)
	case *a.Blocked:
		what = "blocked"
	}
	_, err := fmt.Fprintf(w, "%s  %s\n", a.OpenID, what)
	return err
}
