// Package client speaks Stint's HTTP API for the provider and the command line.
//
// It promises typed answers, lists that are complete or an error, errors that
// tell the mend ([api.Problem] for what the server refused,
// [UnreachableError] and [UnauthenticatedError] for what kept it from being
// asked), and answers of bounded size. What is safe to repeat is repeated for
// about a second. It decides nothing and keeps no state between calls.
package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Environment variables that a caller takes a Config from.
const (
	EnvEndpoint   = "STINT_ADDR"
	EnvToken      = "STINT_TOKEN"
	EnvCACertFile = "STINT_CACERT"
)

// Config says which server to speak to, and as whom.
type Config struct {
	// Endpoint is the server's base URL: http or https, a host, optionally a
	// port and a path prefix.
	Endpoint string
	// Token is the API token; space around it is dropped.
	Token string
	// CACertFile names a PEM file of certificates to trust besides the
	// system's; only used without HTTPClient.
	CACertFile string
	// HTTPClient carries the requests; nil: one made for the endpoint. It is
	// not changed, and redirects are never followed with the token.
	HTTPClient *http.Client
	// UserAgent names the caller; empty: stint.
	UserAgent string
}

// Client is safe for concurrent use.
type Client struct {
	endpoint  string // no trailing slash
	token     string
	userAgent string
	http      *http.Client
	maxAnswer int64
}

// New checks the configuration. It does not contact the server.
func New(cfg Config) (*Client, error) {
	endpoint, err := parseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(cfg.Token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("the token holds a character that no token has; check %s", EnvToken)
	}
	plain := http.Client{}
	if cfg.HTTPClient != nil {
		plain = *cfg.HTTPClient
	} else if plain.Transport, err = newTransport(cfg.CACertFile); err != nil {
		return nil, err
	}
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{endpoint: endpoint, token: token, userAgent: cfg.UserAgent, http: &plain, maxAnswer: maxAnswer}
	if c.userAgent == "" {
		c.userAgent = "stint"
	}
	return c, nil
}

// Endpoint is the base URL, without a trailing slash.
func (c *Client) Endpoint() string { return c.endpoint }

func parseEndpoint(text string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("endpoint %q %s; write it like https://stint.example.com:8420, or check %s", text, why, EnvEndpoint)
	}
	if text == "" {
		return "", fmt.Errorf("no endpoint is given; set %s, for instance to http://127.0.0.1:8420", EnvEndpoint)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https":
		return refuse("is not an http:// or https:// URL")
	case u.Hostname() == "":
		return refuse("names no host")
	case u.User != nil:
		return refuse("holds a user name; a token is given apart")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("has a query or a fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func newTransport(caCertFile string) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caCertFile != "" {
		pem, err := os.ReadFile(caCertFile) //nolint:gosec // the caller chooses whom to trust
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w; check %s", err, EnvCACertFile)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate; check %s", caCertFile, EnvCACertFile)
		}
		config.RootCAs = pool
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 5 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
	}, nil
}
