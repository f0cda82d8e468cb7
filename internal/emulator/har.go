package emulator

import (
	"fmt"
	"net/url"
	"time"
)

// HAR returns calls as an HTTP Archive, version 1.2, which browsers and proxies read.
func HAR(calls []Entry) any {
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	type text struct {
		Size     int    `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
	}
	entries := make([]any, len(calls))
	for i, e := range calls {
		at := url.URL{Scheme: "http", Host: "mpblock", Path: e.Path, RawQuery: e.Query}
		query := []pair{}
		for key, values := range at.Query() {
			for _, v := range values {
				query = append(query, pair{key, v})
			}
		}
		took := float64(e.Took) / float64(time.Millisecond)
		request := map[string]any{
			"method": e.Method, "url": at.String(), "httpVersion": "HTTP/1.1", "cookies": []pair{}, "headers": []pair{}, "queryString": query,
			"headersSize": -1, "bodySize": e.RequestBytes,
		}
		if e.Request != "" {
			request["postData"] = map[string]any{"mimeType": "application/json", "text": e.Request}
		}
		entries[i] = map[string]any{
			"startedDateTime": e.Time.Format(time.RFC3339Nano), "time": took, "request": request, "cache": struct{}{},
			"response": map[string]any{
				"status": e.Status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": []pair{}, "redirectURL": "", "headersSize": -1, "bodySize": e.ResponseBytes,
				"headers": []pair{{"X-Request-Id", e.RID}}, "content": text{e.ResponseBytes, "application/json", e.Response},
			},
			"timings": map[string]float64{"send": 0, "wait": took, "receive": 0}, "serverIPAddress": "", "comment": comment(e),
		}
	}
	return map[string]any{"log": map[string]any{
		"version": "1.2", "creator": map[string]string{"name": "mpblock", "version": ""}, "entries": entries,
	}}
}

func comment(e Entry) string {
	s := fmt.Sprintf("errcode %d", e.Code)
	if e.Program != "" {
		s += ", program " + e.Program
	}
	if e.Rule != "" {
		s += ", rule " + e.Rule
	}
	if e.Fate != "" {
		s += ", " + e.Fate
	}
	return s
}
