package console

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mpblock/internal/lists"

	"mpblock/internal/console/web"
)

// flushRows is how many rows of an export go out at a time.
const flushRows = 1_000

// exportRow is a row of an export, in the names that JSON has for it.
type exportRow struct {
	OpenID string `json:"openid"`
	Seq    uint64 `json:"seq"`
	Time   string `json:"blocked_at"` // RFC 3339, UTC
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// export streams the blacklist, or what a filter leaves of it, as CSV or NDJSON. An
// error on the way ends the connection without the end of the answer, so that
// nobody takes a part for the whole.
func (c *console) export(v *visit) error {
	f, err := v.filter()
	if err != nil {
		return err
	}
	query, err := v.entryQuery(f)
	if err != nil {
		return err
	}
	var out exporter
	name := fmt.Sprintf("blacklist-%s-%s", v.Account.AppID, v.c.Desks.Now().In(v.Zone).Format("20060102-1504"))
	switch v.R.URL.Query().Get("format") {
	case "csv":
		out = newCSV(v.W, "openid", "seq", "blocked_at", "actor", "reason")
		v.download(name+".csv", "text/csv; charset=utf-8")
	case "ndjson":
		out = &ndjson{e: json.NewEncoder(v.W)}
		v.download(name+".ndjson", "application/x-ndjson")
	default:
		return web.ErrMissing
	}
	return v.stream(out, func() error { return exportAll(v.Desk.Export(v.Ctx(), v.Account.AppID, query), out, v.W) })
}

// exporter writes rows in one format.
type exporter interface {
	begin() error
	add(exportRow) error
	flush() error
}

func exportAll(rows iter.Seq2[lists.EntryRow, error], out exporter, w http.ResponseWriter) error {
	n := 0
	for row, err := range rows {
		if err != nil {
			return err
		}
		err := out.add(exportRow{row.OpenID.String(), row.Seq, row.Time.UTC().Format(time.RFC3339Nano), row.Actor, row.Reason})
		if err != nil {
			return err
		}
		if n++; n%flushRows == 0 {
			if err := out.flush(); err != nil {
				return err
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
		}
	}
	return out.flush()
}

// download says that the answer is a file, and gives it the time that it takes.
func (v *visit) download(name, kind string) {
	_ = http.NewResponseController(v.W).SetWriteDeadline(time.Now().Add(longTime)) // where there is none, there is no need
	v.W.Header().Set("Content-Type", kind)
	v.W.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	v.W.Header().Set("Cache-Control", "no-store")
}

// stream writes a file; what fails is for the log, since the answer has begun.
func (v *visit) stream(out exporter, rows func() error) error {
	err := out.begin()
	if err == nil {
		err = rows()
	}
	if err != nil {
		v.Log("", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// table writes CSV that spreadsheets read as UTF-8, whichever of them: some separate
// fields by semicolons and tabs, so that encoding/csv quotes too little.
type table struct {
	w       *bufio.Writer
	heading []string
}

func newCSV(w io.Writer, heading ...string) *table { return &table{bufio.NewWriter(w), heading} }

func (t *table) begin() error {
	if _, err := t.w.WriteString("\ufeff"); err != nil {
		return err
	}
	return t.write(t.heading...)
}

func (t *table) add(r exportRow) error {
	return t.write(r.OpenID, strconv.FormatUint(r.Seq, 10), r.Time, r.Actor, r.Reason)
}

func (t *table) write(fields ...string) error {
	for i, f := range fields {
		if i > 0 {
			_ = t.w.WriteByte(',') // the end of the line tells of errors
		}
		_, _ = t.w.WriteString(quoted(plain(f)))
	}
	return t.w.WriteByte('\n')
}

func (t *table) flush() error { return t.w.Flush() }

// quoted is a field as CSV has it.
func quoted(s string) string {
	if !strings.ContainsAny(s, ",;\"\t\r\n") && s == strings.TrimSpace(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// plain keeps a spreadsheet from taking a text for a formula: one may trim blanks, or
// take full-width signs for the others.
func plain(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }))
	if strings.ContainsRune("=+-@＝＋－＠", first) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") {
		return "'" + s
	}
	return s
}

// ndjson writes one JSON object a line.
type ndjson struct{ e *json.Encoder }

func (l *ndjson) begin() error          { return nil }
func (l *ndjson) add(r exportRow) error { return l.e.Encode(r) }
func (l *ndjson) flush() error          { return nil }
