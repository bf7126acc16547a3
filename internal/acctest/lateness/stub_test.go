package lateness_test

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// stubLatency is how long each call of the stub takes.
const stubLatency = time.Millisecond

// stub is a target that answers every call after a while and keeps nothing: what
// it revokes is gone, and what it grants is there until then.
type stub struct{ connector.Factory }

// Kind implements connector.Factory.
func (stub) Kind() string { return "stub" }

// Validate implements connector.Factory.
func (stub) Validate(config json.RawMessage) (json.RawMessage, error) { return config, nil }

// Open implements connector.Factory.
func (stub) Open(json.RawMessage, connector.Secrets) (connector.Connector, error) {
	return stubTarget{}, nil
}

type stubTarget struct{ connector.Connector }

// Capabilities implements connector.Connector.
func (stubTarget) Capabilities() connector.Capabilities {
	return connector.Capabilities{ReadBack: true, Bound: time.Minute, Kinds: []string{"role"}}
}

// Discover implements connector.Connector.
func (stubTarget) Discover(context.Context) (*connector.Inventory, error) {
	return &connector.Inventory{Entitlements: []connector.DiscoveredEntitlement{
		{Entitlement: connector.Entitlement{Kind: "role", NativeID: "measured"}, UID: "1"},
	}}, nil
}

// Revoke implements connector.Connector.
func (stubTarget) Revoke(context.Context, connector.Change) (connector.Result, error) {
	time.Sleep(stubLatency)
	return connector.Result{Changed: true}, nil
}

// Read implements connector.Connector.
func (stubTarget) Read(context.Context, string, connector.Entitlement) (connector.Reading, error) {
	time.Sleep(stubLatency)
	return connector.Reading{}, nil
}

// Close implements connector.Connector.
func (stubTarget) Close() error { return nil }
