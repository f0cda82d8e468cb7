package upstream

import (
	"encoding/json"
	"strings"

	"mpblock"
	"mpblock/internal/upstream/seal"
	"mpblock/internal/upstream/source"
)

// sealSpec seals where an account's tokens come from.
func sealSpec(s *seal.Seal, app mpblock.AppID, tokens source.Spec) ([]byte, error) {
	text, err := json.Marshal(tokens) //nolint:gosec // to be sealed
	return s.Seal(app, string(text)), err
}

// openSpec returns where an account's tokens come from. The first records have the secret
// alone, and whether it is for plain tokens beside it.
func openSpec(s *seal.Seal, app mpblock.AppID, u Upstream) (source.Spec, error) {
	text, err := s.Open(app, u.Secret)
	if err != nil {
		return source.Spec{}, err
	}
	if !strings.HasPrefix(text, "{") {
		return source.Spec{Secret: text, Plain: u.Plain}, nil
	}
	var tokens source.Spec
	err = json.Unmarshal([]byte(text), &tokens)
	return tokens, err
}
