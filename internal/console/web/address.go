package web

import (
	"net/url"
	"strings"
)

// Local returns an address if it is one of our own pages, else the alternative.
func Local(address, otherwise string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsAny(address, "\\\r\n") {
		return otherwise
	}
	return address
}

// PathOf returns path and query of an address if that is one of ours.
func PathOf(address, otherwise string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return otherwise
	}
	return Local(u.RequestURI(), otherwise)
}
