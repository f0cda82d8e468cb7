// Package listfile writes a blacklist as a file, in the names that programs know.
package listfile

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// Row is a row of the file, in the names that JSON has for it.
type Row struct {
	OpenID string `json:"openid"`
	Seq    uint64 `json:"seq"`
	Time   string `json:"blocked_at"` // RFC 3339, UTC
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
	Name   string `json:"name"`
	Remark string `json:"remark"`
	Until  string `json:"until"` // RFC 3339, UTC; "": for ever
}

// RowOf returns the row of an entry, with what operators call the person.
func RowOf(r lists.EntryRow, name, remark string) Row {
	row := Row{OpenID: r.OpenID.String(), Seq: r.Seq, Time: r.Time.UTC().Format(time.RFC3339Nano), Actor: r.Actor, Reason: r.Reason, Name: name, Remark: remark}
	if !r.Until.IsZero() {
		row.Until = r.Until.UTC().Format(time.RFC3339Nano)
	}
	return row
}

// File writes rows in one format.
type File interface {
	web.File
	Add(Row) error
}

// CSV returns a file of CSV.
func CSV(w io.Writer) File {
	return table{web.NewCSV(w, "openid", "seq", "blocked_at", "actor", "reason", "name", "remark", "until")}
}

type table struct{ *web.CSV }

// Add implements File.
func (t table) Add(r Row) error {
	return t.Write(r.OpenID, strconv.FormatUint(r.Seq, 10), r.Time, r.Actor, r.Reason, r.Name, r.Remark, r.Until)
}

// NDJSON returns a file with one JSON object a line.
func NDJSON(w io.Writer) File { return &ndjson{e: json.NewEncoder(w)} }

type ndjson struct{ e *json.Encoder }

// Begin implements web.File.
func (l *ndjson) Begin() error { return nil }

// Add implements File.
func (l *ndjson) Add(r Row) error { return l.e.Encode(r) }

// Flush implements web.File.
func (l *ndjson) Flush() error { return nil }
