// Package remarkfile has the page on which the remarks of an account are imported from a
// file, and exported as one.
package remarkfile

import (
	"encoding/json"
	"fmt"
	"net/http"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/upload"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
	"mpblock/internal/remarks"
)

// Views are the templates of the page.
var Views = map[string]web.View{"remarks": {Frame: "layout", Data: &remarksPage{}}}

// Register adds the page to a site.
func Register(site *web.Site) {
	for pattern, h := range map[string]func(visit) error{
		"GET /a/{app}/remarks":        visit.show,
		"POST /a/{app}/remarks":       visit.take,
		"GET /a/{app}/remarks/export": visit.export,
	} {
		site.Handle(pattern, web.WithDesk(web.WithAccount(func(v *web.Visit) error { return h(visit{v}) })))
	}
}

// visit is one request for the page.
type visit struct{ *web.Visit }

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// remarksPage takes remarks from a file, and gives all of them as one.
type remarksPage struct {
	web.Frame
	MaxRows int
	Export  string // address of the exports, up to the format
}

// maxRemarks is how many OpenIDs a file of remarks may have that is sent to a page; the
// command takes any number.
const maxRemarks = 100_000

// sampleRows is how many refused lines are told of.
const sampleRows = 50

func (v visit) show() error { return v.page(http.StatusOK) }

func (v visit) page(status int) error {
	p := &remarksPage{MaxRows: maxRemarks, Export: v.Base() + "/remarks/export?format="}
	return v.Page(status, "remarks", v.Say(msg("remarks.title")), p)
}

// take sets what a file says. A line that is refused is told of, and holds up
// no other.
func (v visit) take() error {
	in, err := upload.Of(v.Visit)
	if err != nil {
		return err
	}
	defer in.Remove()
	if err = in.Receive(); err == nil {
		err = v.takeIn(in)
	}
	if err != nil {
		return v.Again(upload.Problem(v.Visit, err), v.page)
	}
	return v.See(v.Base() + "/remarks")
}

func (v visit) takeIn(in *upload.Upload) error {
	var rows []remarks.Row
	bad, told := 0, []string(nil)
	_, err := in.Read(func(l lines.Line) error {
		name, remark := l.Person()
		why := ""
		if l.Problem != nil {
			why = v.badLine(l.Problem)
		} else if _, _, err := remarks.Check(name, remark); err != nil {
			why, _ = v.Refusal(err)
		} else if l.OpenID.Prefix() != v.Account.Prefix {
			why = v.Say(msg("remarks.foreign"))
		}
		switch {
		case why != "":
			if bad++; bad <= sampleRows {
				told = append(told, v.Say(msg("remarks.line"), l.Number, l.Text)+why)
			}
		case name+remark == "":
		case len(rows) == maxRemarks:
			return web.Invalid(v.Say(msg("remarks.many"), maxRemarks))
		default:
			rows = append(rows, remarks.Row{OpenID: l.OpenID, Remark: remarks.Remark{Name: name, Remark: remark}})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.Desk.ImportRemarks(v.Ctx(), v.Account.AppID, rows); err != nil {
		return err
	}
	switch {
	case len(rows) > 0:
		v.Tell("good", v.Say(msg("remarks.done"), len(rows)))
	case bad == 0:
		return web.Invalid(v.Say(msg("remarks.none")))
	}
	if bad > 0 {
		if bad > len(told) {
			told = append(told, v.Say(msg("dialog.more"), bad-len(told)))
		}
		v.TellWith(web.Notice{Kind: "bad", Text: v.Say(msg("remarks.bad"), bad), List: told})
	}
	return nil
}

// badLine says what is wrong with a line.
func (v visit) badLine(p *lines.Problem) string {
	args := make([]string, 0, len(p.Args))
	for _, a := range p.Args {
		args = append(args, fmt.Sprint(a))
	}
	text, _ := v.Lang.BadLine(p.Key, args)
	return text
}

// export streams all remarks, as CSV or NDJSON that can be imported again.
func (v visit) export() error {
	type row struct {
		OpenID string `json:"openid"`
		Name   string `json:"name"`
		Remark string `json:"remark"`
	}
	name := "remarks-" + string(v.Account.AppID)
	csv, to := web.NewCSV(v.W, "openid", "name", "remark"), json.NewEncoder(v.W)
	var out web.File = csv
	add := func(r row) error { return csv.Write(r.OpenID, r.Name, r.Remark) }
	switch v.R.URL.Query().Get("format") {
	case "csv":
		v.Download(name+".csv", "text/csv; charset=utf-8")
	case "ndjson":
		v.Download(name+".ndjson", "application/x-ndjson")
		out, add = ndjson{}, func(r row) error { return to.Encode(r) }
	default:
		return web.ErrMissing
	}
	return v.Stream(out, func() error {
		for r, err := range v.Desk.AllRemarks(v.Ctx(), v.Account.AppID) {
			if err != nil {
				return err
			}
			if err := add(row{r.OpenID.String(), r.Name, r.Remark.Remark}); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// ndjson is written one JSON object a line, each at once.
type ndjson struct{}

func (ndjson) Begin() error { return nil }
func (ndjson) Flush() error { return nil }
