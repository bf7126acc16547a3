package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
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
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
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

// harness is an engine on a manual clock, with a PostgreSQL of its own as the
// target, which the test itself reaches without any fault.
type harness struct {
	t      *testing.T
	engine *engine.Engine
	clock  *clock.Manual
	target *pgtest.Server
	admin  *pgx.Conn
}

var by = journal.Actor{Identity: "carol"}

// patience is how long a busy machine may take for anything.
const patience = time.Minute

func newHarness(t *testing.T, database string) *harness {
	t.Helper()
	h := &harness{t: t, clock: clock.NewManual(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)), target: pgtest.Start(t, pgtest.WithoutFsync())}
	h.target.Exec(t, "postgres", `CREATE ROLE stint LOGIN CREATEROLE PASSWORD 'stint' IN ROLE pg_signal_backend`, `CREATE ROLE alice LOGIN`, `CREATE ROLE bob LOGIN`)
	h.admin = h.target.Connect(t, "postgres")
	secrets := t.TempDir()
	if h.target.Version() >= 160000 {
		h.target.Exec(t, "postgres", `CREATE ROLE access_granting`, `GRANT access_granting TO stint`)
	}
	for _, application := range []string{"billing", "ledger"} {
		h.target.Exec(t, "postgres", fmt.Sprintf(`CREATE ROLE %s_admin`, application))
		if h.target.Version() >= 160000 {
			h.target.Exec(t, "postgres", fmt.Sprintf(`GRANT %s_admin TO access_granting WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`, application))
		}
		if err := errors.Join(os.Mkdir(filepath.Join(secrets, application), 0o700), os.WriteFile(filepath.Join(secrets, application, "password"), []byte("stint\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	e, err := engine.Open(t.Context(), engine.Config{
		Database: pgtest.Sparing(database), EvidenceDir: filepath.Join(t.TempDir(), "evidence"), Clock: h.clock, SecretsDir: secrets,
		Connectors: connector.NewRegistry(postgresql.NewFactory()), Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	h.engine = e
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, e.Close()); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
	})
	return h
}

func (h *harness) address() string {
	return net.JoinHostPort(h.target.Host(), strconv.Itoa(h.target.Port()))
}

// declare puts up applications that are reached on a port each, and lets everybody
// have their administration for an hour.
func (h *harness) declare(timeout time.Duration, ports map[governance.ApplicationID]int) {
	h.t.Helper()
	var all []governance.EntitlementID
	var objects []governance.Object
	for application, port := range ports {
		config, err := json.Marshal(map[string]any{
			"host": "127.0.0.1", "port": port, "database": "postgres", "username": "stint", "password_ref": "file:password",
			"sslmode": "disable", "statement_timeout": governance.Duration(timeout),
		})
		if err != nil {
			h.t.Fatal(err)
		}
		right := governance.Entitlement{Application: application, Kind: "role", NativeID: string(application) + "_admin", Risk: governance.RiskHigh, Standing: governance.StandingForbidden}
		all = append(all, right.ID())
		objects = append(objects, governance.Application{
			Name: string(application), Connector: map[string]json.RawMessage{"postgresql": config}, Correlation: "account.name == identity.name",
			Discovery: governance.DiscoverySchedule{Interval: governance.Duration(30 * 24 * time.Hour)},
		}, right)
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		objects = append(objects, governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
	}
	objects = append(objects,
		governance.EligibilityPolicy{Name: "all", Effect: governance.PolicyAllow, Entitlements: all, Condition: `identity.type == "human"`},
		governance.GrantTemplate{
			Name: "admin", Entitlements: all, EligibilityPolicies: []governance.PolicyID{"all"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Automatic: true},
		})
	for _, o := range objects {
		if _, err := h.engine.Catalog.Put(h.t.Context(), by, o, catalog.Precondition{Create: true}); err != nil {
			h.t.Fatalf("declare %s %s: %v", o.ObjectKind(), o.Key(), err)
		}
	}
}

// wait waits until done reports true. Time passes in small steps, unless it is to
// stand still.
func (h *harness) wait(what string, step time.Duration, done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain until %s", what)
		}
		changed := h.engine.Journal.Changed()
		h.clock.Advance(step)
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (h *harness) until(what string, done func() bool) {
	h.t.Helper()
	h.wait(what, 20*time.Millisecond, done)
}

func (h *harness) request(who string, application governance.ApplicationID) governance.GrantID {
	h.t.Helper()
	view, err := h.engine.Access.Request(h.t.Context(), actor(who), access.Ask{
		Identity: governance.IdentityID(who), Template: "admin", Entitlements: []governance.EntitlementID{rightOf(application)},
	})
	if err != nil || len(view.Grants) != 1 {
		h.t.Fatalf("%s requests: %+v, %v", who, view, err)
	}
	return view.Grants[0]
}

func rightOf(application governance.ApplicationID) governance.EntitlementID {
	return governance.EntitlementID(fmt.Sprintf("%[1]s/role/%[1]s_admin", application))
}

func actor(name string) journal.Actor { return journal.Actor{Identity: governance.IdentityID(name)} }

func (h *harness) granted(who string, application governance.ApplicationID) governance.GrantID {
	h.t.Helper()
	id := h.request(who, application)
	h.untilState(id, governance.GrantActive)
	return id
}

func (h *harness) giveBack(who string, id governance.GrantID) {
	h.t.Helper()
	if _, err := h.engine.Access.Return(h.t.Context(), actor(who), id, ""); err != nil {
		h.t.Fatal(err)
	}
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

// holds asks the target itself.
func (h *harness) holds(account string, application governance.ApplicationID) (is bool) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles r ON r.oid = m.roleid WHERE a.rolname = $1 AND r.rolname = $2)`,
		account, string(application)+"_admin").Scan(&is); err != nil {
		h.t.Fatal(err)
	}
	return is
}

// exec changes the target as its superuser.
func (h *harness) exec(statement string) error {
	_, err := h.admin.Exec(h.t.Context(), statement)
	return err
}

// overdue reports whether a finding says that a revocation is overdue.
func (h *harness) overdue(application governance.ApplicationID) bool {
	h.t.Helper()
	list, _, err := h.engine.Discovery.Findings(h.t.Context(), application, governance.FindingRevokeOverdue)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list) == 1
}

// story verifies the whole log and tells the kinds of record about a grant, in order.
func (h *harness) story(id governance.GrantID) (kinds []string) {
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
	if _, err := evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		for _, r := range records {
			if !yield(r.Entry, nil) {
				return
			}
		}
	}, evidence.Anchor{Checkpoint: signed, VerifierKey: key}); err != nil {
		h.t.Fatal(err)
	}
	for _, r := range records {
		var leaf struct {
			Kind    string
			Subject struct{ ID string }
		}
		if err := json.Unmarshal(r.Leaf, &leaf); err != nil {
			h.t.Fatal(err)
		}
		if leaf.Subject.ID == string(id) {
			kinds = append(kinds, leaf.Kind)
		}
	}
	return kinds
}

// person declares somebody else.
func (h *harness) person(name string) {
	h.t.Helper()
	if _, err := h.engine.Catalog.Put(h.t.Context(), by, governance.Identity{Name: name, Type: governance.Human, Groups: []string{}}, catalog.Precondition{Create: true}); err != nil {
		h.t.Fatal(err)
	}
}

// allDone lets time pass until no operation is left, the second reads of what ended
// among them.
func (h *harness) allDone() {
	h.t.Helper()
	h.until("no operation is left", func() bool {
		open := h.open()
		for _, op := range open {
			if d := store.Time(op.NextAt).Sub(h.clock.Now()); d > 0 {
				h.clock.Advance(d)
			}
		}
		return len(open) == 0
	})
}

// open lists the operations that are not done.
func (h *harness) open() (open []sqlc.Operation) {
	h.t.Helper()
	if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) (err error) {
		open, err = tx.ListOpenOperations(h.t.Context())
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return open
}

// waitsOnLock reports whether Stint waits on a lock in the target.
func (h *harness) waitsOnLock() (waits bool) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'stint' AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
		h.t.Fatal(err)
	}
	return waits
}
