package console

import (
	"embed"
	"maps"
	"sync"

	"mpblock/internal/console/emulate"
	"mpblock/internal/console/entry"
	"mpblock/internal/console/firstday"
	"mpblock/internal/console/hooks"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/remarkfile"
	"mpblock/internal/console/settings"
	"mpblock/internal/console/web"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

//go:embed templates/*.html
var templateFiles embed.FS

// views are parsed for the first page that is asked for: the commands do without them, and
// so do tests that use the API alone.
var views = sync.OnceValue(func() *web.Views { return web.Parse(templateFiles, parts, viewTypes()) })

// viewTypes are all templates but those that others include.
func viewTypes() map[string]web.View {
	all := maps.Clone(ownViews)
	maps.Copy(all, entry.Views)
	maps.Copy(all, settings.Views)
	maps.Copy(all, firstday.Views)
	maps.Copy(all, emulate.Views)
	maps.Copy(all, remarkfile.Views)
	maps.Copy(all, platform.Views)
	maps.Copy(all, hooks.Views)
	return all
}

// ownViews are those of the pages of this package.
var ownViews = map[string]web.View{
	"calls":     {Frame: "lone", Data: &callsPage{}},
	"problem":   {Frame: "problem", Data: &web.Problem{}},
	"sorry":     {Frame: "lone", Data: &web.MessagePage{}},
	"message":   {Frame: "layout", Data: &web.MessagePage{}},
	"overview":  {Frame: "layout", Data: &overviewPage{}},
	"search":    {Frame: "layout", Data: &searchPage{}},
	"followers": {Frame: "layout", Data: &followersPage{}},
	"blacklist": {Frame: "layout", Data: &blacklistPage{}},
	"confirm":   {Frame: "layout", Data: &confirmPage{}},
	"bulk":      {Frame: "layout", Data: &bulkPage{}},
	"preview":   {Frame: "layout", Data: &jobPage{}},
	"job":       {Frame: "layout", Data: &jobPage{}},
	"history":   {Frame: "layout", Data: &historyPage{}},
	"change":    {Frame: "layout", Data: &changePage{}},
	"remark":    {Frame: "layout", Data: &remarkPage{}},
	"openid":    {Frame: "layout", Data: &openidPage{}},
	"undo":      {Frame: "layout", Data: &undoPage{}},
}

// parts are the templates that others include.
var parts = []string{"templates/layout.html", "templates/chart.html", "templates/changes.html", "templates/called.html", "templates/filters.html", "templates/rights.html", "templates/scopes.html", "templates/reasons.html", "templates/steps.html", "templates/report.html", "templates/tokens.html", "templates/problem.html", "templates/said.html"}
