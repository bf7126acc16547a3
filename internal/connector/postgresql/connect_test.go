package postgresql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
)

func TestRotatedPasswordIsPickedUp(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	var current atomic.Value
	current.Store(password)
	config := fmt.Sprintf(`{"host": %q, "port": %d, "username": "stint", "password_ref": %q, "sslmode": "disable"}`, s.Host(), s.Port(), passwordRef)
	c, err := postgresql.NewFactory().Open(json.RawMessage(config), func(context.Context, string) (string, error) {
		return current.Load().(string), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}

	s.exec(t, "ALTER ROLE stint PASSWORD 'second'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stint'")
	if _, err := c.Discover(t.Context()); !errors.Is(err, connector.ErrPermission) {
		t.Fatalf("discovery with the old password gave %v, want ErrPermission", err)
	}
	current.Store("second")
	if _, err := c.Discover(t.Context()); err != nil {
		t.Fatalf("discovery with the new password: %v", err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.exec(t, "ALTER ROLE stint PASSWORD 'another'")
	refused := s.opened(t, nil)
	down := s.opened(t, map[string]any{"port": 1})
	unresolved := s.opened(t, map[string]any{"password_ref": "hunter2"})
	for name, c := range map[string]connector.Connector{"refused": refused, "down": down, "unresolved": unresolved} {
		_, err := c.Discover(t.Context())
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, password) || strings.Contains(text, "hunter2") || strings.Contains(text, "p%40ss") {
			t.Errorf("%s: the error tells the secret: %s", name, text)
		}
	}
}

func TestEngineEnvironmentIsNotSentToTheTarget(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	t.Setenv("PGPASSWORD", password)
	t.Setenv("PGUSER", "postgres")
	t.Setenv("PGOPTIONS", "-c statement_timeout=0")
	c := s.opened(t, map[string]any{"password_ref": ""})
	if _, err := c.Discover(t.Context()); !errors.Is(err, connector.ErrPermission) {
		t.Fatalf("discovery without a password gave %v, want ErrPermission: the engine's own was used", err)
	}
}

func TestSilentTargetIsGivenUp(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	c := s.opened(t, map[string]any{"statement_timeout": "1s"})
	if _, err := c.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Pause(t)
	_, err := c.Grant(t.Context(), connector.Change{Account: "anna", Entitlement: role("billing_admin")})
	s.Resume(t)
	if !errors.Is(err, connector.ErrUnavailable) || errors.Is(err, connector.ErrIndeterminate) {
		t.Fatalf("grant in a silent target gave %v, want ErrUnavailable", err)
	}
	if s.holds(t, "anna", role("billing_admin")) {
		t.Error("the target was changed")
	}
}

func TestSessionsCarryTheirBounds(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.exec(t, "ALTER ROLE stint SET lock_timeout = 0", "ALTER ROLE stint SET statement_timeout = 0")
	c := s.opened(t, map[string]any{"statement_timeout": "2s"})
	defer s.blockReads(t)()
	_, err := c.Discover(t.Context())
	if !errors.Is(err, connector.ErrUnavailable) || !strings.Contains(err.Error(), "lock timeout") {
		t.Fatalf("discovery behind a lock gave %v, want ErrUnavailable by lock timeout", err)
	}
}

// blockReads holds a lock that reading memberships needs.
func (s target) blockReads(t *testing.T) (release func()) {
	t.Helper()
	conn := s.Connect(t, "template1")
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE pg_auth_members IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(context.Background(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerCertificateIsVerified(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	root := s.EnableTLS(t)
	for _, c := range []struct {
		name     string
		settings map[string]any
		reached  bool
	}{
		{"verify-full by the address it is for", map[string]any{"sslmode": "verify-full", "sslrootcert": root}, true},
		{"verify-full by another name", map[string]any{"sslmode": "verify-full", "sslrootcert": root, "host": "localhost"}, false},
		{"verify-full by the system's authorities", map[string]any{"sslmode": "verify-full"}, false},
		{"verify-ca by another name", map[string]any{"sslmode": "verify-ca", "sslrootcert": root, "host": "localhost"}, true},
		{"require", map[string]any{"sslmode": "require"}, true},
	} {
		_, err := s.opened(t, c.settings).Discover(t.Context())
		if c.reached && err != nil || !c.reached && !errors.Is(err, connector.ErrUnavailable) {
			t.Errorf("%s: reached should be %v, the error is %v", c.name, c.reached, err)
		}
	}
}
