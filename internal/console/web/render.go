package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"

	"mpblock/internal/console/i18n"
)

// View says how a template is used.
type View struct {
	Frame string // the template around it: layout, lone, or its own name for a piece of a page
	Data  any    // of the type that it is executed with, which tests hold it to
}

// Views are templates, per language and by the name of their file.
type Views struct {
	of        map[string]View
	templates map[i18n.Lang]map[string]*template.Template
}

// Parse reads the templates of views, templates/NAME.html, each with the parts that any
// of them may include.
func Parse(files fs.FS, parts []string, of map[string]View) *Views {
	vs := &Views{of: of, templates: map[i18n.Lang]map[string]*template.Template{}}
	for _, l := range []i18n.Lang{i18n.Chinese, i18n.English} {
		vs.templates[l] = map[string]*template.Template{}
		common := template.Must(template.New("parts").Funcs(template.FuncMap{"t": l.Strict, "n": i18n.Grouped}).ParseFS(files, parts...))
		for name := range of {
			vs.templates[l][name] = template.Must(template.Must(common.Clone()).ParseFS(files, "templates/"+name+".html"))
		}
	}
	return vs
}

// Template returns the template of a view in its frame.
func (vs *Views) Template(l i18n.Lang, name string) *template.Template {
	return vs.templates[l][name].Lookup(vs.of[name].Frame)
}

// write renders a page into memory first, so that one that fails half way is an
// error page and not half a page.
func (vs *Views) write(w http.ResponseWriter, status int, l i18n.Lang, name, part string, data any) error {
	t, ok := vs.templates[l][name]
	if !ok {
		return fmt.Errorf("console: no template %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("console: write the page %s: %w", name, err)
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Language", string(l))
	if head.Get("Cache-Control") == "" {
		head.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	_ = err // who went away needs no page
	return nil
}
