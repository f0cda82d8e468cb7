package source

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mpblock"
)

var (
	errServer = mpblock.NewError(mpblock.Unavailable, "source.server", "the token server does not answer: %s")
	errStatus = mpblock.NewError(mpblock.Unavailable, "source.status", "the token server answers HTTP %s")
)

var (
	headerName  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	headerValue = regexp.MustCompile(`^[\t -~]+$`)
)

// header reads the header for a token server.
func header(text string) (name, value string, err error) {
	if text == "" {
		return "", "", nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		name, value = "Authorization", "Bearer "+text
	}
	value = strings.TrimSpace(value)
	if !headerName.MatchString(name) || !headerValue.MatchString(value) {
		return "", "", errHeader
	}
	return name, value, nil
}

// server is a URL that answers with a token, and maybe another that makes a new one.
func (s Spec) server(h *http.Client) place {
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the header is for this server
	refreshed := ""
	return place{ask: func(ctx context.Context, dead string, now time.Time) (found, error) {
		if dead != "" && dead != refreshed && s.Refresh != "" {
			text, err := s.get(ctx, &own, s.Refresh)
			if err != nil {
				return found{}, err
			}
			refreshed = dead
			if f, err := read(text, now); err == nil && f.token != dead {
				return f, nil
			}
		}
		text, err := s.get(ctx, &own, s.URL)
		if err != nil {
			return found{}, err
		}
		return read(text, now)
	}}
}

func (s Spec) get(ctx context.Context, h *http.Client, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errAddress.With("token server", "it is no URL") // the error would show it
	}
	r.Header.Set("User-Agent", "mpblock")
	name, value, err := header(s.Header)
	if err != nil {
		return nil, err
	}
	if name != "" {
		r.Header.Set(name, value)
	}
	res, err := h.Do(r)
	if err != nil {
		return nil, errServer.With(network(err))
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	if res.StatusCode != http.StatusOK {
		return nil, errStatus.With(strconv.Itoa(res.StatusCode))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxText+1))
	switch {
	case err != nil:
		return nil, errServer.With("its answer was cut")
	case len(text) > maxText:
		return nil, errShape.With(strconv.Itoa(len(text)))
	}
	return text, nil
}

// network says what is wrong with a connection, without the address that was asked for.
func network(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "nobody waits for it any more"
	case errors.As(err, &dns):
		return "its name is not known"
	case errors.As(err, &cert):
		return cert.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return "the connection broke off, or is not of its protocol"
}
