package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"mpblock/internal/console/i18n"
)

//go:embed templates/*.html
var templateFiles embed.FS

// frame is what every page has around its content. Every page's data embeds it.
type frame struct {
	Lang, Other i18n.Lang
	Zone        string // name of the zone in which the times are written
	Path        string // of this page, to come back to
	Title       string
	Wide        bool // of pages without navigation

	Operator    string // name of the operator, "" before logging in
	Accounts    []choice
	Chosen      string // AppID of the account that the navigation is for
	AppID       string
	AccountName string
	Base        string // address of the account's pages
	Example     string // how its OpenIDs begin
	MayBlock    bool   // the operator may block and unblock
	Admin       bool   // and administer
	Nav         []navGroup
	Notices     []notice
}

// self gives render the frame of any page's data.
func (f *frame) self() *frame { return f }

type framed interface{ self() *frame }

// choice is an account in the switch at the top.
type choice struct{ AppID, Name string }

type navGroup struct {
	Heading string
	Links   []navLink
}

type navLink struct {
	Address, Text string
	Current       bool
}

// notice is a message above a page's content.
type notice struct {
	Kind string // good, bad or mind
	Text string
	Link *navLink
	Done string // the list of ticks that has been worked off
}

// views are the templates, per language and by the name of their file. A view is
// of one type of data, which the tests hold it to.
var views = map[i18n.Lang]map[string]*template.Template{
	i18n.Chinese: parseViews(i18n.Chinese), i18n.English: parseViews(i18n.English),
}

// view says how a template is used.
type view struct {
	frame string // the template around it: layout, lone, or "" for a piece of a page
	data  any    // of the type that it is executed with
}

// viewTypes are all templates but those that others include.
var viewTypes = map[string]view{
	"login":     {"lone", &loginPage{}},
	"code":      {"lone", &loginPage{}},
	"password":  {"lone", &passwordPage{}},
	"calls":     {"lone", &callsPage{}},
	"sorry":     {"lone", &messagePage{}},
	"message":   {"layout", &messagePage{}},
	"overview":  {"layout", &overviewPage{}},
	"followers": {"layout", &followersPage{}},
	"blacklist": {"layout", &blacklistPage{}},
	"confirm":   {"layout", &confirmPage{}},
	"bulk":      {"layout", &bulkPage{}},
	"preview":   {"layout", &jobPage{}},
	"job":       {"layout", &jobPage{}},
	"history":   {"layout", &historyPage{}},
	"change":    {"layout", &changePage{}},
	"openid":    {"layout", &openidPage{}},
	"undo":      {"layout", &undoPage{}},
	"accounts":  {"layout", &accountsPage{}},
	"account":   {"layout", &settingsPage{}},
	"operators": {"layout", &operatorsPage{}},
	"operator":  {"layout", &operatorPage{}},
	"me":        {"layout", &mePage{}},
}

// parts are the templates that others include.
var parts = []string{"templates/layout.html", "templates/chart.html", "templates/changes.html", "templates/filters.html", "templates/rights.html"}

func parseViews(l i18n.Lang) map[string]*template.Template {
	all := map[string]*template.Template{}
	for name := range viewTypes {
		t := template.New(name).Funcs(template.FuncMap{"t": l.Strict, "n": i18n.Grouped})
		all[name] = template.Must(t.ParseFS(templateFiles, append([]string{"templates/" + name + ".html"}, parts...)...))
	}
	return all
}

// write renders a page into memory first, so that one that fails half way is an
// error page and not half a page.
func write(w http.ResponseWriter, status int, l i18n.Lang, name, part string, data any) error {
	t, ok := views[l][name]
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
