package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// onBothStores runs a test with the state in SQLite and in PostgreSQL.
func onBothStores(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newHarness(t, filepath.Join(t.TempDir(), "stint.db")))
	})
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		test(t, newHarness(t, pgtest.Shared(t).NewDatabase(t)))
	})
}

// onReplicas runs a test that opens the state more than once at a time, which
// only PostgreSQL allows.
func onReplicas(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Parallel()
	test(t, newHarness(t, pgtest.Shared(t).NewDatabase(t)))
}

// harness is an engine on a manual clock, with a PostgreSQL of its own as the
// target.
type harness struct {
	t      *testing.T
	engine *engine.Engine
	clock  *clock.Manual
	target *pgtest.Server
	admin  *pgx.Conn
	config engine.Config
	stop   func()
}

const (
	billing = governance.ApplicationID("billing")
	reader  = governance.EntitlementID("billing/role/billing_read")
	writer  = governance.EntitlementID("billing/role/billing_write")
	dba     = governance.EntitlementID("billing/role/billing_admin")
	payer   = governance.EntitlementID("billing/role/payments")
	dbaAdm  = governance.EntitlementID("billing/role_admin/billing_admin")
)

var by = journal.Actor{Identity: "carol"}

func newHarness(t *testing.T, database string) *harness {
	t.Helper()
	h := &harness{t: t, clock: clock.NewManual(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)), target: pgtest.Start(t, pgtest.WithoutFsync())}
	h.target.Exec(t, "postgres",
		`CREATE ROLE payments`, `CREATE ROLE billing_read`, `CREATE ROLE billing_write IN ROLE billing_read`, `CREATE ROLE billing_admin IN ROLE billing_write`,
		`CREATE ROLE alice LOGIN PASSWORD 'alice'`, `CREATE ROLE bob LOGIN PASSWORD 'bob'`, `CREATE ROLE "deploy-bot" LOGIN`, `CREATE ROLE carol LOGIN`,
		`CREATE ROLE stint LOGIN CREATEROLE PASSWORD 'stint' IN ROLE pg_signal_backend`)
	if h.target.Version() >= 160000 {
		h.target.Exec(t, "postgres", `GRANT payments, billing_read, billing_write, billing_admin TO stint WITH ADMIN OPTION`)
	}
	h.admin = h.target.Connect(t, "postgres")
	secrets := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(secrets, "billing"), 0o700), os.WriteFile(filepath.Join(secrets, "billing", "password"), []byte("stint\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	h.config = engine.Config{
		Database: database, EvidenceDir: filepath.Join(t.TempDir(), "evidence"), Clock: h.clock, SecretsDir: secrets,
		Connectors: connector.NewRegistry(postgresql.NewFactory()),
		Logger:     hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// openEngine opens one more engine, with few connections to its database.
func (h *harness) openEngine() (*engine.Engine, error) {
	config := h.config
	config.Database = pgtest.Sparing(config.Database)
	return engine.Open(h.t.Context(), config)
}

// start opens the engine and runs its workers until stop.
func (h *harness) start() {
	h.t.Helper()
	e, err := h.openEngine()
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	h.engine = e
	h.stop = func() {
		h.stop = func() {}
		cancel()
		if err := errors.Join(<-done, e.Close()); err != nil {
			h.t.Errorf("stop the engine: %v", err)
		}
	}
}

// until lets time pass in small steps until done reports true.
func (h *harness) until(what string, done func() bool) {
	h.t.Helper()
	h.within(365*24*time.Hour, what, done)
}

// within is until, but lets no more than so much time pass, however busy the machine.
func (h *harness) within(most time.Duration, what string, done func() bool) {
	h.t.Helper()
	deadline, end := time.Now().Add(20*time.Second), h.clock.Now().Add(most)
	for !done() {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain until %s", what)
		}
		changed := h.engine.Journal.Changed()
		if h.clock.Now().Before(end) {
			h.clock.Advance(20 * time.Millisecond)
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (h *harness) put(o governance.Object) {
	h.t.Helper()
	if _, err := h.engine.Catalog.Put(h.t.Context(), by, o, catalog.Precondition{Create: true}); err != nil {
		h.t.Fatalf("declare %s %s: %v", o.ObjectKind(), o.Key(), err)
	}
}

func (h *harness) application() governance.Application {
	config, err := json.Marshal(map[string]any{
		"host": h.target.Host(), "port": h.target.Port(), "database": "postgres", "username": "stint",
		"password_ref": "file:password", "sslmode": "disable",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return governance.Application{
		Name: "billing", Connector: map[string]json.RawMessage{"postgresql": config},
		Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: governance.Duration(time.Hour)},
	}
}

// declare puts up a small policy: on-call engineers get what they ask for
// because of an incident.
func (h *harness) declare() {
	h.t.Helper()
	h.put(h.application())
	h.put(governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{}})
	h.put(governance.Identity{Name: "alice", Type: governance.Human, Manager: "carol", Groups: []string{"oncall"}})
	h.put(governance.Identity{Name: "bob", Type: governance.Human, Groups: []string{"leads", "oncall"}})
	h.put(governance.Identity{Name: "deploy-bot", Type: governance.Agent, Owner: "alice", Groups: []string{"oncall"}})
	for _, id := range []governance.EntitlementID{reader, writer, dba, dbaAdm, payer} {
		application, kind, native, err := id.Split()
		if err != nil {
			h.t.Fatal(err)
		}
		h.put(governance.Entitlement{Application: application, Kind: kind, NativeID: native, Risk: governance.RiskHigh, Standing: governance.StandingForbidden})
	}
	all := []governance.EntitlementID{reader, writer, dba, dbaAdm, payer}
	h.put(governance.EligibilityPolicy{Name: "oncall", Effect: governance.PolicyAllow, Entitlements: all, Condition: `contains(identity.groups, "oncall")`})
	template := governance.GrantTemplate{
		Name: "auto", Entitlements: all, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true},
	}
	h.put(template)
	template.Name, template.Approval = "approved", governance.ApprovalDefinition{Stages: []governance.ApprovalStage{
		{Name: "manager", Quorum: 1, Approvers: governance.Approvers{Relations: []governance.Relation{governance.Manager}}, Timeout: governance.Duration(10 * time.Minute), OnTimeout: governance.Lapse},
		{Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, Timeout: governance.Duration(10 * time.Minute), OnTimeout: governance.Lapse},
	}}
	h.put(template)
}

func actor(name string) journal.Actor { return journal.Actor{Identity: governance.IdentityID(name)} }

func (h *harness) request(who string, template governance.TemplateID, event string, ids ...governance.EntitlementID) access.RequestView {
	h.t.Helper()
	view, err := h.engine.Access.Request(h.t.Context(), actor(who), access.Ask{Identity: governance.IdentityID(who), Template: template, Entitlements: ids, BusinessEvent: event, Justification: "because"})
	if err != nil {
		h.t.Fatalf("%s requests %v: %v", who, ids, err)
	}
	return view
}

// granted requests through the automatic template and waits until it is active.
func (h *harness) granted(who string, event string, id governance.EntitlementID) governance.GrantID {
	h.t.Helper()
	view := h.request(who, "auto", event, id)
	if len(view.Grants) != 1 {
		h.t.Fatalf("request of %s is %s: %+v", who, view.State, view.Decision.Reasons)
	}
	h.untilState(view.Grants[0], governance.GrantActive)
	return view.Grants[0]
}

func (h *harness) grant(id governance.GrantID) access.GrantView {
	h.t.Helper()
	g, err := h.engine.Access.GetGrant(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

func (h *harness) untilState(id governance.GrantID, state governance.GrantState) {
	h.t.Helper()
	h.until(fmt.Sprintf("grant %s is %s", id, state), func() bool { return h.grant(id).State == state })
}

// administers asks the target itself whether the account is billing_admin.
func (h *harness) administers(account string) bool {
	h.t.Helper()
	var is bool
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = $1::regrole AND m.roleid = 'billing_admin'::regrole)`, account).Scan(&is); err != nil {
		h.t.Fatal(err)
	}
	return is
}

// asStint changes the target as the connector's own role, which on PostgreSQL 16
// and newer may take back only what it granted itself.
func (h *harness) asStint(statement string) {
	h.t.Helper()
	conn, err := pgx.Connect(h.t.Context(), h.target.URLFor("postgres", "stint", "stint"))
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = conn.Exec(h.t.Context(), statement)
	if err := errors.Join(err, conn.Close(h.t.Context())); err != nil {
		h.t.Fatal(err)
	}
}

// ended checks how a grant came out, and that the target agrees.
func (h *harness) ended(id governance.GrantID, reason governance.EndReason, outcome governance.Outcome) {
	h.t.Helper()
	h.untilState(id, governance.GrantEnded)
	if g := h.grant(id); g.EndReason != reason || g.Outcome != outcome {
		h.t.Errorf("grant ended because %s with outcome %s, want %s and %s", g.EndReason, g.Outcome, reason, outcome)
	}
}

// sync reads the target. Time passes first: what a grant moved at the very
// moment that a read begins keeps the state that the grant gave it.
func (h *harness) sync() {
	h.t.Helper()
	h.clock.Advance(time.Millisecond)
	if _, err := h.engine.Discovery.Sync(h.t.Context(), by, billing); err != nil {
		h.t.Fatal(err)
	}
}

// findings are the open findings of a kind, as account and entitlement.
func (h *harness) findings(kind governance.FindingKind) map[string]bool {
	h.t.Helper()
	list, _, err := h.engine.Discovery.Findings(h.t.Context(), billing, kind)
	if err != nil {
		h.t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range list {
		found[string(f.Account)+" "+string(f.Entitlement)] = true
	}
	return found
}

// verifyEvidence reads the whole log and checks it against its checkpoint.
func (h *harness) verifyEvidence() evidence.Report {
	h.t.Helper()
	if err := h.engine.Journal.Sequence(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	signed, checkpoint, key, err := h.engine.Journal.Checkpoint(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	records, err := h.engine.Journal.Records(h.t.Context(), 0, int(checkpoint.Tree.Size))
	if err != nil {
		h.t.Fatal(err)
	}
	report, err := evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		for _, r := range records {
			if !yield(r.Entry, nil) {
				return
			}
		}
	}, evidence.Anchor{Checkpoint: signed, VerifierKey: key})
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

// marked reports whether the high-water mark has followed the clock.
func (h *harness) marked() bool {
	h.t.Helper()
	stamp, err := h.engine.Stamp(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return stamp.Now.Sub(stamp.Mark) < 2*time.Second
}

func askAuto(who string, id governance.EntitlementID) access.Ask {
	return access.Ask{Identity: governance.IdentityID(who), Template: "auto", Entitlements: []governance.EntitlementID{id}}
}
