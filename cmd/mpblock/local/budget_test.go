package local

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/upstream/budget"
)

// What is not given of a budget stays as it is.
func TestBudgetThatIsNotGivenStays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want budget.Limits
		any  bool
	}{
		{nil, budget.Limits{Day: 2000, Minute: 60}, false},
		{[]string{"--minute", "30"}, budget.Limits{Day: 2000, Minute: 30}, true},
		{[]string{"--day", "0"}, budget.Limits{Minute: 60}, true},
		{[]string{"--day", "1", "--minute", "2"}, budget.Limits{Day: 1, Minute: 2}, true},
	} {
		var c accountBudget
		p, err := kong.New(&c, kong.Vars{"data": "d"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Parse(append([]string{"wx0123456789abcdef"}, tt.args...)); err != nil {
			t.Fatal(err)
		}
		l := budget.Limits{Day: 2000, Minute: 60}
		if changed := c.change(&l); l != tt.want || changed != tt.any {
			t.Errorf("%v: %+v, %v", tt.args, l, changed)
		}
	}
}

// What is printed says whose the limits are.
func TestPrintBudget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		own  budget.Limits
		told budget.Told
		want string
	}{
		{want: "(no limit)"},
		{own: budget.Limits{Day: 2000, Minute: 60}, told: budget.Told{Day: budget.Calls{1, 1, 1}, Minute: budget.Calls{1, 1, 1}}, want: "(of 2,000 each, 60 a minute)"},
		{told: budget.Told{Day: budget.Calls{2000, 2000, 2000}}, want: "(of 2,000, as the platform says)"},
		{told: budget.Told{Day: budget.Calls{2000, 2000, 500}}, want: "(of 2,000, 2,000, 500, as the platform says)"},
		{told: budget.Told{Day: budget.Calls{2000, 0, 500}, Minute: budget.Calls{6, 6, 6}}, want: "(of 2,000, any, 500, as the platform says; a minute 6, as the platform says)"},
	} {
		var out strings.Builder
		var u admin.UpstreamState
		u.Limits, u.Told = tt.own, tt.told
		printBudget(ui.Terminal{Out: &out}, u)
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("%q, want %s", out.String(), tt.want)
		}
	}
}
