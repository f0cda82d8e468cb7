//go:build cluster

package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// StableToken asks a server for the access token of an account.
func StableToken(ctx context.Context, h *http.Client, base string, a Account, force bool) (string, error) {
	body, err := json.Marshal(map[string]any{"grant_type": "client_credential", "appid": a.AppID, "secret": a.Secret, "force_refresh": force})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/cgi-bin/stable_token", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	res, err := h.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	var t struct {
		AccessToken string `json:"access_token"`
		Errcode     int
		Errmsg      string
	}
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil {
		return "", err
	}
	if t.AccessToken == "" {
		err = fmt.Errorf("no token but errcode %d %s", t.Errcode, t.Errmsg)
	}
	return t.AccessToken, err
}

// Token returns the access token of an account.
func (n *Node) Token(tb testing.TB, a Account) string {
	tb.Helper()
	token, err := StableToken(tb.Context(), n.HTTP, n.Base, a, false)
	Must(tb, err)
	return token
}
