package client_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestIdentifierTravelsAsOneSegment(t *testing.T) {
	for id, want := range map[string]string{
		"billing/role/x":     "/v1/entitlements/billing%2Frole%2Fx",
		"billing/role/a%20b": "/v1/entitlements/billing%2Frole%2Fa%2520b",
		"..":                 "/v1/entitlements/%2E%2E",
	} {
		var got string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.EscapedPath()
			answer(w, api.Entitlement{})
		})
		if _, err := client.Get(t.Context(), c, api.Entitlements, id); err != nil || got != want {
			t.Errorf("Get(%q) asked for %s (%v), want %s", id, got, err, want)
		}
	}
}

func TestWritesCarryTheirPrecondition(t *testing.T) {
	var create, update, remove http.Header
	var query string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			remove, query = r.Header, r.URL.RawQuery
			w.WriteHeader(http.StatusNoContent)
			return
		case r.Header.Get("If-Match") != "":
			update = r.Header
		default:
			create = r.Header
		}
		answer(w, api.Identity{Meta: api.Meta{ID: "alice", Version: 7}})
	})
	alice := governance.Identity{Name: "alice", Type: governance.Human}
	if got, err := client.Create(t.Context(), c, api.Identities, alice); err != nil || got.Version != 7 {
		t.Fatalf("Create: %+v, %v", got, err)
	}
	if _, err := client.Update(t.Context(), c, api.Identities, 7, alice); err != nil {
		t.Fatal(err)
	}
	if err := client.Delete(t.Context(), c, api.Identities, "alice", 8, true); err != nil {
		t.Fatal(err)
	}
	if create.Get("If-None-Match") != "*" || update.Get("If-Match") != `"7"` || remove.Get("If-Match") != `"8"` || query != "revoke_grants=true" {
		t.Errorf("create %v, update %v, delete %v ?%s", create, update, remove, query)
	}
}

func TestRefusalIsTheServersProblem(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, api.CodeNotFound) })
	_, err := client.Get(t.Context(), c, api.Applications, "billing")
	if !client.IsNotFound(err) || client.IsInUse(err) || err.Error() != "because of not_found" {
		t.Errorf("Get: %v", err)
	}
}

func TestRejectedTokenGivesOneSentence(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusUnauthorized, api.CodeUnauthenticated)
	})
	_, err := c.WhoAmI(t.Context())
	var unauthenticated *client.UnauthenticatedError
	if !errors.As(err, &unauthenticated) || !client.HasCode(err, api.CodeUnauthenticated) || !strings.Contains(err.Error(), "STINT_TOKEN") {
		t.Errorf("WhoAmI: %v", err)
	}
}

func TestForeignAnswersAreNamedAsSuch(t *testing.T) {
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>gateway", http.StatusBadGateway) })
	if _, err := page.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), `502 Bad Gateway ("<html>gateway")`) {
		t.Errorf("gateway page: %v", err)
	}
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.example.com/", http.StatusFound)
	})
	if _, err := elsewhere.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "redirects to https://login.example.com/") {
		t.Errorf("redirect: %v", err)
	}
	text := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	if _, err := text.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "is it a Stint server") {
		t.Errorf("text: %v", err)
	}
}

func TestAbsentServerIsNamedWithTheMend(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WhoAmI(t.Context())
	if !client.IsUnreachable(err) {
		t.Fatalf("WhoAmI: %v", err)
	}
	want := "Stint at " + endpoint + " was not reached (dial tcp " + listener.Addr().String() + ": connect: connection refused): is 'stint server' running? check STINT_ADDR"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestCertificateDecidesOverTrust(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, api.WhoAmI{Identity: "alice"}) }))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	trusting, err := client.New(client.Config{Endpoint: server.URL, CACertFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := trusting.WhoAmI(t.Context()); err != nil || who.Identity != "alice" {
		t.Errorf("with the certificate: %+v, %v", who, err)
	}
	doubting, err := client.New(client.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doubting.WhoAmI(t.Context()); !client.IsUnreachable(err) || !strings.Contains(err.Error(), "STINT_CACERT") {
		t.Errorf("without: %v", err)
	}
}

// outcome is what becomes of every call, without any network: an error, or a
// refusal.
type outcome struct {
	err    error
	status int
	code   string
	calls  int
}

func (o *outcome) RoundTrip(r *http.Request) (*http.Response, error) {
	o.calls++
	if o.err != nil {
		return nil, o.err
	}
	recorder := httptest.NewRecorder()
	refuse(recorder, o.status, o.code)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func TestOnlyWhatIsSafeIsTriedAgain(t *testing.T) {
	unavailable := outcome{status: http.StatusServiceUnavailable, code: api.CodeUnavailable}
	conflict := outcome{status: http.StatusConflict, code: api.CodeConflict}
	reset := outcome{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}
	refused := outcome{err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	get := func(ctx context.Context, c *client.Client) error {
		_, err := c.WhoAmI(ctx)
		return err
	}
	put := func(ctx context.Context, c *client.Client) error {
		_, err := client.Create(ctx, c, api.Identities, governance.Identity{Name: "alice"})
		return err
	}
	named := func(ctx context.Context, c *client.Client) error {
		_, err := c.Request(ctx, api.RequestInput{})
		return err
	}
	post := func(ctx context.Context, c *client.Client) error {
		_, err := c.Withdraw(ctx, "a")
		return err
	}
	for name, tc := range map[string]struct {
		is    outcome
		do    func(context.Context, *client.Client) error
		calls int
	}{
		"read, unavailable":              {unavailable, get, 4},
		"read, reset":                    {reset, get, 4},
		"read, refused":                  {refused, get, 4},
		"read, conflict":                 {conflict, get, 1},
		"conditional write, unavailable": {unavailable, put, 4},
		"conditional write, reset":       {reset, put, 1},
		"conditional write, refused":     {refused, put, 4},
		"named, unavailable":             {unavailable, named, 4},
		"named, reset":                   {reset, named, 4},
		"named, refused":                 {refused, named, 4},
		"named, conflict":                {conflict, named, 1},
		"other, unavailable":             {unavailable, post, 1},
		"other, reset":                   {reset, post, 1},
		"other, never seen by a server":  {refused, post, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &tc.is
			c, err := client.New(client.Config{Endpoint: "http://stint", HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := tc.do(t.Context(), c); err == nil {
				t.Errorf("%s: no error", name)
			}
			if transport.calls != tc.calls || time.Since(began) > 2*time.Second {
				t.Errorf("%s: %d calls in %s, want %d in 2s", name, transport.calls, time.Since(began), tc.calls)
			}
		})
	}
}

func TestCancelledCallerIsNotToldThatTheServerIsAway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.WhoAmI(ctx); !errors.Is(err, context.Canceled) || client.IsUnreachable(err) {
		t.Errorf("WhoAmI: %v", err)
	}
}

type endless struct{}

func (e endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}, Body: io.NopCloser(e)}, nil
}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

func TestEndlessAnswerIsCutOff(t *testing.T) {
	c, err := client.New(client.Config{Endpoint: "http://stint", HTTPClient: &http.Client{Transport: endless{}}})
	if err != nil {
		t.Fatal(err)
	}
	c.LimitAnswers(1 << 20)
	if _, err := c.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("WhoAmI: %v", err)
	}
}
