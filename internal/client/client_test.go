package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

func TestEndpointThatIsNoneIsRefusedWithTheMend(t *testing.T) {
	for endpoint, says := range map[string]string{
		"":                   "no endpoint is given",
		"127.0.0.1:8443":     "is not an http:// or https:// URL",
		"localhost:8443":     "is not an http:// or https:// URL",
		"ftp://stint":        "is not an http:// or https:// URL",
		"http://":            "names no host",
		"https://me@stint":   "holds a user name",
		"https://stint/?a=b": "has a query",
	} {
		_, err := client.New(client.Config{Endpoint: endpoint})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "STINT_ADDR") {
			t.Errorf("New(%q): %v, want %q and STINT_ADDR", endpoint, err, says)
		}
	}
}

func TestTokenThatWouldBreakTheHeaderIsRefusedWithoutRepeatingIt(t *testing.T) {
	_, err := client.New(client.Config{Endpoint: "http://stint", Token: "sec\nret"})
	if err == nil || strings.Contains(err.Error(), "ret\"") || !strings.Contains(err.Error(), "STINT_TOKEN") {
		t.Fatalf("New: %v", err)
	}
}

func TestCertificateFileMustHoldOne(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".absent"} {
		if _, err := client.New(client.Config{Endpoint: "https://stint", CACertFile: file}); err == nil || !strings.Contains(err.Error(), "STINT_CACERT") {
			t.Errorf("New with %s: %v", file, err)
		}
	}
}

// serve answers with handler, and fails the test when it is asked without the
// token.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token" {
			t.Errorf("Authorization is %q", got)
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Endpoint: server.URL + "/", Token: "token\n"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Status: status, Code: code, Detail: "because of " + code})
}
