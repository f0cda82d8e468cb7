package doubt

import (
	"slices"
	"testing"
)

func TestCause(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		r    Reading
		want Cause
	}{
		"the same":                   {Reading{Total: 100, Listed: 100, Here: 100}, ""},
		"many more":                  {Reading{Total: 900, Listed: 900, Here: 100, Added: 800}, ""},
		"a few less":                 {Reading{Total: 80, Listed: 80, Here: 100, Removed: 20}, ""},
		"too few":                    {Reading{Total: 79, Listed: 79, Here: 100, Removed: 21}, Shrunk},
		"nobody":                     {Reading{Here: 3, Removed: 3}, Empty},
		"nobody, and none before":    {Reading{}, ""},
		"short":                      {Reading{Total: 100, Listed: 90, Here: 100, Removed: 10, Short: true}, Short},
		"short and elsewhere":        {Reading{Total: 100, Listed: 90, Here: 100, Removed: 30, Short: true, Moved: true}, Short},
		"elsewhere, the same":        {Reading{Total: 100, Listed: 100, Here: 100, Moved: true}, ""},
		"elsewhere, nearly the same": {Reading{Total: 100, Listed: 100, Here: 100, Added: 10, Removed: 10, Moved: true}, ""},
		"elsewhere, many more":       {Reading{Total: 121, Listed: 121, Here: 100, Added: 21, Moved: true}, Moved},
		"elsewhere, of few":          {Reading{Total: 1, Listed: 1, Here: 2, Removed: 1, Moved: true}, Moved},
		"elsewhere, nobody":          {Reading{Here: 9, Removed: 9, Moved: true}, Moved},
		"elsewhere, none before":     {Reading{Total: 9, Listed: 9, Added: 9, Moved: true}, Moved},
	} {
		if got := tt.r.Cause(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		key, args := Held{Cause: tt.want}.Words()
		if !slices.Contains(Keys(), key) || len(args) == 0 {
			t.Errorf("%s: %q %v", name, key, args)
		}
	}
}
