package sqlstore

import "testing"

func openOn(tb testing.TB, url string) *Store {
	tb.Helper()
	return openWith(tb, url, Options{})
}

func openWith(tb testing.TB, url string, o Options) *Store {
	tb.Helper()
	c, err := ParseURL(url)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := Open(tb.Context(), c, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
