package settings

import (
	"net/http"
	"net/url"
	"strings"

	"mpblock/internal/audit"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// auditPage is who set what, the newest first.
type auditPage struct {
	web.Frame
	Rows  []auditRow
	Pager web.Pager
	Days  int // that a line is kept
}

type auditRow struct {
	Time        i18n.Stamp
	By, Deed    string
	On, Address string // "" if it is on nothing of its own
	Note        string
	Machine     bool // the commands on the server's machine
}

func (c *Pages) audit(v *visit) error {
	lines, err := v.Desk.Audit(v.Ctx(), v.R.URL.Query().Get("after"), v.Rows())
	if err != nil {
		return err
	}
	p := &auditPage{Days: int(audit.Life.Hours() / 24)}
	next := ""
	for _, l := range lines {
		p.Rows = append(p.Rows, v.auditRow(l))
		if len(lines) == v.Rows() {
			next = l.Key
		}
	}
	p.Pager = v.PagerOf(len(p.Rows), next)
	return v.Page(http.StatusOK, "audit", v.Say(msg("audit.title")), p)
}

func (v *visit) auditRow(l audit.Line) auditRow {
	row := auditRow{
		Time: i18n.StampOf(l.Time, v.Zone), By: strings.TrimPrefix(l.By, "console:"), Machine: l.By == audit.ByAdmin,
		Deed: v.Say(msg("audit." + string(l.Deed))), On: l.On,
	}
	switch {
	case l.On == "":
	case strings.HasPrefix(string(l.Deed), "program."):
		app, _, _ := strings.Cut(l.On, "/")
		row.Address = "/accounts/" + app + "/programs"
	case strings.HasPrefix(string(l.Deed), "webhook."):
		app, _, _ := strings.Cut(l.On, "/")
		row.Address = "/accounts/" + app + "/webhooks"
	case strings.HasPrefix(string(l.Deed), "person."):
		app, id, _ := strings.Cut(l.On, "/")
		row.Address = "/a/" + app + "/openids/" + id
	case strings.HasPrefix(string(l.Deed), "account."):
		row.Address = "/accounts/" + l.On
	default:
		row.Address = "/operators/" + url.PathEscape(l.On)
	}
	switch {
	case l.Was != "" && l.Was != l.Now:
		row.Note = v.role(operators.Role(l.Was)) + " → " + v.role(operators.Role(l.Now))
	case l.Deed == audit.OperatorAdded:
		row.Note = v.role(operators.Role(l.Now))
	}
	for _, f := range l.Fields {
		if row.Note != "" {
			row.Note += " · "
		}
		switch kind, _, _ := strings.Cut(string(l.Deed), "."); kind {
		case "program":
			row.Note += v.Say(msg("scope." + f))
		case "webhook":
			row.Note += v.Say(msg("webhook.event." + f))
		case "person":
			row.Note += f // why they are protected
		default:
			row.Note += v.Say(msg("audit.field." + f))
		}
	}
	return row
}
