// Package source has the places where the access tokens of an account on the real platform
// come from, for teams that have one place that renews them: a URL that answers with a
// token, a file, a key of Redis. The others are the account's secret itself, with which
// the client gets tokens by stable_token or by token.
//
// A token is taken as one that somebody else renews: it is kept until shortly before its
// end, and asked for anew once when the platform has refused it. Nothing of what comes from
// outside stands in an error but return codes: what answers may be anything, a token or a
// password too.
package source

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"mpblock"
	"mpblock/client"
)

// The kinds of sources.
const (
	StableToken = "stable_token"
	PlainToken  = "token"
	FromURL     = "url"
	FromFile    = "file"
	FromRedis   = "redis"
)

// Spec says where tokens come from: one of its places alone. It holds secrets.
type Spec struct {
	Secret string `json:"secret,omitempty"` // of the account, for stable_token
	Plain  bool   `json:"plain,omitempty"`  // with Secret: for token, which ends those of others

	URL     string `json:"url,omitempty"`     // answers with a token
	Refresh string `json:"refresh,omitempty"` // with URL: makes a new one, asked once for each that is dead
	Header  string `json:"header,omitempty"`  // of both: "Name: value", or a bearer token alone

	File string `json:"file,omitempty"` // its absolute path

	Redis string `json:"redis,omitempty"` // redis://user:password@host:port/KEY?db=0, or rediss://

	// Key is under which the platform's queries have the token; "": access_token.
	Key string `json:"key,omitempty"`
}

var (
	errPlaces  = mpblock.NewError(mpblock.Invalid, "source.places", "the tokens of an account come from one place: its secret, a URL, a file or Redis; %d are given")
	errAlone   = mpblock.NewError(mpblock.Invalid, "source.alone", "what is said of tokens from elsewhere does not fit: %s")
	errAddress = mpblock.NewError(mpblock.Invalid, "source.address", "the address of the %s cannot be used: %s")
	errHeader  = mpblock.NewError(mpblock.Invalid, "source.header", "the header for the token server cannot be used: want one line, Name: value, or a bearer token alone")
	errPath    = mpblock.NewError(mpblock.Invalid, "source.path", "the file with the token is given by its absolute path, not %q")
	errKey     = mpblock.NewError(mpblock.Invalid, "source.key", "%q cannot be the key of a token in a query: want letters, digits and _")
)

// Kind returns which kind of source it is; "": none, or more than one.
func (s Spec) Kind() string {
	kinds := s.kinds()
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

func (s Spec) kinds() (kinds []string) {
	for _, k := range []struct{ kind, value string }{{StableToken, s.Secret}, {FromURL, s.URL}, {FromFile, s.File}, {FromRedis, s.Redis}} {
		if k.value == "" {
			continue
		}
		if k.kind == StableToken && s.Plain {
			k.kind = PlainToken
		}
		kinds = append(kinds, k.kind)
	}
	return kinds
}

// Place returns where tokens come from, for people: without what is secret of it.
func (s Spec) Place() string {
	switch kind := s.Kind(); kind {
	case FromURL, FromRedis:
		u, err := url.Parse(s.URL + s.Redis)
		if err != nil {
			return kind
		}
		if kind == FromRedis {
			return kind + " " + u.Host + " " + strings.TrimPrefix(u.Path, "/")
		}
		return kind + " " + u.Host
	case FromFile:
		return kind + " " + s.File
	default:
		return kind
	}
}

var keyShape = regexp.MustCompile(`^[A-Za-z_]\w{0,63}$`)

// Check tells what is wrong with it. No error holds an address or a secret.
func (s Spec) Check() error {
	if n := len(s.kinds()); n != 1 {
		return errPlaces.With(n)
	}
	switch {
	case s.Plain && s.Secret == "":
		return errAlone.With("tokens of /cgi-bin/token are got with the secret")
	case s.URL == "" && (s.Refresh != "" || s.Header != ""):
		return errAlone.With("a header and an address that makes a new token are for a token server")
	case s.Key != "" && !keyShape.MatchString(s.Key):
		return errKey.With(s.Key)
	}
	switch s.Kind() {
	case FromURL:
		if _, _, err := header(s.Header); err != nil {
			return err
		}
		for _, address := range []string{s.URL, s.Refresh} {
			u, err := url.Parse(address)
			if address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
				return errAddress.With("token server", "want http://host/path or https://host/path")
			}
		}
	case FromFile:
		if !filepath.IsAbs(s.File) {
			return errPath.With(s.File)
		}
	case FromRedis:
		_, err := parseRedis(s.Redis)
		return err
	}
	return nil
}

// Options returns what a client of the platform is to be made with, beside the secret. It
// asks nobody.
func (s Spec) Options(h *http.Client) ([]client.Option, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	var options []client.Option
	if s.Key != "" {
		options = append(options, client.WithTokenKey(s.Key))
	}
	switch s.Kind() {
	case PlainToken:
		options = append(options, client.WithPlainToken())
	case FromURL:
		options = append(options, client.WithTokenSource(keep(s.server(h))))
	case FromFile:
		options = append(options, client.WithTokenSource(keep(s.file())))
	case FromRedis:
		address, err := parseRedis(s.Redis)
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTokenSource(keep(place{ask: address.ask})))
	}
	return options, nil
}
