package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// listen binds the configured address, after it made sure that tokens will not
// cross a network in the clear.
func listen(ctx context.Context, config Config) (net.Listener, error) {
	if (config.TLSCert == "") != (config.TLSKey == "") {
		return nil, errors.New("TLS needs a certificate and its key; give both, or neither")
	}
	if err := checkExternalURL(config.ExternalURL); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q is not host:port: %w", config.Listen, err)
	}
	if config.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(config.TLSCert, config.TLSKey); err != nil {
			return nil, fmt.Errorf("read the certificate %s with key %s: %w", config.TLSCert, config.TLSKey, err)
		}
	} else if !loopback(host) && !config.Insecure {
		return nil, fmt.Errorf("listen on %s without TLS: tokens would cross the network in the clear; give a certificate and key, listen on 127.0.0.1, or say --insecure when something in front speaks TLS", config.Listen)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", config.Listen, err)
	}
	return listener, nil
}

var saneURLPath = regexp.MustCompile(`^(/[A-Za-z0-9][A-Za-z0-9._~-]*)*/?$`)

// checkExternalURL makes sure that paths can be put behind the URL and that it
// does not lead anybody's token into the clear.
func checkExternalURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?#") || !saneURLPath.MatchString(u.Path) {
		return fmt.Errorf("external URL %q is not an https:// URL of a host, with at most a path of plain names", text)
	}
	return nil
}

// loopback: only this machine can reach the host. A name other than localhost
// may mean anything, and no host means every interface.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// endpoint is the URL of a bound address; every interface is told as this
// machine.
func endpoint(address net.Addr, secure bool) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	bound, err := netip.ParseAddrPort(address.String())
	if err == nil && bound.Addr().IsUnspecified() {
		return fmt.Sprintf("%slocalhost:%d", scheme, bound.Port())
	}
	return scheme + address.String()
}

// certificateFiles is a certificate that is read again when its file changes,
// so that a renewal needs no restart.
type certificateFiles struct {
	cert, key string
	logger    hclog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	read    time.Time // modification time of what was read
}

func (f *certificateFiles) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.certificate() },
	}
}

func (f *certificateFiles) certificate() (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.cert)
	if err == nil && f.current != nil && info.ModTime().Equal(f.read) {
		return f.current, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	if err != nil && f.current != nil {
		f.logger.Warn("the changed certificate is not readable; the former one is used", "file", f.cert, "error", err)
		return f.current, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", f.cert, err)
	}
	f.current, f.read = &pair, info.ModTime()
	return f.current, nil
}
