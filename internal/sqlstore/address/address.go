// Package address reads where a database is, and who asks it.
package address

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// Scheme is what the URL of a database begins with.
const Scheme = "mysql://"

// Example is a URL, for help texts and errors.
const Example = "mysql://user:password@host:3306/database?tls=true" //nolint:gosec // nobody's

const defaultPort = "3306"

// Database says where a database is, and who asks.
type Database struct {
	Hosts    []string // host:port, the one to be used first; the others when it does not answer
	User     string
	Password string
	Database string
	TLS      *tls.Config // nil: none; the name to be verified is each host's own unless set
}

// String returns the URL without the password and the parameters.
func (c Database) String() string {
	return Scheme + c.User + "@" + strings.Join(c.Hosts, ",") + "/" + c.Database
}

// Parse reads the URL of a database:
//
//	mysql://user:password@host:3306,another:3306/database?tls=true&tls-ca=ca.pem
//
// Several hosts are nodes of the same cluster. User and password are
// percent-encoded. tls is true, false or skip-verify; tls-ca names a file of
// certificates to trust instead of the system's. No error repeats the password.
func Parse(s string) (Database, error) {
	c, err := parse(s)
	if err != nil {
		return Database{}, fmt.Errorf("the address of the database: %w: want %s", err, Example)
	}
	return c, nil
}

func parse(s string) (c Database, err error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	if !ok {
		return c, errors.New("it does not begin with " + Scheme)
	}
	rest, query, _ := strings.Cut(rest, "?")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return c, errors.New("it names no user")
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	if c.User, err = url.PathUnescape(user); err != nil || c.User == "" {
		return c, errors.New("it names no user, or not in percent-encoding")
	}
	if c.Password, err = url.PathUnescape(password); err != nil {
		return c, errors.New("the password is not percent-encoded")
	}
	hosts, database, _ := strings.Cut(rest[at+1:], "/")
	if c.Hosts, err = parseHosts(hosts); err != nil {
		return c, err
	}
	if c.Database, err = url.PathUnescape(database); err != nil || c.Database == "" || strings.Contains(c.Database, "/") {
		return c, errors.New("it names no database behind the host")
	}
	return c, c.parseQuery(query)
}

func parseHosts(list string) (hosts []string, err error) {
	for host := range strings.SplitSeq(list, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), defaultPort
		}
		if name == "" || port == "" || strings.ContainsAny(name, "/ ") {
			return nil, fmt.Errorf("%q is no host:port", host)
		}
		hosts = append(hosts, net.JoinHostPort(name, port))
	}
	return hosts, nil
}

func (c *Database) parseQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its parameters are not name=value&name=value")
	}
	for name := range values {
		if name != "tls" && name != "tls-ca" {
			return fmt.Errorf("it has the parameter %q, and there are tls and tls-ca alone", name)
		}
	}
	mode, ca := values.Get("tls"), values.Get("tls-ca")
	switch mode {
	case "", "false":
		if ca != "" {
			return errors.New("tls-ca goes with tls=true")
		}
		return nil
	case "true":
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	case "skip-verify":
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // what the operator asked for, by name
	default:
		return fmt.Errorf("tls=%s: want true, false or skip-verify", mode)
	}
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca) //nolint:gosec // a file that the operator names
	if err != nil {
		return fmt.Errorf("tls-ca: %w", err)
	}
	c.TLS.RootCAs = x509.NewCertPool()
	if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls-ca: %s has no certificate in PEM", ca)
	}
	return nil
}
