// Package certs makes a throw-away certificate authority and one server
// certificate, for directories that tests run on loopback.
package certs

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

// Set is a server's certificate and key with the authority that signed it.
type Set struct {
	Dir                       string // where the files lie
	CertFile, KeyFile, CAFile string // PEM
	Pool                      *x509.CertPool
	TLS                       tls.Certificate
}

// New makes a Set for the given host names and addresses, in t's own folder.
func New(t testing.TB, hosts ...string) *Set {
	t.Helper()
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "countersign test authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, h)
		}
	}
	caKey, leafKey := key(t), key(t)
	caDER := sign(t, ca, ca, caKey, caKey)
	leafDER := sign(t, leaf, ca, leafKey, caKey)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &Set{Dir: t.TempDir(), Pool: x509.NewCertPool()}
	s.CAFile = s.write(t, "ca.pem", "CERTIFICATE", caDER)
	s.CertFile = s.write(t, "cert.pem", "CERTIFICATE", leafDER)
	s.KeyFile = s.write(t, "key.pem", "PRIVATE KEY", pkcs8)
	authority, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	s.Pool.AddCert(authority)
	s.TLS = tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
	return s
}

func key(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, cert, parent *x509.Certificate, k, by *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &k.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (s *Set) write(t testing.TB, name, kind string, der []byte) string {
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
