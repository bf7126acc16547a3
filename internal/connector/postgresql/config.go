package postgresql

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

var sslModes = []string{"disable", "prefer", "require", "verify-ca", "verify-full"}

// config is the typed child "postgresql" of an application's connector block.
// Its JSON form with all members set is the canonical one.
type config struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
	Username string `json:"username"`
	// PasswordRef is resolved for every new connection, so that a rotated
	// password is picked up. Without it no password is sent.
	PasswordRef string `json:"password_ref,omitempty"`
	SSLMode     string `json:"sslmode"`
	// SSLRootCert is the path of a PEM file on the engine's host; without it
	// the system's certificate authorities are trusted.
	SSLRootCert string `json:"sslrootcert,omitempty"`
	// TerminateSessions ends, on revoke, the sessions that lost the right.
	TerminateSessions bool `json:"terminate_sessions"`
	// StatementTimeout bounds every statement in the target, in Stint's grammar
	// of durations.
	StatementTimeout string `json:"statement_timeout"`
	MaxConnections   int    `json:"max_connections"`
}

// members are the names that a configuration may hold. encoding/json alone
// would also take them in other letter case.
var members = []string{"host", "port", "database", "username", "password_ref", "sslmode", "sslrootcert",
	"terminate_sessions", "statement_timeout", "max_connections"}

// parseConfig decodes a configuration, fills in the defaults and checks it.
// Its error is a *connector.ConfigError.
func parseConfig(raw json.RawMessage) (config, error) {
	c := config{Port: 5432, Database: "postgres", SSLMode: "verify-full", TerminateSessions: true,
		StatementTimeout: "10s", MaxConnections: 4}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return config{}, &connector.ConfigError{Problem: "the connector's configuration must be one JSON object: " + err.Error()}
	}
	for name := range given {
		if !slices.Contains(members, name) {
			return config{}, &connector.ConfigError{Field: name, Problem: "unknown member; there are: " + strings.Join(members, ", ")}
		}
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) {
			return config{}, &connector.ConfigError{Field: mistyped.Field, Problem: fmt.Sprintf("must be a %s, not a %s", kindName(mistyped.Type.Kind().String()), mistyped.Value)}
		}
		return config{}, &connector.ConfigError{Problem: err.Error()}
	}
	if err := c.check(); err != nil {
		return config{}, err
	}
	timeout, err := condition.ParseDuration(c.StatementTimeout)
	if err == nil && (timeout < time.Second || timeout > 10*time.Minute) {
		err = fmt.Errorf("%s is not between 1s and 10m", c.StatementTimeout)
	}
	if err != nil {
		return config{}, &connector.ConfigError{Field: "statement_timeout", Problem: err.Error()}
	}
	c.StatementTimeout = condition.FormatDuration(timeout)
	return c, nil
}

func kindName(kind string) string {
	if kind == "int" {
		return "whole number"
	}
	return kind
}

func (c config) check() error {
	switch {
	case c.Host == "":
		return &connector.ConfigError{Field: "host", Problem: "is required: the name or address of the server"}
	case strings.ContainsAny(c.Host, "/,@?#%\\ \t\r\n\x00"):
		return &connector.ConfigError{Field: "host", Problem: fmt.Sprintf("%q is not one host name or address", c.Host)}
	case c.Port < 1 || c.Port > 65535:
		return &connector.ConfigError{Field: "port", Problem: fmt.Sprintf("%d is not between 1 and 65535", c.Port)}
	case c.Database == "":
		return &connector.ConfigError{Field: "database", Problem: "must not be empty: leave it out for \"postgres\""}
	case c.Username == "":
		return &connector.ConfigError{Field: "username", Problem: "is required: the role that stint logs in as"}
	case strings.ContainsRune(c.Database+c.Username+c.SSLRootCert, 0):
		return &connector.ConfigError{Problem: "a value holds a NUL character"}
	case !slices.Contains(sslModes, c.SSLMode):
		return &connector.ConfigError{Field: "sslmode", Problem: fmt.Sprintf("%q is not one of %s", c.SSLMode, strings.Join(sslModes, ", "))}
	case c.MaxConnections < 1 || c.MaxConnections > 20:
		return &connector.ConfigError{Field: "max_connections", Problem: fmt.Sprintf("%d is not between 1 and 20", c.MaxConnections)}
	}
	return nil
}

func (c config) statementTimeout() time.Duration {
	timeout, _ := condition.ParseDuration(c.StatementTimeout) // checked when it was parsed
	return timeout
}
