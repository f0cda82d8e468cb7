package i18n

import "time"

// Stamp is a time as a page shows it.
type Stamp struct {
	Machine string // RFC 3339, for the datetime attribute
	Minute  string // in the viewer's zone
	Second  string
}

// StampOf returns a time as a page shows it to viewers in a zone.
func StampOf(t time.Time, zone *time.Location) Stamp {
	local := t.In(zone)
	return Stamp{t.UTC().Format(time.RFC3339), local.Format("2006-01-02 15:04"), local.Format("2006-01-02 15:04:05 -07:00")}
}
