package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mpblock/internal/datadir"
)

// Lives of the certificates that Config.TLSSelfSigned has made. Browsers refuse those of
// servers that live longer than 398 days.
const (
	caLife     = 10 * 365 * 24 * time.Hour
	serverLife = 397 * 24 * time.Hour
)

// loadTLS reads or makes the server's certificate, if it is to have one.
func (s *Server) loadTLS() error {
	c := s.cfg
	k := &keeper{log: c.Log}
	switch {
	case c.TLSSelfSigned:
		if c.Data == "" {
			return errors.New("a certificate of a CA of its own needs a data directory, in which the CA is")
		}
		host, _, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return err
		}
		dir := filepath.Join(c.Data, "tls")
		if err := datadir.Private(dir, c.Log); err != nil {
			return err
		}
		k.load = func(now time.Time) (tls.Certificate, error) {
			return selfSigned(dir, append([]string{host}, c.TLSNames...), now)
		}
		s.trust = filepath.Join(dir, "ca.pem")
	case c.TLSCert != "":
		k.load = func(time.Time) (tls.Certificate, error) { return tls.LoadX509KeyPair(c.TLSCert, c.TLSKey) }
		k.file = c.TLSCert
	default:
		return nil
	}
	if err := k.renew(time.Now()); err != nil {
		return err
	}
	s.tls = &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.certificate(time.Now()), nil },
	}
	return nil
}

// suites are those of TLS 1.2 that authenticate what they encrypt.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// keeper has a certificate that is good: one of files is read again when they have
// changed, one of our own CA is made anew a month before its end. What fails is a
// warning, and the certificate before stays.
type keeper struct {
	load func(now time.Time) (tls.Certificate, error)
	file string // "": none
	log  *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	ends    time.Time
	changed time.Time // of the file
	looked  time.Time
}

// lookEvery is how often a keeper looks whether its certificate is good still.
const lookEvery = time.Minute

// soon is how long before its end a certificate of our own CA is made anew.
const soon = 30 * 24 * time.Hour

func (k *keeper) certificate(now time.Time) *tls.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.looked) >= lookEvery {
		k.looked = now
		if k.old(now) {
			if err := k.renew(now); err != nil {
				k.looked = now.Add(time.Hour)
				k.log.Warn("the certificate cannot be renewed; the one before is used on", "ends", k.ends, "error", err)
			} else {
				k.log.Info("the certificate is renewed", "ends", k.ends)
			}
		}
	}
	return k.cert
}

func (k *keeper) old(now time.Time) bool {
	if k.file == "" {
		return k.ends.Sub(now) < soon
	}
	info, err := os.Stat(k.file)
	return err == nil && !info.ModTime().Equal(k.changed)
}

func (k *keeper) renew(now time.Time) error {
	if k.file != "" { // looked at first: one that changes meanwhile is read once more
		info, err := os.Stat(k.file)
		if err != nil {
			return err
		}
		k.changed = info.ModTime()
	}
	cert, err := k.load(now)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return err
	}
	k.cert, k.ends, k.looked = &cert, leaf.NotAfter, now
	return nil
}

// selfSigned returns a new certificate for this machine's loopback names and some
// more, signed by the CA in a directory, in which it is made once. Clients trust the
// CA, which stays.
func selfSigned(dir string, names []string, now time.Time) (tls.Certificate, error) {
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = makeCA(dir, now)
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the CA in %s: %w", dir, err)
	}
	if ca.Leaf.NotAfter.Before(now.Add(serverLife)) {
		return tls.Certificate{}, fmt.Errorf("the CA in %s ends on %s: remove the directory to have a new one made, and have clients trust that", dir, ca.Leaf.NotAfter.Format(time.DateOnly))
	}
	tmpl := template("mpblock", now, serverLife)
	tmpl.DNSNames = []string{"localhost"}
	tmpl.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else if name != "" {
			tmpl.DNSNames = append(tmpl.DNSNames, name)
		}
	}
	if name, err := os.Hostname(); err == nil {
		tmpl.DNSNames = append(tmpl.DNSNames, name)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.Leaf, &key.PublicKey, ca.PrivateKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func makeCA(dir string, now time.Time) (tls.Certificate, error) {
	tmpl := template("mpblock CA", now, caLife)
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.MaxPathLenZero = true, true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	// The certificate is written last: a CA without its key is never found.
	if err := writePEM(filepath.Join(dir, "ca-key.pem"), "PRIVATE KEY", keyDER); err != nil {
		return tls.Certificate{}, err
	}
	if err := writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", der); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem"))
}

func template(name string, now time.Time, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // the random source of the system never fails
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // for clients whose clock is behind
		NotAfter:     now.Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// writePEM writes a file whole or not at all, for its owner alone.
func writePEM(name, kind string, der []byte) error {
	temp := name + ".new"
	if err := os.WriteFile(temp, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, name)
}
