package console

import "mpblock/internal/console/web"

// routes registers all pages.
func (c *console) routes(site *web.Site) {
	for pattern, h := range c.openPages() {
		site.Handle(pattern, c.on(h))
	}
	for pattern, h := range c.ownPages() {
		site.Handle(pattern, web.WithDesk(c.on(h)))
	}
	for pattern, h := range c.accountPages() {
		site.Handle(pattern, web.WithDesk(web.WithAccount(c.on(h))))
	}
}

// openPages are for everybody.
func (c *console) openPages() map[string]handler {
	return map[string]handler{
		"GET /{$}":   c.home,
		"GET /calls": c.calls,
	}
}

// ownPages are for operators.
func (c *console) ownPages() map[string]handler {
	return map[string]handler{
		"GET /switch": c.switchAccount,
	}
}

// accountPages are for operators, about one account.
func (c *console) accountPages() map[string]handler {
	return map[string]handler{
		"GET /a/{app}":                      c.overview,
		"GET /a/{app}/search":               c.search,
		"GET /a/{app}/followers":            c.followers,
		"GET /a/{app}/blacklist":            c.blacklist,
		"GET /a/{app}/blacklist/export":     c.export,
		"GET /a/{app}/blacklist/count":      c.countMore,
		"POST /a/{app}/blacklist/take":      c.take,
		"POST /a/{app}/confirm":             c.confirm,
		"POST /a/{app}/block":               c.block,
		"POST /a/{app}/unblock":             c.unblock,
		"POST /a/{app}/amend":               c.amend,
		"GET /a/{app}/bulk":                 c.bulk,
		"POST /a/{app}/bulk":                c.draft,
		"GET /a/{app}/jobs/{id}":            c.job,
		"GET /a/{app}/jobs/{id}/progress":   c.progress,
		"GET /a/{app}/jobs/{id}/refused":    c.refused,
		"POST /a/{app}/jobs/{id}/start":     c.startJob,
		"POST /a/{app}/jobs/{id}/stop":      c.stopJob,
		"POST /a/{app}/jobs/{id}/drop":      c.dropJob,
		"GET /a/{app}/history":              c.history,
		"GET /a/{app}/history/{seq}":        c.change,
		"GET /a/{app}/openids/{id}":         c.openid,
		"GET /a/{app}/openids/{id}/remark":  c.remarkForm,
		"POST /a/{app}/openids/{id}/remark": c.setRemark,
		"GET /a/{app}/history/{seq}/undo":   c.undoForm,
		"POST /a/{app}/history/{seq}/undo":  c.undo,
		"GET /a/{app}/jobs/{id}/undo":       c.undoJobForm,
		"POST /a/{app}/jobs/{id}/undo":      c.undoJob,
	}
}
