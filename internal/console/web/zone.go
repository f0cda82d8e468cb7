package web

import (
	"net/http"
	"net/url"
	"time"
	_ "time/tzdata" // containers of a static binary have no zones of their own

	"mpblock"
)

// cookieZone is the cookie in which the browser tells its time zone.
const cookieZone = "mpblock_zone"

// zoneOf returns the viewer's time zone: that of the platform if the browser has not
// told its own.
func zoneOf(r *http.Request) *time.Location {
	c, err := r.Cookie(cookieZone)
	if err != nil {
		return mpblock.Zone
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil || name == "" || len(name) > 64 {
		return mpblock.Zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return mpblock.Zone
	}
	return zone
}
