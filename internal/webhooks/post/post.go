// Package post sends one message to one URL, by the Standard Webhooks specification: the
// message is signed, and the answer says no more than whether it was taken.
//
// It promises that nothing is sent to an address that is not public, unless that is
// allowed: what a name leads to is looked at when the connection is made, so that a name
// server cannot change its mind in between. No redirect is followed, no proxy is asked, and
// no cookie kept. Of an answer nothing but its status and Retry-After is used. An attempt ends
// after Patience. When to try again it leaves to others.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mpblock"
)

// Patience is how long an attempt may take.
const Patience = 15 * time.Second

// Bounds of an attempt.
const (
	dialTime   = 10 * time.Second
	idleTime   = 30 * time.Second // that a connection is kept for the next message
	mostRead   = 64 << 10         // bytes of an answer, so that the connection can be kept
	longestURL = 1_024
)

// Fault is why a message was not taken.
type Fault string

// The faults. "" is none.
const (
	Status      Fault = "status"      // an answer that is no 2xx
	Redirect    Fault = "redirect"    // a 3xx
	Gone        Fault = "gone"        // a 410: nothing is to be sent there any more
	Timeout     Fault = "timeout"     // no answer in Patience
	Private     Fault = "private"     // an address that is not public
	NoName      Fault = "name"        // a name that leads nowhere
	Insecure    Fault = "tls"         // a certificate that cannot be trusted, or no TLS
	Unreachable Fault = "unreachable" // anything else before an answer
)

// Message is what is sent, the same at each attempt.
type Message struct {
	ID   string
	Body []byte
}

// Result is what became of an attempt.
type Result struct {
	Fault Fault // "": it was taken
	Code  int   // HTTP status; 0: there was no answer
	Took  time.Duration
	After time.Duration // how long the receiver asks to be left alone; 0: it does not say
}

// Client sends messages.
type Client struct {
	http    *http.Client
	private bool
}

// Refusals of URLs.
var (
	ErrURL     = mpblock.NewError(mpblock.Invalid, "webhook.url", "%q cannot be the URL of a webhook: want https://HOST/PATH, up to %d bytes")
	errPlain   = mpblock.NewError(mpblock.Invalid, "webhook.url.plain", "%q is without TLS: want https://HOST/PATH; a server with --webhook-private takes http too")
	errUser    = mpblock.NewError(mpblock.Invalid, "webhook.url.user", "leave name and password out of the URL of a webhook: messages are signed")
	errNetwork = mpblock.NewError(mpblock.Invalid, "webhook.url.private", "the address of %q is not public: a server with --webhook-private takes it")
)

var errPrivate = errors.New("the address is not public")

// New returns a client; private allows for addresses that are not public, and for http.
func New(private bool) *Client {
	dialer := &net.Dialer{Timeout: dialTime}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return public(address) }
	}
	return Over(&http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, IdleConnTimeout: idleTime,
		MaxIdleConns: 100, MaxIdleConnsPerHost: 4, DisableCompression: true, ForceAttemptHTTP2: true,
	}, private)
}

// Over returns a client over something that makes the requests.
func Over(rt http.RoundTripper, private bool) *Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{&http.Client{Transport: rt, CheckRedirect: stay}, private}
}

// inside are networks that netip does not take for private, and that are of no use to
// others: shared by providers, of protocols, for examples and tests, and reserved; those
// that lead to IPv4 by another way.
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// public tells whether an address with a port can be somebody else's.
func public(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPrivate
	}
	ip := ap.Addr().Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() { // loopback, link-local, multicast and unspecified are not global
		return errPrivate
	}
	for _, p := range inside {
		if p.Contains(ip) {
			return errPrivate
		}
	}
	return nil
}

// Check tells what is wrong with a URL, as far as can be seen without a look at the network.
func (c *Client) Check(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > longestURL:
		return ErrURL.With(text[:64]+"…", longestURL)
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return ErrURL.With(text, longestURL)
	case u.User != nil:
		return errUser.With()
	case c.private:
		return nil
	case u.Scheme == "http":
		return errPlain.With(text)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if local(u.Hostname()) || err == nil && public(netip.AddrPortFrom(ip, 1).String()) != nil {
		return errNetwork.With(text)
	}
	return nil
}

func local(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Send makes one attempt, with a signature of each secret. The time is that of the
// attempt, for whoever checks the signature. It fails where ctx has ended, and where the
// message cannot be made.
func (c *Client) Send(ctx context.Context, to string, secrets []string, m Message, at time.Time) (Result, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		var err error
		if signatures[i], err = sign(secret, m.ID, at, m.Body); err != nil {
			return Result{}, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, to, bytes.NewReader(m.Body))
	if err != nil {
		return Result{Fault: Unreachable}, nil // it was checked when it was given
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "mpblock-webhooks/1")
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	began := time.Now()
	res, err := c.http.Do(req)
	r := Result{Took: time.Since(began)}
	if err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.Fault = faultOf(err)
		return r, nil
	}
	defer res.Body.Close()                                         //nolint:errcheck // it is of no interest
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, mostRead)) // likewise: the status is the answer
	r.Code = res.StatusCode
	switch {
	case r.Code >= 200 && r.Code < 300:
	case r.Code >= 300 && r.Code < 400:
		r.Fault = Redirect
	case r.Code == http.StatusGone:
		r.Fault = Gone
	default:
		r.Fault = Status
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 && r.Fault != "" {
		r.After = time.Duration(min(s, 24*3600)) * time.Second
	}
	return r, nil
}

// faultOf says why there was no answer.
func faultOf(err error) Fault {
	var name *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, errPrivate):
		return Private
	case errors.As(err, &untrusted), errors.Is(err, http.ErrSchemeMismatch):
		return Insecure
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.As(err, &name):
		return NoName
	}
	return Unreachable
}
