// Package certtest makes certificates for tests of TLS: an authority, and what it signs. They are good for an hour.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	Pool *x509.CertPool // that trusts it
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	c := template("authority")
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &Authority{Pool: x509.NewCertPool()}
	a.cert, a.key = sign(t, c, nil, nil)
	a.Pool.AddCert(a.cert)
	return a
}

// Certificate makes a certificate for a name, which a server may show that is known by it, by localhost, or by the addresses, and a client, too.
func (a *Authority) Certificate(t testing.TB, name string, addresses ...net.IP) tls.Certificate {
	t.Helper()
	c := template(name)
	c.DNSNames, c.IPAddresses = []string{name, "localhost"}, addresses
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	leaf, key := sign(t, c, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// Write writes ca.crt, and NAME.crt and NAME.key of each name, to a directory.
func (a *Authority) Write(t testing.TB, dir string, addresses []net.IP, names ...string) {
	t.Helper()
	write(t, dir, "ca.crt", "CERTIFICATE", a.cert.Raw)
	for _, name := range names {
		c := a.Certificate(t, name, addresses...)
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name+".crt", "CERTIFICATE", c.Leaf.Raw)
		write(t, dir, name+".key", "PRIVATE KEY", key)
	}
}

func write(t testing.TB, dir, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), // clocks of two hosts may differ
	}
}

// sign makes a certificate with a key of its own, signed by another one's, or by itself.
func sign(t testing.TB, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed, key
}
