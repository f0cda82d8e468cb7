package console

import (
	"testing"

	"github.com/jba/templatecheck"

	"mpblock/internal/console/i18n"
)

// Every template fits the type of its data, in both languages.
func TestTemplatesFitTheirData(t *testing.T) {
	for _, l := range []i18n.Lang{i18n.Chinese, i18n.English} {
		for name, v := range viewTypes() {
			if err := templatecheck.CheckHTML(views.Template(l, name), v.Data); err != nil {
				t.Errorf("%s %s: %v", l, name, err)
			}
		}
	}
}
