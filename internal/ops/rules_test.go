package ops

import (
	"context"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"mpblock/client"
)

// The example rules for Prometheus can be read, and name metrics and labels that there are.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/mpblock.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	m := New("test")
	m.Observe("x", 0, 1)
	m.Called("x", client.Made{})
	m.Drifted("x", 1, 1)
	m.store.WithLabelValues("apply").Observe(1)
	w := httptest.NewRecorder()
	m.Handler(func(context.Context) (Sizes, error) { return Sizes{}, nil }, func(context.Context) ([]Mirror, error) {
		return []Mirror{{Followers: time.Now(), Used: map[string]int{"x": 1}, Limits: map[string]int{"x": 1}}}, nil
	}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	shown := w.Body.String()
	used := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s: %+v", g.Name, r)
			}
			if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
				t.Error(err)
			}
			names := regexp.MustCompile(`mpblock_\w+`).FindAllString(r.Expr, -1)
			for _, name := range names {
				used[name] = true
				if !strings.Contains(shown, "\n"+name+"{") {
					t.Errorf("%s: there is no metric %s", r.Alert, name)
				}
			}
			if len(names) == 0 || strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") {
				t.Errorf("%s: %s", r.Alert, r.Expr)
			}
			for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(strings.Join([]string{r.Annotations["summary"], r.Annotations["description"]}, " "), -1) {
				if !strings.Contains(shown, label[1]+`="`) {
					t.Errorf("%s: there is no label %s", r.Alert, label[1])
				}
			}
		}
	}
	if len(used) < 9 {
		t.Errorf("the rules use %d metrics", len(used))
	}
}
