package crash_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

const (
	activateWithin = 15 * time.Minute
	duration       = time.Hour
	right          = governance.EntitlementID("billing/role/billing_admin")
	// people is how many cases may run beside each other; each has a person, and
	// an account in the one target, for itself.
	people = 8
	// patience is how long a busy machine may take for anything.
	patience = 30 * time.Second
)

// world is a target, and a state in which everything is declared and nothing is
// granted yet, to be copied for each case.
type world struct {
	target *pgtest.Server
	pool   *pgxpool.Pool
	state  state
	key    string
	// token is an administrator's; tokens are the people's, and newcomers those of
	// people who have no account.
	token             string
	tokens, newcomers []string
	// idlers are the people without a case.
	idlers chan int
}

func newWorld(t *testing.T, newState func(*testing.T, *pgtest.Server) state) *world {
	t.Helper()
	w := &world{target: pgtest.Start(t, pgtest.WithoutFsync()), idlers: make(chan int, people)}
	w.state = newState(t, w.target)
	roles := []string{`CREATE ROLE billing_admin`}
	for i := range people {
		roles = append(roles, fmt.Sprintf(`CREATE ROLE u%d LOGIN`, i))
		w.idlers <- i
	}
	w.target.Exec(t, "postgres", roles...)
	var err error
	if w.pool, err = pgxpool.New(t.Context(), w.target.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", w.target.Password())
	e, err := engine.Open(t.Context(), engine.Config{
		Database: pgtest.Sparing(w.state.database), EvidenceDir: filepath.Join(w.state.folder, "evidence"), Clock: clock.System{},
		Connectors: connector.NewRegistry(postgresql.NewFactory()), Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.declare(t.Context(), e), e.Journal.Sequence(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, _, w.key, err = e.Journal.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) declare(ctx context.Context, e *engine.Engine) error {
	by := journal.Actor{Identity: "carol"}
	config, err := json.Marshal(map[string]any{
		"host": w.target.Host(), "port": w.target.Port(), "username": w.target.Superuser(),
		"password_ref": "env:STINT_SECRET_BILLING_PASSWORD", "sslmode": "disable",
	})
	if err != nil {
		return err
	}
	admin := governance.GrantTemplate{
		Name: "admin", Entitlements: []governance.EntitlementID{right}, EligibilityPolicies: []governance.PolicyID{"people"},
		Duration:       governance.DurationBounds{Default: governance.Duration(duration), Max: governance.Duration(duration)},
		ActivateWithin: governance.Duration(activateWithin), Justification: governance.JustificationOptional,
		Approval:  governance.ApprovalDefinition{Automatic: true},
		Extension: &governance.ExtensionBounds{MaxTotal: governance.Duration(3 * duration)},
	}
	approved := admin
	approved.Name, approved.Approval = "approved", governance.ApprovalDefinition{Stages: []governance.ApprovalStage{
		{Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, Timeout: governance.Duration(time.Hour), OnTimeout: governance.Lapse},
	}}
	newcomer := admin
	newcomer.Name, newcomer.CreateAccount = "newcomer", true
	objects := []governance.Object{
		governance.Application{
			Name: "billing", Connector: map[string]json.RawMessage{"postgresql": config}, Correlation: "account.name == identity.name",
			Discovery: governance.DiscoverySchedule{Interval: governance.Duration(24 * time.Hour)},
		},
		governance.Entitlement{Application: "billing", Kind: "role", NativeID: "billing_admin", Risk: governance.RiskHigh, Standing: governance.StandingForbidden},
		governance.EligibilityPolicy{Name: "people", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{right}, Condition: `identity.type == "human"`},
		admin, approved, newcomer,
		governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{"leads"}},
	}
	for i := range people {
		for _, name := range []string{named("u", i), named("n", i)} {
			objects = append(objects, governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
		}
	}
	for _, o := range objects {
		if _, err := e.Catalog.Put(ctx, by, o, catalog.Precondition{Create: true}); err != nil {
			return fmt.Errorf("declare %s: %w", o.Key(), err)
		}
	}
	if _, w.token, err = e.Tokens.Create(ctx, by, token.New{Name: "carol", Identity: "carol", Roles: []token.Role{token.Admin, token.Auditor}}); err != nil {
		return err
	}
	for i := range people {
		for prefix, tokens := range map[string]*[]string{"u": &w.tokens, "n": &w.newcomers} {
			name := named(prefix, i)
			_, secret, err := e.Tokens.Create(ctx, journal.Actor{Identity: governance.IdentityID(name)}, token.New{Name: name, Identity: governance.IdentityID(name)})
			if err != nil {
				return err
			}
			*tokens = append(*tokens, secret)
		}
	}
	return nil
}

func named(prefix string, slot int) string { return fmt.Sprintf("%s%d", prefix, slot) }

// exists asks the target itself whether there is an account.
func (w *world) exists(p *person) (is bool) {
	if err := w.pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, p.name).Scan(&is); err != nil {
		panic(err)
	}
	return is
}

// holds asks the target itself.
func (w *world) holds(p *person) (is bool) {
	if err := w.pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = $1)`, p.name).Scan(&is); err != nil {
		panic(err)
	}
	return is
}

// usable asks the target itself whether somebody could log in to the account.
func (w *world) usable(p *person) (is bool) {
	if err := w.pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin)`, p.name).Scan(&is); err != nil {
		panic(err)
	}
	return is
}

// change changes the target behind the server's back.
func (w *world) change(statement string) {
	if _, err := w.pool.Exec(context.Background(), statement); err != nil {
		panic(err)
	}
}

// newPerson takes somebody who has no case, with a copy of the state.
func (w *world) newPerson(t *testing.T) *person {
	t.Helper()
	i := <-w.idlers
	return &person{name: named("u", i), slot: i, token: w.tokens[i], patience: patience, state: w.state.copied(t)}
}

// release takes a person's case away, and what it left in the target.
func (w *world) release(t *testing.T, p *person) {
	t.Helper()
	p.state.drop(t)
	if p.newcomer {
		w.change(`DROP ROLE IF EXISTS ` + p.name)
	} else {
		w.change(fmt.Sprintf(`REVOKE billing_admin FROM %[1]s; ALTER ROLE %[1]s LOGIN`, p.name))
	}
	w.idlers <- p.slot
}

// calm waits until nothing of the person's is on its way.
func (w *world) calm(p *person) error {
	return wait(p, func() (bool, error) {
		list, err := w.grants(p)
		for _, g := range list {
			switch g.State {
			case governance.GrantScheduled, governance.GrantProvisioning, governance.GrantRevoking:
				return false, nil
			case governance.GrantActive:
				if !p.now().Before(g.NotAfter) {
					return false, nil
				}
			}
		}
		return true, err
	})
}

// settle is calm as a judgement.
func (w *world) settle(p *person) []string {
	if err := w.calm(p); err != nil {
		return []string{fmt.Sprintf("every grant ends: it does not come to rest: %v", err)}
	}
	return nil
}

// idle waits until no operation is left, and lets time pass where the next has to
// wait for it.
func (w *world) idle(p *person) error {
	db, err := p.state.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return wait(p, func() (bool, error) {
		var next sql.NullInt64
		if err := db.QueryRowContext(p.ctx(), `SELECT min(next_at) FROM operations WHERE done_at IS NULL`).Scan(&next); err != nil || !next.Valid {
			return err == nil, err
		}
		if d := store.Time(next.Int64).Sub(p.now()); d > 0 {
			p.advance(d + time.Millisecond)
		}
		return false, nil
	})
}

func wait(p *person, done func() (bool, error)) error {
	for deadline := time.Now().Add(p.patience); time.Now().Before(deadline); {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-p.ctx().Done():
			return context.Cause(p.ctx())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.New("it takes too long")
}
