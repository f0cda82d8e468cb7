package admin

import (
	"net/http"

	"mpblock"
	"mpblock/internal/remarks"
)

func (h *handler) remarks(r *http.Request, _ none) ([]Remark, error) {
	var after mpblock.OpenID
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = mpblock.ParseOpenID(text); err != nil {
			return nil, err
		}
	}
	if _, err := h.rules.Access.Account(r.Context(), appOf(r)); err != nil {
		return nil, err
	}
	rows := []Remark{}
	for row, err := range h.rules.Remarks.All(r.Context(), appOf(r), after) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, Remark{row.OpenID.String(), row.Name, row.Remark.Remark}); len(rows) == MaxRemarks {
			break
		}
	}
	return rows, nil
}

func (h *handler) setRemarks(r *http.Request, in remarksBody) (none, error) {
	if len(in.Remarks) > MaxRemarks {
		return none{}, errRemarks.With(len(in.Remarks), MaxRemarks)
	}
	rows := make([]remarks.Row, len(in.Remarks))
	for i, s := range in.Remarks {
		id, err := mpblock.ParseOpenID(s.OpenID)
		if err != nil {
			return none{}, mpblock.At(err, "OpenID %d", i+1)
		}
		rows[i] = remarks.Row{OpenID: id, Remark: remarks.Remark{Name: s.Name, Remark: s.Remark}}
	}
	a, err := h.rules.Access.Account(r.Context(), appOf(r))
	if err != nil {
		return none{}, err
	}
	return none{}, h.rules.Remarks.Import(r.Context(), a, remarks.ByAdmin, rows)
}

func (h *handler) forget(r *http.Request, in idsBody) (forgottenAnswer, error) {
	ids, err := in.parse()
	if err != nil {
		return forgottenAnswer{}, err
	}
	if _, err := h.rules.Access.Account(r.Context(), appOf(r)); err != nil {
		return forgottenAnswer{}, err
	}
	var out forgottenAnswer
	for _, id := range ids {
		had, err := h.rules.Remarks.Forget(r.Context(), appOf(r), id)
		if err != nil {
			return out, err
		}
		if had {
			out.Forgotten++
		}
	}
	return out, nil
}
