package property_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// process is an engine that runs, and that may be killed.
type process struct {
	*engine.Engine
	life *life
	stop context.CancelFunc
	done chan error
}

// life ends at once, or after some more commits and calls: nothing that the
// process does from then on reaches its database or a target.
type life struct {
	mu sync.Mutex
	// fuse is how many commits and calls are left; negative is no end.
	fuse int
	dead bool
}

var errKilled = errors.New("the process was killed")

// pass is asked before and after each commit and call.
func (l *life) pass() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fuse > 0 {
		l.fuse--
	}
	if l.fuse == 0 {
		l.dead = true
	}
	if l.dead {
		return errKilled
	}
	return nil
}

func (l *life) killed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

func (l *life) light(fuse int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fuse = fuse
}

// transactions cuts the process off from its database when it is dead.
func (l *life) transactions(inner store.Around) store.Around {
	return func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		if inner != nil {
			tx, commit = inner(tx, commit)
		}
		mortal := &mortalTx{DBTX: tx, life: l}
		return mortal, func() error {
			if !mortal.wrote {
				return commit()
			}
			if err := l.pass(); err != nil {
				return err
			}
			if err := commit(); err != nil {
				return err
			}
			return l.pass()
		}
	}
}

type mortalTx struct {
	sqlc.DBTX
	life  *life
	wrote bool
}

// ExecContext implements sqlc.DBTX.
func (m *mortalTx) ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error) {
	if m.life.killed() {
		return nil, errKilled
	}
	m.wrote = true
	return m.DBTX.ExecContext(ctx, query, arguments...)
}

// QueryContext implements sqlc.DBTX.
func (m *mortalTx) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	if m.life.killed() {
		return nil, errKilled
	}
	return m.DBTX.QueryContext(ctx, query, arguments...)
}

// QueryRowContext implements sqlc.DBTX.
func (m *mortalTx) QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row {
	if m.life.killed() {
		dead, cancel := context.WithCancel(ctx)
		cancel()
		ctx = dead
	}
	return m.DBTX.QueryRowContext(ctx, query, arguments...)
}

// mortalFactory cuts the process off from its targets when it is dead.
type mortalFactory struct {
	connector.Factory
	life *life
}

// Open implements connector.Factory.
func (f mortalFactory) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	target, err := f.Factory.Open(config, secrets)
	maker, _ := connector.Maker(target)
	return mortalTarget{maker, f.life}, err
}

type mortalTarget struct {
	connector.AccountMaker
	life *life
}

// Discover implements connector.Connector.
func (t mortalTarget) Discover(ctx context.Context) (*connector.Inventory, error) {
	if err := t.life.pass(); err != nil {
		return nil, err
	}
	return t.AccountMaker.Discover(ctx)
}

// Grant implements connector.Connector.
func (t mortalTarget) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	return t.change(func() (connector.Result, error) { return t.AccountMaker.Grant(ctx, change) })
}

// Revoke implements connector.Connector.
func (t mortalTarget) Revoke(ctx context.Context, change connector.Change) (connector.Result, error) {
	return t.change(func() (connector.Result, error) { return t.AccountMaker.Revoke(ctx, change) })
}

func (t mortalTarget) change(call func() (connector.Result, error)) (connector.Result, error) {
	return mortal(t.life, call)
}

// MakeAccount implements connector.AccountMaker.
func (t mortalTarget) MakeAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeResult, error) {
	return mortal(t.life, func() (connector.MadeResult, error) { return t.AccountMaker.MakeAccount(ctx, account) })
}

// RemoveAccount implements connector.AccountMaker.
func (t mortalTarget) RemoveAccount(ctx context.Context, account connector.MadeAccount) (connector.RemovedResult, error) {
	return mortal(t.life, func() (connector.RemovedResult, error) { return t.AccountMaker.RemoveAccount(ctx, account) })
}

// ReadAccount implements connector.AccountMaker.
func (t mortalTarget) ReadAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeReading, error) {
	if t.life.killed() {
		return connector.MadeReading{}, errKilled
	}
	return t.AccountMaker.ReadAccount(ctx, account)
}

// mortal is a call for a change, which the process may die before and after.
func mortal[R any](l *life, call func() (R, error)) (result R, err error) {
	var none R
	if err := l.pass(); err != nil {
		return none, err
	}
	result, err = call()
	if dead := l.pass(); dead != nil {
		return none, dead
	}
	return result, err
}

// RevokeTogether implements connector.Together.
func (t mortalTarget) RevokeTogether(ctx context.Context, changes []connector.Change) (revoked []connector.Revocation, err error) {
	return mortal(t.life, func() ([]connector.Revocation, error) { return connector.RevokeTogether(ctx, t.AccountMaker, changes) })
}

// Read implements connector.Connector.
func (t mortalTarget) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	if t.life.killed() {
		return connector.Reading{}, errKilled
	}
	return t.AccountMaker.Read(ctx, account, entitlement)
}
