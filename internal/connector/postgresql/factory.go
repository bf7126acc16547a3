package postgresql

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// Kind names this connector in an application's connector block.
const Kind = "postgresql"

// NewFactory returns the factory of PostgreSQL connectors.
func NewFactory() connector.Factory { return factory{} }

type factory struct{}

func (factory) Kind() string { return Kind }

// Validate takes an object with host and username, and optionally port (5432),
// database ("postgres"), password_ref, sslmode ("verify-full"), sslrootcert,
// terminate_sessions (true), statement_timeout ("10s") and
// max_connections (4).
func (factory) Validate(raw json.RawMessage) (json.RawMessage, error) {
	c, err := parseConfig(raw)
	if err != nil {
		return nil, err
	}
	canonical, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the configuration in canonical form: %w", err)
	}
	return canonical, nil
}

func (factory) Open(raw json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	c, err := parseConfig(raw)
	if err != nil {
		return nil, err
	}
	settings, err := poolConfig(c, secrets)
	if err != nil {
		return nil, err
	}
	// Its context bounds only the opening of MinConns connections: none here.
	pool, err := pgxpool.NewWithConfig(context.Background(), settings)
	if err != nil {
		return nil, fmt.Errorf("prepare connections to %s: %w", c.Host, err)
	}
	return &postgres{config: c, pool: pool}, nil
}
