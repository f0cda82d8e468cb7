package console

import (
	"testing"

	"github.com/jba/templatecheck"
)

// Every template fits the type of its data, in both languages.
func TestTemplatesFitTheirData(t *testing.T) {
	for _, l := range []lang{zh, en} {
		for name, v := range viewTypes {
			whole := views[l][name].Lookup(v.frame)
			if err := templatecheck.CheckHTML(whole, v.data); err != nil {
				t.Errorf("%s %s: %v", l, name, err)
			}
		}
	}
}
