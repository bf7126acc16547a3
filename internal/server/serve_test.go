package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// bare is a server without an engine, for what happens around the handler.
func bare(config Config, handler http.HandlerFunc) *Server {
	return &Server{config: config, handler: func() http.Handler { return handler }, now: time.Now, logger: hclog.NewNullLogger()}
}

// started serves until the returned function is called, which gives what Serve
// returned.
func started(t *testing.T, s *Server) (endpoint string, stop func() error) {
	t.Helper()
	endpoint, err := s.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	return endpoint, func() error {
		cancel()
		return <-served
	}
}

func TestRequestUnderWayIsFinishedWhenTheServerEnds(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s := bare(Config{Listen: "127.0.0.1:0"}, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	endpoint, stop := started(t, s)
	status := make(chan int, 1)
	go func() {
		response, err := get(t, http.DefaultClient, endpoint)
		if err != nil {
			t.Error(err)
			close(status)
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.listener.Addr().String())
		if err != nil {
			break // it no longer takes new ones
		}
		_ = conn.Close()
	}
	close(release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way was answered %d", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestAddressInUseIsAnError(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s := bare(Config{Listen: taken.Addr().String()}, nil)
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("Serve: %v", err)
	}
}

func TestRenewedCertificateIsServedWithoutARestart(t *testing.T) {
	folder := t.TempDir()
	config := Config{Listen: "127.0.0.1:0", TLSCert: filepath.Join(folder, "cert.pem"), TLSKey: filepath.Join(folder, "key.pem")}
	began := time.Now()
	first := certify(t, config, began.Add(-2*time.Second))
	endpoint, stop := started(t, bare(config, func(http.ResponseWriter, *http.Request) {}))

	if got := fetch(t, endpoint, first, 0); got != "HTTP/2.0" {
		t.Errorf("with the first certificate: %s", got)
	}
	if got := fetch(t, endpoint, first, tls.VersionTLS11); !strings.Contains(got, "protocol version") {
		t.Errorf("with TLS 1.1: %s", got)
	}
	second := certify(t, config, began.Add(-time.Second))
	if got := fetch(t, endpoint, second, 0); got != "HTTP/2.0" {
		t.Errorf("with the renewed certificate: %s", got)
	}
	if err := os.WriteFile(config.TLSCert, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, endpoint, second, 0); got != "HTTP/2.0" {
		t.Errorf("while the file is broken: %s", got)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func get(t *testing.T, c *http.Client, endpoint string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, err
	}
	return c.Do(request)
}

// fetch is the protocol of the answer, or the error.
func fetch(t *testing.T, endpoint string, trust *x509.CertPool, newest uint16) string {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trust, MaxVersion: newest, MinVersion: tls.VersionTLS10}} //nolint:gosec // the server is to refuse it
	defer transport.CloseIdleConnections()
	response, err := get(t, &http.Client{Transport: transport}, endpoint)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close()
	return response.Proto
}

// certify writes a new certificate and returns the pool that trusts it.
func certify(t *testing.T, config Config, written time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(written.UnixNano()), NotBefore: written.Add(-time.Hour), NotAfter: written.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{config.TLSKey: {Type: "PRIVATE KEY", Bytes: keyDER}, config.TLSCert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}
