package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/console/web"
)

// callsPage explains the API to whoever asks.
type callsPage struct{ web.Frame }

func (c *console) calls(v *visit) error {
	return v.Page(http.StatusOK, "calls", v.Say(msg("calls.title")), &callsPage{web.Frame{Wide: true}})
}

// home goes to the account that the operator comes for.
func (c *console) home(v *visit) error {
	if err := v.Sit(); err != nil {
		return err
	}
	if v.Desk.MustEnrol() {
		return v.See("/me")
	}
	accounts, err := v.Choices()
	if err != nil {
		return err
	}
	if app := v.Chosen(accounts); app != "" {
		return v.See("/a/" + app)
	}
	return v.See("/accounts")
}

// switchAccount goes to the account that was chosen at the top.
func (c *console) switchAccount(v *visit) error {
	app, err := mpblock.ParseAppID(v.R.URL.Query().Get("account"))
	if err != nil {
		return v.See("/accounts")
	}
	return v.See("/a/" + string(app))
}
