package walk

import (
	"bytes"
	"strconv"
	"strings"

	"mpblock"
)

// behindAll is behind the ends of an account at a time.
const behindAll = "~"

// EndPlace is where a page of an account's ends goes on behind one, which may be another
// account's: of that it says nothing but the time.
func EndPlace(app mpblock.AppID, d mpblock.DueEnd) string {
	at := strconv.FormatInt(d.Until.UnixMilli(), 10) + "."
	switch {
	case d.AppID < app:
		return at
	case d.AppID > app:
		return at + behindAll
	}
	return at + d.OpenID.String()
}

// ParseEnd reads an EndPlace, and "" as the beginning.
func ParseEnd(s string, app mpblock.AppID) (d mpblock.DueEnd, ok bool) {
	if s == "" {
		return d, true
	}
	at, id, ok := strings.Cut(s, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || ms <= 0 {
		return d, false
	}
	d = mpblock.DueEnd{Until: mpblock.EndAt(ms), AppID: app}
	switch id {
	case "":
	case behindAll:
		d.OpenID = mpblock.OpenID(bytes.Repeat([]byte{0xff}, mpblock.OpenIDLen))
	default:
		d.OpenID, err = mpblock.ParseOpenID(id)
	}
	return d, err == nil
}
