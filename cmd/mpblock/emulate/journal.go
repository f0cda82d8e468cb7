package emulate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/control"
	"mpblock/internal/emulator"
)

// filter are the flags that say which calls are meant.
type filter struct {
	Path    string `help:"Calls of this path; * stands for any characters." placeholder:"PATTERN"`
	AppID   string `name:"appid" help:"Calls of this account." placeholder:"APPID"`
	Program string `help:"Calls of this program; * stands for any." placeholder:"NAME"`
	OpenID  string `name:"openid" help:"Calls that name this OpenID." placeholder:"OPENID"`
	Body    string `help:"Calls with this text in their body." placeholder:"TEXT"`
	ErrCode *int   `name:"errcode" help:"Calls that were answered with this code." placeholder:"CODE"`
	Rule    string `help:"Calls that this rule of the fault plan struck; * stands for any." placeholder:"NAME"`
}

func (f filter) filter() emulator.Filter {
	return emulator.Filter{Path: f.Path, AppID: f.AppID, Program: f.Program, OpenID: f.OpenID, Body: f.Body, Code: f.ErrCode, Rule: f.Rule}
}

func (f filter) query() url.Values {
	q := url.Values{}
	for key, value := range map[string]string{"path": f.Path, "appid": f.AppID, "program": f.Program, "openid": f.OpenID, "body": f.Body, "rule": f.Rule} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if f.ErrCode != nil {
		q.Set("errcode", strconv.Itoa(*f.ErrCode))
	}
	return q
}

type journalCmd struct {
	door
	filter
	Follow bool `short:"f" help:"Go on with the calls that come." xor:"form"`
	HAR    bool `name:"har" help:"Print an HTTP Archive, for browsers and proxies." xor:"form"`
	Clear  bool `help:"Forget all calls." xor:"form"`
	Bodies bool `help:"Print the bodies too."`
	Limit  int  `short:"n" help:"So many calls, the newest, up to 1000. Default: ${default}." default:"100"`
}

// Run prints the journal. With --json each call is a line.
func (c journalCmd) Run(ctx context.Context, t ui.Terminal) error {
	switch {
	case c.Clear:
		return c.simply(ctx, t, http.MethodDelete, "/journal", "The journal is empty.")
	case c.HAR:
		var text []byte
		if err := c.do(ctx, http.MethodGet, "/journal.har", c.query(), nil, &text); err != nil {
			return err
		}
		t.Printf("%s", text)
		return nil
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	query := c.query()
	query.Set("limit", strconv.Itoa(c.Limit))
	for {
		var out control.Calls
		err := c.do(ctx, http.MethodGet, "/journal", query, nil, &out)
		if c.Follow && errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range out.Calls {
			if err := c.print(t, e); err != nil {
				return err
			}
		}
		if !c.Follow {
			return nil
		}
		query.Set("after", strconv.FormatUint(max(out.Last, 1), 10))
		query.Set("wait", "30s")
	}
}

func (c journalCmd) print(t ui.Terminal, e emulator.Entry) error {
	if c.JSON {
		line, err := json.Marshal(e)
		t.Printf("%s\n", line)
		return err
	}
	printCall(t, "", e)
	if c.Bodies {
		for _, body := range []struct{ sign, text string }{{">", e.Request}, {"<", e.Response}} {
			if body.text != "" {
				t.Printf("      %s %s\n", body.sign, ui.Printable(body.text))
			}
		}
	}
	return nil
}

func printCall(t ui.Terminal, indent string, e emulator.Entry) {
	path := e.Path
	if e.Query != "" {
		path += "?" + e.Query
	}
	end := "errcode " + strconv.Itoa(e.Code)
	if e.Status != http.StatusOK {
		end = "HTTP " + strconv.Itoa(e.Status)
	}
	if e.Fate != "" {
		end += ", " + e.Fate
	}
	if e.Program != "" {
		end += ", program " + e.Program
	}
	if e.Rule != "" {
		end += ", rule " + e.Rule
	}
	t.Printf("%s%5d  %s  %-4s %s  %s  %s\n", indent, e.N, e.Time.Local().Format("15:04:05.000"), e.Method, ui.Printable(path), end, e.Took.Round(10*time.Microsecond))
}

type verifyCmd struct {
	door
	filter
	Times   *int `help:"Exactly so many." placeholder:"N"`
	AtLeast *int `help:"At least so many." placeholder:"N"`
	AtMost  *int `help:"At most so many." placeholder:"N"`
}

// Run verifies what came.
func (c verifyCmd) Run(ctx context.Context, t ui.Terminal) error {
	x := emulator.Expectation{Match: c.filter.filter(), Times: c.Times, Least: c.AtLeast, Most: c.AtMost}
	if c.Times == nil && c.AtLeast == nil && c.AtMost == nil {
		return ui.Failed(ui.CodeUsage, "mpblock emulator verify --path '*/batchblacklist' --times 3", "nothing says how often the calls are to have come: give --times, --at-least or --at-most")
	}
	var v emulator.Verdict
	if err := c.do(ctx, http.MethodPost, "/verify", nil, x, &v); err != nil {
		return err
	}
	if c.JSON {
		if err := t.JSON(v); err != nil {
			return err
		}
	} else {
		t.Printf("want %s: %d came\n", v.Want, v.Count)
		for _, n := range v.Nearest {
			printCall(t, "  nearly", n.Call)
			t.Printf("          %s\n", ui.Printable(strings.Join(n.Differs, "; ")))
		}
	}
	if !v.OK {
		return ui.Failed(ui.CodePartly, "", "%d calls came, not %s", v.Count, v.Want)
	}
	return nil
}

type driftCmd struct {
	door
	AppID        string   `name:"appid" help:"The account, where there are several." placeholder:"APPID"`
	Block        []string `help:"Block these." placeholder:"OPENID"`
	Unblock      []string `help:"Unblock these." placeholder:"OPENID"`
	BlockCount   int      `help:"Block so many, picked by chance among followers." placeholder:"N"`
	UnblockCount int      `help:"Unblock so many, picked by chance." placeholder:"N"`
}

// Run has the list change elsewhere.
func (c driftCmd) Run(ctx context.Context, t ui.Terminal) error {
	in := control.Drift{AppID: c.AppID, Block: control.Who{Count: c.BlockCount, OpenIDs: c.Block}, Unblock: control.Who{Count: c.UnblockCount, OpenIDs: c.Unblock}}
	if len(c.Block)+len(c.Unblock)+c.BlockCount+c.UnblockCount == 0 {
		return ui.Failed(ui.CodeUsage, "mpblock emulator drift --block-count 3", "nobody is named: give --block, --unblock, --block-count or --unblock-count")
	}
	if c.BlockCount > 0 && len(c.Block) > 0 || c.UnblockCount > 0 && len(c.Unblock) > 0 {
		return ui.Failed(ui.CodeUsage, "run it twice", "who is blocked or unblocked is either named or picked")
	}
	var out control.Drifted
	if err := c.do(ctx, http.MethodPost, "/drift", nil, in, &out); err != nil {
		return err
	}
	if c.JSON {
		return t.JSON(out)
	}
	t.Printf("%s: somebody blocked %d and unblocked %d elsewhere\n", out.AppID, len(out.Blocked), len(out.Unblocked))
	for _, id := range out.Blocked {
		t.Printf("  + %s\n", id)
	}
	for _, id := range out.Unblocked {
		t.Printf("  - %s\n", id)
	}
	return nil
}

type statusCmd struct{ door }

// Run shows how the emulator stands.
func (c statusCmd) Run(ctx context.Context, t ui.Terminal) error {
	var out control.Overview
	if err := c.do(ctx, http.MethodGet, "/", nil, nil, &out); err != nil {
		return err
	}
	if c.JSON {
		return t.JSON(out)
	}
	printClock(t, out.Clock)
	printFaults(t, out.Faults)
	t.Printf("%s in the journal; accounts: %s\n", ui.Many(out.Calls, "call"), strings.Join(out.Accounts, ", "))
	return nil
}
