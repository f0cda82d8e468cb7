package console

import (
	"strings"
	"testing"

	"github.com/jba/templatecheck"

	"mpblock/internal/console/i18n"
)

// Where nothing reloads the page of a job by itself, a link does, until the job has ended.
func TestJobWithoutScripts(t *testing.T) {
	for l, want := range map[i18n.Lang]string{i18n.Chinese: "刷新查看最新进度", i18n.English: "Reload to see how far it is"} {
		for _, active := range []bool{true, false} {
			var page strings.Builder
			job := &jobPage{Job: jobView{Active: active, Address: "/jobs/1"}}
			if err := views().Template(l, "job").ExecuteTemplate(&page, "progress", job); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(page.String(), `<noscript><p class="soft"><a href="/jobs/1">`+want); got != active {
				t.Errorf("%s, active %t: %s", l, active, &page)
			}
		}
	}
}

// Every template fits the type of its data, in both languages.
func TestTemplatesFitTheirData(t *testing.T) {
	for _, l := range []i18n.Lang{i18n.Chinese, i18n.English} {
		for name, v := range viewTypes() {
			if err := templatecheck.CheckHTML(views().Template(l, name), v.Data); err != nil {
				t.Errorf("%s %s: %v", l, name, err)
			}
		}
	}
}
