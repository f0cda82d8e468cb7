package console

import (
	"fmt"
	"iter"
	"net/http"

	"mpblock"
	"mpblock/internal/console/listfile"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// flushRows is how many rows of an export go out at a time.
const flushRows = 1_000

// export streams the blacklist, or what a filter leaves of it, as CSV or NDJSON. An
// error on the way ends the connection without the end of the answer, so that
// nobody takes a part for the whole.
func (c *console) export(v *visit) error {
	f := v.filter()
	if f.Elsewhere != "" { // not the whole list for what is no part of it
		return web.ErrMissing
	}
	query, err := v.entryQuery(f)
	if err != nil {
		return err
	}
	var out listfile.File
	name := fmt.Sprintf("blacklist-%s-%s", v.Account.AppID, v.c.Desks.Now().In(v.Zone).Format("20060102-1504"))
	switch v.R.URL.Query().Get("format") {
	case "csv":
		out = listfile.CSV(v.W)
		v.Download(name+".csv", "text/csv; charset=utf-8")
	case "ndjson":
		out = listfile.NDJSON(v.W)
		v.Download(name+".ndjson", "application/x-ndjson")
	default:
		return web.ErrMissing
	}
	return v.Stream(out, func() error { return v.exportAll(v.Desk.Export(v.Ctx(), v.Account.AppID, query), out) })
}

func (v *visit) exportAll(rows iter.Seq2[lists.EntryRow, error], out listfile.File) error {
	piece := make([]lists.EntryRow, 0, flushRows)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if piece = append(piece, row); len(piece) == flushRows {
			if err := v.exportPiece(piece, out); err != nil {
				return err
			}
			piece = piece[:0]
		}
	}
	return v.exportPiece(piece, out)
}

// exportPiece sends rows with what their OpenIDs are called.
func (v *visit) exportPiece(rows []lists.EntryRow, out listfile.File) error {
	ids := make([]mpblock.OpenID, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.OpenID)
	}
	called, err := v.Desk.Remarks(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		is := called[r.OpenID]
		if err := out.Add(listfile.RowOf(r, is.Name, is.Remark)); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(v.W).Flush()
}
