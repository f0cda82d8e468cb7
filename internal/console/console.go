// Package console serves what a browser sees of mpblock. For now that is one page
// at /, in English and Simplified Chinese, that says what this is and where the
// documentation lies.
package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static/style.css
var style []byte

var pages = template.Must(template.ParseFS(templates, "templates/*.html"))

// policy lets a page load its stylesheet and nothing else.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// New returns the console.
func New() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is read with GET; the API is under /cgi-bin/", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case "/":
		page(w, r, http.StatusOK)
	case "/static/style.css":
		head.Set("Content-Type", "text/css; charset=utf-8")
		head.Set("Cache-Control", "max-age=300")
		_, _ = w.Write(style)
	default:
		page(w, r, http.StatusNotFound)
	}
}

// page writes the page in the language that the reader asks for.
func page(w http.ResponseWriter, r *http.Request, status int) {
	lang := language(r)
	var b bytes.Buffer
	data := struct{ Missing bool }{status == http.StatusNotFound}
	if err := pages.ExecuteTemplate(&b, lang+".html", data); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// language returns "zh" or "en": what the query says, else what the browser
// prefers.
func language(r *http.Request) string {
	switch r.URL.Query().Get("lang") {
	case "zh":
		return "zh"
	case "en":
		return "en"
	}
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag = strings.ToLower(strings.TrimSpace(tag))
		if strings.HasPrefix(tag, "zh") {
			return "zh"
		}
		if strings.HasPrefix(tag, "en") {
			return "en"
		}
	}
	return "en"
}
