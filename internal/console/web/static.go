package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
)

//go:embed static
var staticFiles embed.FS

// tags are the entity tags of the files in static/, by path.
var tags = func() map[string]string {
	all := map[string]string{}
	files, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, name := range files {
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			panic(err) // it is in the binary
		}
		sum := sha256.Sum256(content)
		all["/"+name] = `"` + hex.EncodeToString(sum[:8]) + `"`
	}
	return all
}()

// serveStatic serves a file. Browsers ask each time whether it is the same, since
// its address says nothing of its version.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	tag, ok := tags[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, staticFiles, r.URL.Path[1:]) //nolint:gosec // it is one of the embedded files, as the tag tells
}
