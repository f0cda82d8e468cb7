package pattern_test

import (
	"maps"
	"strings"
	"testing"

	"mpblock/internal/v1/pattern"
)

func TestMatch(t *testing.T) {
	for _, one := range []struct {
		pattern, path string
		want          map[string]string
	}{
		{"/a/b", "/a/b", map[string]string{}},
		{"/a/{x}", "/a/b", map[string]string{"x": "b"}},
		{"/a/{x}:go", "/a/b:go", map[string]string{"x": "b"}},
		{"/{x}/b/{y}", "/1/b/2", map[string]string{"x": "1", "y": "2"}},
		{"/a/b", "/a/c", nil},
		{"/a/b", "/a/b/", nil},
		{"/a/{x}", "/a/", nil},
		{"/a/{x}", "/b/c", nil},
		{"/a/{x}:go", "/a/b", nil},
		{"/a/{x}:go", "/a/:go", nil},
	} {
		got, ok := pattern.Of(one.pattern).Match(strings.Split(one.path, "/"))
		if ok != (one.want != nil) || !maps.Equal(got, one.want) {
			t.Errorf("%s of %s is %v, %v", one.path, one.pattern, got, ok)
		}
	}
}
