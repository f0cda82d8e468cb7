package v1

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// What openapi.yaml describes are the routes, and no others; each says which scope it takes.
func TestRoutesAreDescribed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path] = op
		}
	}
	names := map[string]bool{}
	for _, r := range routes() {
		key := r.method + " " + under + r.path
		op := described[key]
		if op == nil {
			t.Errorf("%s is not described", key)
			continue
		}
		delete(described, key)
		if !strings.Contains(op.Description, "akes the scope "+string(r.scope)) {
			t.Errorf("%s does not say that it takes the scope %s", key, r.scope)
		}
		if names[r.name] {
			t.Errorf("two routes are named %s", r.name)
		}
		names[r.name] = true
	}
	for key := range described {
		t.Errorf("%s is no route", key)
	}
}
