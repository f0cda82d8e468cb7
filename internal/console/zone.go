package console

import (
	"net/http"
	"net/url"
	"time"
	_ "time/tzdata" // containers of a static binary have no zones of their own
)

// cookieZone is the cookie in which the browser tells its time zone.
const cookieZone = "mpblock_zone"

// platformZone is the platform's own clock, and that of viewers whose browser
// has not told theirs.
var platformZone = time.FixedZone("UTC+8", 8*60*60)

// zoneOf returns the viewer's time zone.
func zoneOf(r *http.Request) *time.Location {
	c, err := r.Cookie(cookieZone)
	if err != nil {
		return platformZone
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil || name == "" || len(name) > 64 {
		return platformZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return platformZone
	}
	return zone
}

// stamp is a time as a page shows it.
type stamp struct {
	Machine string // RFC 3339, for the datetime attribute
	Minute  string // in the viewer's zone
	Second  string
}

func stampOf(t time.Time, zone *time.Location) stamp {
	local := t.In(zone)
	return stamp{t.UTC().Format(time.RFC3339), local.Format("2006-01-02 15:04"), local.Format("2006-01-02 15:04:05 -07:00")}
}
