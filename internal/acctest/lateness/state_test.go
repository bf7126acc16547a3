package lateness_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	_ "github.com/jackc/pgx/v5/stdlib" // the state is read beside the server
	_ "modernc.org/sqlite"             // the state is read beside the server

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

const (
	secretName = "STINT_SECRET_MEASURED_PASSWORD"
	// people is how many accounts the real target has.
	people = 1000
	// bystanders is how many of them are declared where nobody asks.
	bystanders = 200
)

// state is what a server runs on.
type state struct {
	folder, database string
	target           *pgtest.Server
	tokens           []string
}

var by = journal.Actor{Identity: "carol"}

// stores are the two databases that Stint keeps its state in.
var stores = []struct {
	name string
	open func(t *testing.T) string
}{
	{"SQLite", func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "stint.db") }},
	{"PostgreSQL", func(t *testing.T) string { t.Helper(); return pgtest.Start(t, pgtest.AsInstalled()).NewDatabase(t) }},
}

// prepare declares two applications, one on the real target and one on the stub, and
// some people who may ask.
func prepare(t *testing.T, database string, target *pgtest.Server, requesters int) *state {
	t.Helper()
	s := &state{folder: t.TempDir(), database: database, target: target}
	s.open(t, func(e *engine.Engine) error { return s.declare(t.Context(), e, requesters) })
	return s
}

// open opens the engine, with nothing of it running.
func (s *state) open(t *testing.T, do func(e *engine.Engine) error) {
	t.Helper()
	t.Setenv(secretName, s.target.Password())
	e, err := engine.Open(t.Context(), engine.Config{
		Database: s.database, EvidenceDir: filepath.Join(s.folder, "evidence"), Clock: clock.System{},
		Connectors: registry(), Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := do(e); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *state) declare(ctx context.Context, e *engine.Engine, requesters int) error {
	config, err := json.Marshal(map[string]any{
		"host": s.target.Host(), "port": s.target.Port(), "username": s.target.Superuser(),
		"password_ref": "env:" + secretName, "sslmode": "disable",
	})
	if err != nil {
		return err
	}
	daily := governance.DiscoverySchedule{Interval: governance.Duration(24 * time.Hour)}
	rights := []governance.EntitlementID{"measured/role/measured", "stub/role/measured"}
	objects := []governance.Object{
		governance.Application{Name: "measured", Connector: map[string]json.RawMessage{"postgresql": config}, Correlation: "account.name == identity.name", Discovery: daily},
		governance.Application{Name: "stub", Connector: map[string]json.RawMessage{"stub": json.RawMessage(`{}`)}, Correlation: "account.name == identity.name", Discovery: daily},
		governance.Entitlement{Application: "measured", Kind: "role", NativeID: "measured", Risk: governance.RiskHigh, Standing: governance.StandingForbidden},
		governance.Entitlement{Application: "stub", Kind: "role", NativeID: "measured", Risk: governance.RiskHigh, Standing: governance.StandingForbidden},
		governance.EligibilityPolicy{Name: "people", Effect: governance.PolicyAllow, Entitlements: rights, Condition: `identity.type == "human"`},
		governance.GrantTemplate{
			Name: "measured", Entitlements: rights[:1], EligibilityPolicies: []governance.PolicyID{"people"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Automatic: true},
		},
		governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{}},
	}
	for i := range requesters {
		objects = append(objects, governance.Identity{Name: person(i), Type: governance.Human, Groups: []string{}})
	}
	for _, o := range objects {
		if _, err := e.Catalog.Put(ctx, by, o, catalog.Precondition{Create: true}); err != nil {
			return fmt.Errorf("declare %s: %w", o.Key(), err)
		}
	}
	for i := range requesters {
		_, secret, err := e.Tokens.Create(ctx, by, token.New{Name: person(i), Identity: governance.IdentityID(person(i))})
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, secret)
	}
	return nil
}

func person(i int) string { return fmt.Sprintf("u%d", i) }

// hold puts up n active grants, of as many people from the given one on, that end one
// after the other within the span that begins at due, as if the engine had given them.
func (s *state) hold(ctx context.Context, e *engine.Engine, application governance.ApplicationID, from, n int, due time.Time, span time.Duration) error {
	preexisting, began := false, due.Add(-time.Hour)
	for first := from; first < from+n; first += 1000 {
		if err := e.Journal.BookkeepTogether(ctx, func(tx *journal.Tx) error {
			for i := first; i < min(first+1000, from+n); i++ {
				over := due.Add(span / time.Duration(n) * time.Duration(i-from)).Truncate(time.Microsecond)
				g := governance.Grant{
					ID: governance.GrantID(tx.NewID()), Request: "measured", Template: "measured", Identity: governance.IdentityID(person(i)),
					Application: application, Account: governance.NewAccountID(application, person(i)), Entitlement: governance.NewEntitlementID(application, "role", "measured"),
					State: governance.GrantActive, Duration: governance.Duration(time.Hour), NotBefore: began, ActivateBy: began, NotAfter: over,
					Preexisting: &preexisting, ActivatedAt: &began, CreatedAt: began,
				}
				body, err := json.Marshal(g)
				if err != nil {
					return err
				}
				if err := tx.InsertGrant(ctx, sqlc.InsertGrantParams{
					ID: string(g.ID), RequestID: string(g.Request), IdentityID: string(g.Identity), TemplateID: string(g.Template),
					ApplicationID: string(application), AccountID: string(g.Account), EntitlementID: string(g.Entitlement),
					State: string(g.State), Live: true, DueAt: store.NullMicros(&over), Body: string(body),
				}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// db opens the database beside the server.
func (s *state) db(t *testing.T) *sql.DB {
	t.Helper()
	driver, location := "sqlite", s.database+"?_pragma=busy_timeout(10000)"
	if store.IsPostgres(s.database) {
		driver, location = "pgx", s.database
	}
	db, err := sql.Open(driver, location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// lateness waits until no grant is live and returns how late each ended.
func (s *state) lateness(t *testing.T, within time.Duration) []time.Duration {
	t.Helper()
	var late []time.Duration
	for _, g := range s.untilEnded(t, within) {
		late = append(late, g.EndedAt.Sub(*g.RevokingAt))
	}
	return late
}

// untilEnded waits until no grant is live and returns them all.
func (s *state) untilEnded(t *testing.T, within time.Duration) (ended []governance.Grant) {
	t.Helper()
	db := s.db(t)
	for deadline := time.Now().Add(within); ; time.Sleep(500 * time.Millisecond) {
		var live bool
		// Not how many: to count them all, each time, would slow the database down.
		if err := db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM grants WHERE live)`).Scan(&live); err != nil {
			t.Fatal(err)
		}
		if !live {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all grants have ended within %s", within)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT body FROM grants`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var body string
		var g governance.Grant
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(body), &g); err != nil {
			t.Fatal(err)
		}
		if g.State != governance.GrantEnded || g.Outcome != governance.OutcomeRemoved {
			t.Fatalf("grant %s is %s with outcome %q", g.ID, g.State, g.Outcome)
		}
		ended = append(ended, g)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ended
}
