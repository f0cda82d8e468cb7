package api

import _ "embed" // for OpenAPI

// OpenAPI is the description of the API in the form of OpenAPI 3.0, as a server
// shows it at /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
