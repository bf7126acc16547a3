package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// EnableTLS restarts the server with a certificate of its own for its address,
// and for no host name, and returns the path of the PEM file that vouches for
// it. The server goes on to take connections without TLS.
func (s *Server) EnableTLS(t testing.TB) (rootCert string) {
	t.Helper()
	certificate, key, err := selfSigned(net.ParseIP(host))
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	for name, content := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(s.data(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.owner.take(path); err != nil {
			t.Fatal(err)
		}
	}
	rootCert = filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(rootCert, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	s.settings["ssl"] = "on"
	s.Restart(t)
	return rootCert
}

// selfSigned returns a certificate for ip and its key, both PEM.
func selfSigned(ip net.IP) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "pgtest"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		IPAddresses:           []net.IP{ip},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}
