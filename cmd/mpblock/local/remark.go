package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
	"mpblock/internal/remarks"
)

// Remark is the commands of what operators call people.
type Remark struct {
	Import remarkImport `cmd:"" help:"Take the names and remarks of a file: CSV, .xlsx or NDJSON with openid, name, remark."`
	Export remarkExport `cmd:"" help:"Print all names and remarks as CSV, or with --json as NDJSON."`
	Forget remarkForget `cmd:"" help:"Erase the names and remarks of OpenIDs."`
}

type remarkImport struct {
	Where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	File    string `arg:"" help:"CSV or Excel workbook with the columns openid, name, remark (姓名, 昵称, 备注), or NDJSON with such fields. - is standard input."`
}

// remarked is the outcome of an import of remarks, as --json prints it.
type remarked struct {
	Set     int `json:"set"`
	Without int `json:"without"` // OpenIDs with neither a name nor a remark
	Refused int `json:"refused"`

	Read lines.Summary `json:"read"`
}

// Run imports remarks.
func (c remarkImport) Run(ctx context.Context, t ui.Terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := admin.Dial(c.Data)
	a, err := client.Show(ctx, c.Account)
	if err != nil {
		return c.Explain(err)
	}
	in := io.NopCloser(t.In)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return ui.ExplainRead(c.File, err)
		}
		in = f
	}
	defer in.Close() //nolint:errcheck // it was read
	var sum remarked
	var batch []admin.Remark
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := client.SetRemarks(ctx, c.Account, batch)
		if err == nil {
			sum.Set += len(batch)
		}
		batch = batch[:0]
		return err
	}
	sum.Read, err = lines.Read(in, lines.Options{Name: c.File}, func(l lines.Line) error {
		row, err := remarkOf(l, a.Prefix)
		switch {
		case err != nil:
			if sum.Refused++; sum.Refused <= ui.MaxShownBad {
				fmt.Fprintf(t.Err, "line %d: %q: %v\n", l.Number, l.Text, err)
			}
			return ctx.Err()
		case row.Name+row.Remark == "":
			sum.Without++
			return ctx.Err()
		}
		if batch = append(batch, row); len(batch) < admin.MaxRemarks {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if unreadable := (*lines.Error)(nil); errors.As(err, &unreadable) {
		if err = ui.ExplainRead(c.File, err); sum.Set == 0 {
			return err
		}
	}
	if err != nil {
		return ui.Failed(ui.CodePartly, "run the same command again: what is set stays set", "%w; %s set before", err, ui.Many(sum.Set, "remark"))
	}
	return c.report(t, sum)
}

// remarkOf returns what a line says of an OpenID.
func remarkOf(l lines.Line, prefix string) (admin.Remark, error) {
	if l.Problem != nil {
		return admin.Remark{}, l.Problem
	}
	if l.OpenID.Prefix().String() != prefix {
		return admin.Remark{}, fmt.Errorf("an OpenID of another account: its prefix is %s, not %s", l.OpenID.Prefix(), prefix)
	}
	name, remark, err := remarks.Check(l.Person())
	return admin.Remark{OpenID: l.Text, Name: name, Remark: remark}, err
}

func (c remarkImport) report(t ui.Terminal, s remarked) error {
	if c.JSON {
		if err := t.JSON(s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(t.Err, "%s: %s\n", ui.InputName(c.File), ui.Printable(s.Read.String()))
		t.Printf("%s set, %s without one, %s refused\n", ui.Many(s.Set, "remark"), ui.Grouped(s.Without), ui.Grouped(s.Refused))
	}
	switch {
	case s.Refused > 0:
		return ui.Failed(ui.CodePartly, "correct those lines and import the file again", "%s refused", ui.Many(s.Refused, "line"))
	case s.Set == 0:
		return ui.Failed(ui.CodePartly, "name the columns in the first line: openid,name,remark", "there is no name and no remark in %s", ui.InputName(c.File))
	}
	return nil
}

type remarkExport struct {
	Where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
}

// Run prints all remarks.
func (c remarkExport) Run(ctx context.Context, t ui.Terminal) error {
	client := admin.Dial(c.Data)
	out, lines := web.NewCSV(t.Out, "openid", "name", "remark"), json.NewEncoder(t.Out)
	for after := ""; ; {
		rows, err := client.Remarks(ctx, c.Account, after)
		if err != nil {
			return c.Explain(err)
		}
		if after == "" && !c.JSON {
			if err := out.Begin(); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if after = r.OpenID; c.JSON {
				err = lines.Encode(r)
			} else {
				err = out.Write(r.OpenID, r.Name, r.Remark)
			}
			if err != nil {
				return err
			}
		}
		if len(rows) < admin.MaxRemarks {
			return out.Flush()
		}
	}
}

type remarkForget struct {
	Where
	Account string   `required:"" help:"AppID of the account." placeholder:"APPID"`
	OpenIDs []string `arg:"" name:"openid" help:"OpenIDs whose names and remarks are erased."`
}

// Run erases remarks.
func (c remarkForget) Run(ctx context.Context, t ui.Terminal) error {
	for _, id := range c.OpenIDs {
		if _, err := mpblock.ParseOpenID(id); err != nil {
			return ui.Failed(ui.CodeUsage, "give whole OpenIDs, with blanks between them", "%w", err)
		}
	}
	n, err := admin.Dial(c.Data).Forget(ctx, c.Account, c.OpenIDs)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(map[string]int{"forgotten": n})
	}
	t.Printf("%s erased, %s had none\n", ui.Many(n, "remark"), ui.Grouped(len(c.OpenIDs)-n))
	return nil
}
