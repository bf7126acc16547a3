package modeltarget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// Factory connects applications to targets by name.
type Factory map[string]*Target

// Kind implements connector.Factory.
func (Factory) Kind() string { return "model" }

// Config is the connector block of an application in the named target.
func Config(target string) map[string]json.RawMessage {
	config, _ := json.Marshal(settings{target}) // a string always encodes
	return map[string]json.RawMessage{"model": config}
}

type settings struct {
	Target string `json:"target"`
}

// Validate implements connector.Factory.
func (f Factory) Validate(config json.RawMessage) (json.RawMessage, error) {
	var s settings
	decoder := json.NewDecoder(strings.NewReader(string(config)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, &connector.ConfigError{Problem: err.Error()}
	}
	if f[s.Target] == nil {
		return nil, &connector.ConfigError{Field: "target", Problem: fmt.Sprintf("no target %q", s.Target)}
	}
	return json.Marshal(s)
}

// Open implements connector.Factory.
func (f Factory) Open(config json.RawMessage, _ connector.Secrets) (connector.Connector, error) {
	var s settings
	if err := json.Unmarshal(config, &s); err != nil {
		return nil, err
	}
	return f[s.Target].Connector(), nil
}

// Connector reaches the target.
func (t *Target) Connector() connector.AccountMaker { return client{t} }

type client struct{ t *Target }

func (c client) Capabilities() connector.Capabilities {
	return connector.Capabilities{ReadBack: true, Together: true, MakesAccounts: true, Bound: Bound, Kinds: []string{"role", "role_admin"}}
}

func (c client) Discover(ctx context.Context) (*connector.Inventory, error) { return c.t.discover(ctx) }

func (c client) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	return c.t.change(ctx, Call{Key: Key{change.Account, change.Entitlement}, Keep: change.Keep})
}

func (c client) Revoke(ctx context.Context, change connector.Change) (connector.Result, error) {
	return c.t.change(ctx, Call{Key: Key{change.Account, change.Entitlement}, Revoke: true, Keep: change.Keep})
}

// RevokeTogether implements connector.Together: one change after the other, as far as
// the target goes along.
func (c client) RevokeTogether(ctx context.Context, changes []connector.Change) ([]connector.Revocation, error) {
	revoked := make([]connector.Revocation, len(changes))
	for i, change := range changes {
		result, err := c.Revoke(ctx, change)
		switch {
		case errors.Is(err, connector.ErrPermission):
			revoked[i].Alone = true
			continue
		case err != nil:
			return nil, err
		}
		revoked[i].Result = result
		if revoked[i].Reading, err = c.Read(ctx, change.Account, change.Entitlement); err != nil {
			return nil, err
		}
	}
	return revoked, nil
}

func (c client) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	return c.t.read(ctx, Key{account, entitlement})
}

// CheckAccountName implements connector.AccountMaker.
func (c client) CheckAccountName(name string) error {
	if name == "" {
		return errors.New("an account has a name")
	}
	return nil
}

// MakeAccount implements connector.AccountMaker.
func (c client) MakeAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeResult, error) {
	answer, err := c.t.changeAccount(ctx, AccountCall{MadeAccount: account})
	return connector.MadeResult{Changed: answer.changed, UID: answer.uid}, err
}

// RemoveAccount implements connector.AccountMaker.
func (c client) RemoveAccount(ctx context.Context, account connector.MadeAccount) (connector.RemovedResult, error) {
	answer, err := c.t.changeAccount(ctx, AccountCall{MadeAccount: account, Remove: true})
	return connector.RemovedResult{Changed: answer.changed, Kept: answer.kept}, err
}

// ReadAccount implements connector.AccountMaker.
func (c client) ReadAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeReading, error) {
	return c.t.readAccount(ctx, account)
}

func (c client) Close() error { return nil }
