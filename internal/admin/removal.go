package admin

import (
	"net/http"

	"mpblock/internal/audit"
)

// remove removes an account; whether that is meant, the client has asked.
func (h *handler) remove(r *http.Request, _ none) (none, error) {
	err := h.rules.Access.Remove(r.Context(), appOf(r))
	if err == nil {
		h.log.Info("account is removed", "appid", appOf(r))
		h.rules.Audit.Note(r.Context(), audit.Line{By: audit.ByAdmin, Deed: audit.AccountGone, On: string(appOf(r))})
	}
	return none{}, err
}
