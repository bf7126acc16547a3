package provider_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// newLocalServer serves on a free loopback port until the test ends, and
// returns its URL.
func newLocalServer(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
