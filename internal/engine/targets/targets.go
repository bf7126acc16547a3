// Package targets opens the connectors of applications and keeps them open for
// as long as the application's connector block stands.
package targets

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Targets hands out connectors. It is safe for concurrent use.
type Targets struct {
	// Around, when it is set, stands between the engine and every connector.
	Around func(governance.ApplicationID, connector.Connector) connector.Connector

	registry *connector.Registry
	secrets  func(governance.ApplicationID) connector.Secrets

	mu   sync.Mutex
	open map[governance.ApplicationID]*target
}

type target struct {
	config string
	connector.Connector
}

// New hands out connectors of the registry; secrets gives each application the
// resolver of its own namespace.
func New(registry *connector.Registry, secrets func(governance.ApplicationID) connector.Secrets) *Targets {
	return &Targets{registry: registry, secrets: secrets, open: map[governance.ApplicationID]*target{}}
}

// Canonical checks an application's connector block and returns the application
// with the block in canonical form.
func (t *Targets) Canonical(a governance.Application) (governance.Application, governance.Problems) {
	for kind, config := range a.Connector {
		factory, err := t.registry.Factory(kind)
		if err == nil {
			config, err = factory.Validate(config)
		}
		if err != nil {
			field := "connector." + kind
			var bad *connector.ConfigError
			if errors.As(err, &bad) && bad.Field != "" {
				field += "." + bad.Field
				err = errors.New(bad.Problem)
			}
			return a, governance.Problems{{Field: field, Code: governance.CodeInvalid, Message: err.Error()}}
		}
		a.Connector = map[string]json.RawMessage{kind: config}
	}
	return a, nil
}

// Open makes a connector that is the caller's own to close.
func (t *Targets) Open(a governance.Application) (connector.Connector, error) {
	kinds := slices.Collect(maps.Keys(a.Connector))
	if len(kinds) != 1 {
		return nil, fmt.Errorf("application %s has %d connectors", a.ID(), len(kinds))
	}
	factory, err := t.registry.Factory(kinds[0])
	if err != nil {
		return nil, fmt.Errorf("connector of %s: %w", a.ID(), err)
	}
	c, err := factory.Open(a.Connector[kinds[0]], t.secrets(a.ID()))
	if err != nil {
		return nil, fmt.Errorf("connector of %s: %w", a.ID(), err)
	}
	if t.Around != nil {
		c = t.Around(a.ID(), c)
	}
	return c, nil
}

// Of returns the application's connector. It stays open; the caller does not
// close it.
func (t *Targets) Of(a governance.Application) (connector.Connector, error) {
	config, err := json.Marshal(a.Connector)
	if err != nil {
		return nil, fmt.Errorf("connector of %s: %w", a.ID(), err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.open[a.ID()]
	if old != nil && old.config == string(config) {
		return old.Connector, nil
	}
	c, err := t.Open(a)
	if err != nil {
		return nil, err
	}
	t.open[a.ID()] = &target{config: string(config), Connector: c}
	if old != nil {
		// Calls that run on the old connection end with an error and are
		// retried on the new one.
		_ = old.Close()
	}
	return c, nil
}

// Forget closes the connector of an application that is gone.
func (t *Targets) Forget(id governance.ApplicationID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.open[id]; old != nil {
		_ = old.Close()
		delete(t.open, id)
	}
}

// Close closes every connector.
func (t *Targets) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for id, c := range t.open {
		errs = append(errs, c.Close())
		delete(t.open, id)
	}
	return errors.Join(errs...)
}

// Failure is a target's error as a refusal that says what to do.
func Failure(id governance.ApplicationID, err error) error {
	mend := "look at the error of the target"
	switch {
	case errors.Is(err, connector.ErrUnavailable):
		mend = "check that the target runs and that host, port and TLS settings are right"
	case errors.Is(err, connector.ErrPermission):
		mend = "check the connector's user, its secret, and its rights in the target"
	}
	return &fault.Error{Code: fault.TargetFailed, Message: fmt.Sprintf("application %s: %s; %s", id, err, mend), Err: err}
}
