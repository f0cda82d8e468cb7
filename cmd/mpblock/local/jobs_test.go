package local

import (
	"strings"
	"testing"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/upstream/stage"
)

// Each stage of a job on the platform is said, and what was refused with which code.
func TestPrintJobs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 16, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		stage stage.Stage
		want  string
	}{
		{stage.Stage{Name: stage.Waiting, Why: stage.WhyDay, Until: at}, "waiting for the platform: the calls of the day are used up, or left to people; it goes on by itself, at " + ui.Local(at)},
		{stage.Stage{Name: stage.Waiting, Why: stage.WhyFailing, Since: at, Text: "no route"}, "waiting for the platform: it has been failing since " + ui.Local(at) + ": no route"},
		{stage.Stage{Name: stage.Waiting, Why: stage.WhyBefore}, "an earlier change is being checked"},
		{stage.Stage{Name: stage.Refused, Code: 48004}, "refused by the platform with 48004: The account is barred"},
		{stage.Stage{Name: stage.Refused, Code: 99999, Text: "odd"}, "refused by the platform with 99999: odd; it is tried again"},
		{stage.Stage{Name: stage.Unknown, OpenIDs: 20, Since: at, Why: stage.WhyDoubt}, "unknown, being checked: the platform's answer about 20 OpenIDs was lost, since " + ui.Local(at) + "; its list is not believed"},
	} {
		var out strings.Builder
		j := admin.Job{ID: "261128-li.si", Action: "block", State: "running", Total: 1_000, Done: 400, Codes: map[int]int{40003: 2}, Platform: &tt.stage}
		if err := printJobs(ui.Terminal{Out: &out}, []admin.Job{j}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{tt.want, "1,000", "the platform has refused 2 with 40003: The platform does not know this OpenID"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("without %q:\n%s", want, out.String())
			}
		}
	}
}
