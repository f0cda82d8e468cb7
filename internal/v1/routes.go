package v1

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/v1/pattern"
)

// route is one call.
type route struct {
	method    string
	path      string // behind the account; {name} stands for a part of it
	name      string // in logs and metrics
	scope     programs.Scope
	like      []mpblock.Call // of the platform: an account that is denied one of them is denied this
	run       func(context.Context, *exchange) error
	own       bool // for the account's own secret: programs may not, whatever their scope
	list      bool // says who is blocked
	followers bool // says who follows, or changes it
	inQuery   bool // takes the access token in the query too: a browser's EventSource sends no headers
	long      bool // takes as long as it likes, and looks after the deadlines of the connection

	pattern pattern.Pattern // of the whole path, once the API is made
}

// under is what stands before each route's path.
const under = "/v1/accounts/{appid}"

// routes returns all calls. No two of them fit the same path and method.
func routes() []route {
	list, block, unblock := []mpblock.Call{mpblock.CallList}, []mpblock.Call{mpblock.CallBlock}, []mpblock.Call{mpblock.CallUnblock}
	both, followers := []mpblock.Call{mpblock.CallBlock, mpblock.CallUnblock}, []mpblock.Call{mpblock.CallFollowers}
	return []route{
		{method: http.MethodPost, path: "/blocks:check", name: "blocks.check", scope: programs.Read, list: true, like: list, run: check},
		{method: http.MethodGet, path: "/blocks", name: "blocks.list", scope: programs.Read, list: true, like: list, run: listBlocks},
		{method: http.MethodGet, path: "/blocks:walk", name: "blocks.walk", scope: programs.Read, list: true, like: list, run: walk},
		{method: http.MethodGet, path: "/changes", name: "changes.follow", scope: programs.Feed, like: list, run: changesAfter, long: true, inQuery: true},
		{method: http.MethodGet, path: "/blocks/{openid}", name: "blocks.get", scope: programs.Read, list: true, like: list, run: getBlock},
		{method: http.MethodPut, path: "/blocks/{openid}", name: "blocks.put", scope: programs.Write, like: block, run: putBlock},
		{method: http.MethodDelete, path: "/blocks/{openid}", name: "blocks.delete", scope: programs.Write, like: unblock, run: deleteBlock},
		{method: http.MethodGet, path: "/blocks/{openid}/history", name: "blocks.history", scope: programs.Read, list: true, like: list, run: history},
		{method: http.MethodPost, path: "/batches", name: "batches.post", scope: programs.Write, run: postBatch, long: true},
		{method: http.MethodPost, path: "/operations/{id}:cancel", name: "operations.cancel", scope: programs.Write, like: both, run: cancelOperation},
		{method: http.MethodPost, path: "/operations/{id}:undo", name: "operations.undo", scope: programs.Write, like: both, run: undoOperation},
		{method: http.MethodGet, path: "/operations/{id}", name: "operations.get", scope: programs.Read, like: list, run: getOperation},
		{method: http.MethodGet, path: "/protected", name: "protected.list", scope: programs.Read, run: listProtected},
		{method: http.MethodPut, path: "/protected/{openid}", name: "protected.put", scope: programs.Write, own: true, run: putProtected},
		{method: http.MethodDelete, path: "/protected/{openid}", name: "protected.delete", scope: programs.Write, own: true, run: deleteProtected},
		{method: http.MethodPost, path: "/followers:add", name: "followers.add", followers: true, scope: programs.Write, run: addFollowers},
		{method: http.MethodPost, path: "/followers:remove", name: "followers.remove", followers: true, scope: programs.Write, run: removeFollowers},
		{method: http.MethodGet, path: "/followers", name: "followers.list", followers: true, scope: programs.Read, list: true, like: followers, run: listFollowers},
		{method: http.MethodGet, path: "/followers/{openid}", name: "followers.get", followers: true, scope: programs.Read, list: true, like: followers, run: getFollower},
		{method: http.MethodPut, path: "/followers/{openid}", name: "followers.put", followers: true, scope: programs.Write, run: putFollower},
		{method: http.MethodDelete, path: "/followers/{openid}", name: "followers.delete", followers: true, scope: programs.Write, run: deleteFollower},
	}
}

// find finds the route of a request and the parts of its path.
func (x *exchange) find() error {
	have := strings.Split(x.r.URL.EscapedPath(), "/")
	for i, part := range have {
		var err error
		if have[i], err = url.PathUnescape(part); err != nil {
			return errNoPath
		}
	}
	var methods []string
	for _, r := range x.routes {
		parts, ok := r.pattern.Match(have)
		if !ok {
			continue
		}
		if r.method == x.r.Method {
			x.route, x.parts = r, parts
			return nil
		}
		methods = append(methods, r.method)
	}
	if methods == nil {
		return errNoPath
	}
	slices.Sort(methods)
	allowed := strings.Join(methods, ", ")
	x.w.Header().Set("Allow", allowed)
	return errMethod.With(clip(x.r.Method), allowed)
}
