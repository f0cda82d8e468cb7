package console

import (
	"reflect"
	"strings"
	"testing"

	"github.com/jba/templatecheck"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
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

// No page has a field that hides one of its frame, as the text in the search of the bar.
func TestNoPageHidesItsFrame(t *testing.T) {
	for name, view := range viewTypes() {
		page := reflect.TypeOf(view.Data).Elem()
		_, framed := page.FieldByName("Frame")
		for _, f := range reflect.VisibleFields(reflect.TypeFor[web.Frame]()) {
			if got, ok := page.FieldByName(f.Name); ok && len(got.Index) < 2 || !ok && framed {
				t.Errorf("the page %s has a %s of its own", name, f.Name)
			}
		}
	}
}
