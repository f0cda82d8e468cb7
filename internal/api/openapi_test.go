package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"mpblock/internal/wire/vectors"
)

func describedRoutes(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// The answer of every vector is one that openapi.yaml describes, and so is the
// request where it is answered well.
func TestAnswersAreAsDescribed(t *testing.T) {
	router := describedRoutes(t)
	described := 0
	eachVector(t, func(f *fixture, v vectors.Vector) {
		w := f.do(v.Method, v.Path, v.Body)
		r := httptest.NewRequestWithContext(f.Context(), v.Method, v.Path, strings.NewReader(v.Body))
		r.Header.Set("Content-Type", "application/json")
		route, params, err := router.FindRoute(r)
		if err != nil {
			return // a path or a method that is no call
		}
		described++
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
		if ok := !strings.Contains(w.Body.String(), `"errcode":`); ok && v.Body != "" && !strings.Contains(v.Path, "Access_token") {
			if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
				f.Errorf("the request is not as described: %v", err)
			}
		}
		if err := validate(in, w.Result()); err != nil {
			f.Errorf("%s\nis not as described: %v", w.Body, err)
		}
	})
	if described < 50 {
		t.Errorf("only %d answers were held against the description", described)
	}
}

func validate(in *openapi3filter.RequestValidationInput, res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
}
