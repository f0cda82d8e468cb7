package console

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	h := New()
	tests := []struct {
		method, path, accept string
		status               int
		want                 string
	}{
		{"GET", "/", "", 200, `<html lang="en">`},
		{"GET", "/", "zh-CN,zh;q=0.9,en;q=0.8", 200, `<html lang="zh-CN">`},
		{"GET", "/", "en-US,en;q=0.9,zh;q=0.8", 200, `<html lang="en">`},
		{"GET", "/", "fr, zh-TW;q=0.5", 200, `<html lang="zh-CN">`},
		{"GET", "/?lang=zh", "en", 200, "黑名单"},
		{"GET", "/?lang=en", "zh", 200, "unblock"},
		{"GET", "/?lang=xx", "", 200, `<html lang="en">`},
		{"GET", "/nothing", "", 404, "There is nothing at this address"},
		{"GET", "/nothing", "zh", 404, "此地址没有内容"},
		{"GET", "/static/style.css", "", 200, "--accent"},
		{"GET", "/static/", "", 404, "There is nothing"},
		{"POST", "/", "", 405, "/cgi-bin/"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		r.Header.Set("Accept-Language", tt.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s (%s): %d, want %d and %q", tt.method, tt.path, tt.accept, w.Code, tt.status, tt.want)
		}
		if w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: policy %q", tt.path, w.Header().Get("Content-Security-Policy"))
		}
	}
}

// Both languages say the same: they have the same elements in the same order.
func TestLanguagesHaveTheSameShape(t *testing.T) {
	shape := func(name string) string {
		b, err := templates.ReadFile("templates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(regexp.MustCompile(`</?[a-z0-9]+|\{\{[^}]*\}\}`).FindAllString(string(b), -1), " ")
	}
	en, zh := shape("en.html"), shape("zh.html")
	if en != zh {
		t.Errorf("en: %s\nzh: %s", en, zh)
	}
}
