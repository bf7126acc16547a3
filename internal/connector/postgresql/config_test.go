package postgresql_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
)

func TestConfigurationIsCompletedToItsCanonicalForm(t *testing.T) {
	const want = `{"host":"db.internal","port":5432,"database":"postgres","username":"stint","sslmode":"verify-full",` +
		`"terminate_sessions":true,"statement_timeout":"10s","max_connections":4}`
	for _, raw := range []string{`{"username": "stint", "host": "db.internal"}`, want} {
		got, err := postgresql.NewFactory().Validate(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("Validate(%s) = %s, %v, want %s", raw, got, err, want)
		}
	}
}

func TestConfigurationIsRefusedWithItsField(t *testing.T) {
	for raw, field := range map[string]string{
		`[]`:                                "",
		`{"host": "h", "username": "u"} {}`: "",
		`{"username": "u"}`:                 "host",
		`{"host": "a,b", "username": "u"}`:  "host",
		`{"host": "/run/postgresql", "username": "u"}`:   "host",
		`{"host": "h?sslmode=disable", "username": "u"}`: "host",
		`{"host": "h"}`: "username",
		`{"host": "h", "username": "u", "password": "p"}`:             "password",
		`{"host": "h", "username": "u", "Port": 1}`:                   "Port",
		`{"host": "h", "username": "u", "port": 0}`:                   "port",
		`{"host": "h", "username": "u", "port": "5432"}`:              "port",
		`{"host": "h", "username": "u", "database": ""}`:              "database",
		`{"host": "h", "username": "u", "sslmode": "allow"}`:          "sslmode",
		`{"host": "h", "username": "u", "terminate_sessions": "yes"}`: "terminate_sessions",
		`{"host": "h", "username": "u", "statement_timeout": "0s"}`:   "statement_timeout",
		`{"host": "h", "username": "u", "statement_timeout": "11m"}`:  "statement_timeout",
		`{"host": "h", "username": "u", "statement_timeout": "2.5s"}`: "statement_timeout",
		`{"host": "h", "username": "u", "statement_timeout": 10}`:     "statement_timeout",
		`{"host": "h", "username": "u", "max_connections": 1000}`:     "max_connections",
	} {
		_, err := postgresql.NewFactory().Validate(json.RawMessage(raw))
		var bad *connector.ConfigError
		if !errors.As(err, &bad) || bad.Field != field || bad.Problem == "" {
			t.Errorf("Validate(%s) gave %#v, want a ConfigError for %q", raw, err, field)
		}
	}
}

func TestUnreadableCertificateIsAConfigurationError(t *testing.T) {
	_, err := postgresql.NewFactory().Open(json.RawMessage(`{"host": "h", "username": "u", "sslrootcert": "/nonexistent/ca.pem"}`), secrets)
	var bad *connector.ConfigError
	if !errors.As(err, &bad) || bad.Field != "sslrootcert" {
		t.Errorf("Open gave %v, want a ConfigError for sslrootcert", err)
	}
}
