package local

import (
	"testing"

	"github.com/alecthomas/kong"

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
