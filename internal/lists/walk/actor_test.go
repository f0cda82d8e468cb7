package walk

import "testing"

func TestOperator(t *testing.T) {
	for actor, want := range map[string]string{
		"api": "", "expiry": "", "console:zhang.san": "zhang.san", "job:261127212733-060775-zhang-san": "zhang-san", "demo": "demo", "job:1": "", "upstream:x": "",
	} {
		if got := Operator(actor); got != want {
			t.Errorf("%s: %q, want %q", actor, got, want)
		}
	}
	if MadeBy("api", "console:") || !MadeBy("api", "") || !MadeBy("demo", "console:demo") || MadeBy("console:demo", "demo") {
		t.Error("who is asked for")
	}
}
