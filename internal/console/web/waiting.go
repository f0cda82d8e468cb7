package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// Waiting is a form that came when its sender was no longer logged in: it can be sent
// again once they are. Files in it are not kept.
type Waiting struct {
	Path      string     `json:"path"`
	Fields    url.Values `json:"fields"`
	Multipart bool       `json:"multipart,omitempty"`
}

// KeyWaiting is the key under which a session keeps what waits.
const KeyWaiting = "waiting"

// maxWaiting is how much of a form waits, in bytes; a longer one is sent anew by hand.
const maxWaiting = 256 << 10

// keeps tells whether a form waits. Those that are not named have passwords and codes in
// them, or are of somebody who is not in.
func keeps(path string) bool {
	if path == "/accounts/platform" || strings.HasSuffix(path, "/platform/tokens") { // secrets are in them
		return false
	}
	for _, kept := range []string{"/a/", "/accounts/", "/operators/", "/second-factor/", "/me/rows/", "/me/language/", "/me/logins/", "/emulator/"} {
		if strings.HasPrefix(path+"/", kept) {
			return true
		}
	}
	return false
}

// waiting returns the form of a request as a text, "" if there is none, it is too long,
// or does not wait. It reads all of the request, so that the answer is seen.
func (v *Visit) waiting() string {
	if !keeps(v.R.URL.Path) {
		return ""
	}
	w := Waiting{Path: v.R.URL.RequestURI(), Fields: url.Values{}}
	defer func() { _, _ = io.Copy(io.Discard, v.R.Body) }()
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxRead)
	if parts, err := v.R.MultipartReader(); err == nil {
		w.Multipart = true
		if !w.readParts(parts) {
			return ""
		}
	} else {
		if v.R.ParseForm() != nil {
			return ""
		}
		w.Fields = v.R.PostForm
	}
	b, err := json.Marshal(w)
	if err != nil || len(b) > maxWaiting {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxRead is how much of a request is read of whom nobody knows, in bytes.
const maxRead = 16 << 20

func (w *Waiting) readParts(parts *multipart.Reader) bool {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
		if part.FileName() != "" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, maxWaiting+1))
		if err != nil || len(b) > maxWaiting {
			return false
		}
		w.Fields.Add(part.FormName(), string(b))
	}
}

// ReadWaiting reads what waits from its text.
func ReadWaiting(text string) (w Waiting, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &w) != nil {
		return Waiting{}, false
	}
	return w, w.Path != "" && Local(w.Path, "") == w.Path
}
