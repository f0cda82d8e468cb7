package walk

import (
	"testing"
	"time"

	"mpblock"
)

func TestEndPlace(t *testing.T) {
	const app = mpblock.AppID("wx5555555555555555")
	at := time.UnixMilli(1e12).UTC()
	own := mpblock.DueEnd{Until: at, AppID: app, OpenID: mpblock.OpenID([]byte("o6_bmjrPTlm6_2sgVt7hMZOPfL2M"))}
	for _, d := range []mpblock.DueEnd{own, {Until: at, AppID: "wx1111111111111111", OpenID: own.OpenID}, {Until: at, AppID: "wx9999999999999999", OpenID: own.OpenID}} {
		place := EndPlace(app, d)
		got, ok := ParseEnd(place, app)
		if !ok || got.AppID != app || got.Until != at || got.Compare(own) != d.Compare(own) {
			t.Errorf("%s: %+v, %v", place, got, ok)
		}
	}
	for _, s := range []string{"1", "x.", "-5.", "0.", "1000.x"} {
		if _, ok := ParseEnd(s, app); ok {
			t.Errorf("%q was read", s)
		}
	}
}
