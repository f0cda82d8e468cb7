package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

func TestSelfSigned(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	verify := func(host string, at time.Time) {
		t.Helper()
		cert, err := selfSigned(dir, []string{host, "api.weixin.qq.com"}, at)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		for _, name := range []string{"localhost", "127.0.0.1", "::1", host, "api.weixin.qq.com"} {
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: at}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	verify("10.0.0.7", now)
	first, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	verify("mpblock.internal", now.Add(5*365*24*time.Hour))
	if again, err := os.ReadFile(filepath.Join(dir, "ca.pem")); err != nil || string(again) != string(first) {
		t.Errorf("the CA was made again, %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ca-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the CA's key is open to others: %v, %v", info.Mode(), err)
	}
	if _, err := selfSigned(dir, nil, now.Add(caLife)); err == nil || !strings.Contains(err.Error(), "remove the directory") {
		t.Errorf("a CA at its end: %v", err)
	}
}

// All that is in a data directory is its owner's, with a store in it or without one.
func TestDataDirectoryIsItsOwners(t *testing.T) {
	for name, store := range map[string]mpblock.Store{"embedded": nil, "elsewhere": memstore.New()} {
		t.Run(name, func(t *testing.T) {
			c := Config{Data: t.TempDir(), Store: store, Listen: "127.0.0.1:0", TLSSelfSigned: true}
			if err := errors.Join(os.Chmod(c.Data, 0o755), os.Mkdir(filepath.Join(c.Data, "tls"), 0o755)); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			err = filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s: %v", path, info.Mode())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A certificate is never at its end while the server runs: one of the CA of its own is
// made anew in time, one of files is read again when they have changed. What cannot be
// read leaves the one before.
func TestCertificatesAreRenewed(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write := func(at time.Time) {
		t.Helper()
		cert, err := selfSigned(dir, []string{"example.com"}, at)
		if err != nil {
			t.Fatal(err)
		}
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for name, der := range map[string][]byte{"CERTIFICATE": cert.Certificate[0], "PRIVATE KEY": key} {
			if err := writePEM(filepath.Join(dir, name), name, der); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(filepath.Join(dir, "CERTIFICATE"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(now)
	var log bytes.Buffer
	files := &keeper{file: filepath.Join(dir, "CERTIFICATE"), log: slog.New(slog.NewTextHandler(&log, nil)), load: func(time.Time) (tls.Certificate, error) {
		return tls.LoadX509KeyPair(filepath.Join(dir, "CERTIFICATE"), filepath.Join(dir, "PRIVATE KEY"))
	}}
	own := &keeper{load: func(now time.Time) (tls.Certificate, error) { return selfSigned(dir, nil, now) }, log: files.log}
	for _, k := range []*keeper{files, own} {
		if err := k.renew(now); err != nil {
			t.Fatal(err)
		}
	}
	first, ours := files.cert, own.cert
	later := now.Add(2 * time.Minute)
	if files.certificate(later) != first || own.certificate(later) != ours {
		t.Error("renewed without need")
	}
	if err := os.WriteFile(files.file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if files.certificate(later.Add(2*time.Minute)) != first || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("damaged files: %s", &log)
	}
	write(later)
	if files.certificate(later.Add(2*time.Hour)) == first {
		t.Error("files that have changed are not read")
	}
	if at := now.Add(serverLife - soon + time.Hour); own.certificate(at) == ours || own.ends.Sub(at) < serverLife-time.Hour {
		t.Errorf("ours ends at %v", own.ends)
	}
}
