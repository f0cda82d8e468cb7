package mpblock_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"mpblock"
)

func TestOpenAPIIsSound(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(mpblock.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
