package engine_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// crowd makes accounts in the target that hold a role each, or takes them away.
func (h *harness) crowd(n int, statement string) {
	h.t.Helper()
	statements := make([]string, n)
	for i := range statements {
		statements[i] = fmt.Sprintf(statement, i)
	}
	h.target.Exec(h.t, "postgres", statements...)
}

func (h *harness) accounts() int {
	h.t.Helper()
	list, _, err := h.engine.Discovery.Accounts(h.t.Context(), billing)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// The read of a target that has lost most of its accounts is not believed, and
// what is due goes on in the meantime.
func TestMassChangeIsHeldUntilItIsLetThrough(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		ctx, d := t.Context(), h.engine.Discovery
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN IN ROLE payments`)
		h.declare()
		before := h.accounts()
		id := h.granted("alice", "", dba)
		if _, err := d.Accept(ctx, by, billing, "abc"); !fault.Is(err, fault.Conflict) {
			t.Errorf("let through what is not held: %v", err)
		}

		h.crowd(12, `DROP ROLE crowd%02d`)
		h.clock.Advance(1000)
		_, err := d.Sync(ctx, by, billing)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), fmt.Sprintf("12 of %d accounts", before)) {
			t.Fatalf("the read is believed: %v", err)
		}
		name := regexp.MustCompile(`--accept ([0-9a-f]+)`).FindStringSubmatch(err.Error())
		if h.accounts() != before {
			t.Errorf("%d of %d accounts are known still", h.accounts(), before)
		}
		if len(h.findings(governance.FindingMassChangeHeld)) != 1 {
			t.Error("that it is held is no finding")
		}
		if _, err := h.engine.Access.Return(ctx, actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		if h.administers("alice") {
			t.Error("a due revocation is held")
		}

		if _, err := d.Sync(ctx, by, billing); !fault.Is(err, fault.Conflict) {
			t.Errorf("the second read is believed: %v", err)
		}
		if n := len(h.evidenceOf("application.sync_held", "billing")); n != 1 {
			t.Errorf("%d records say that the same is held", n)
		}
		if _, err := d.Accept(ctx, by, billing, "000000000000"); !fault.Is(err, fault.Conflict) || h.accounts() != before {
			t.Errorf("let through under another name: %v", err)
		}
		result, err := d.Accept(ctx, by, billing, name[1])
		if err != nil || result.Disappeared != 12 || h.accounts() != before-12 {
			t.Errorf("let it through: %+v, %v; %d accounts", result, err, h.accounts())
		}
		if len(h.findings(governance.FindingMassChangeHeld)) != 0 {
			t.Error("it is a finding still")
		}
		if records := h.evidenceOf("application.synced", "billing"); !strings.Contains(h.evidenceText(records[len(records)-1]), name[1]) {
			t.Errorf("who let what through: %s", h.evidenceText(records[len(records)-1]))
		}
		h.sync()
	})
}

func TestHeldMassChangeIsOverWhenTheTargetIsWholeAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN`)
		h.declare()
		h.crowd(12, `ALTER ROLE crowd%02[1]d RENAME TO lost%02[1]d`)
		if _, err := h.engine.Discovery.Sync(t.Context(), by, billing); !fault.Is(err, fault.Conflict) {
			t.Fatalf("the read is believed: %v", err)
		}
		h.crowd(12, `ALTER ROLE lost%02[1]d RENAME TO crowd%02[1]d`)
		h.sync()
		if len(h.findings(governance.FindingMassChangeHeld)) != 0 {
			t.Error("it is a finding still")
		}
		h.crowd(12, `DROP ROLE crowd%02d`)
		change(h, governance.KindApplication, string(billing), func(a *governance.Application) { a.Discovery.MaxGonePercent = 100 })
		h.sync() // everything is believed now
		change(h, governance.KindApplication, string(billing), func(a *governance.Application) { a.Discovery.MaxGonePercent = 1 })
	})
}

// A connector that is pointed at an empty target is written, and what is seen
// there is held: the plan said nothing of the accounts that would go.
// Each read shows a little less than one that is held, and together they are more.
func TestTargetThatGoesBitByBitIsHeld(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN`)
		h.declare()
		for bit := range 3 {
			for i := range 3 {
				h.target.Exec(t, "postgres", fmt.Sprintf(`DROP ROLE crowd%02d`, 3*bit+i))
			}
			h.clock.Advance(time.Second)
			_, err := h.engine.Discovery.Sync(t.Context(), by, billing)
			if last := bit == 2; last != fault.Is(err, fault.Conflict) || !last && err != nil {
				t.Fatalf("read %d: %v", bit+1, err)
			}
			if bit < 2 {
				continue
			}
			name := regexp.MustCompile(`--accept ([0-9a-f]+)`).FindStringSubmatch(err.Error())
			if name == nil || !strings.Contains(err.Error(), "after 6 that went before unasked") {
				t.Fatalf("it does not say what went before: %v", err)
			}
			if _, err := h.engine.Discovery.Accept(t.Context(), by, billing, name[1]); err != nil {
				t.Fatal(err)
			}
		}
		h.target.Exec(t, "postgres", `CREATE ROLE another LOGIN`)
		h.sync()
		h.target.Exec(t, "postgres", `DROP ROLE another`)
		h.sync() // what was let through counts no more
	})
}

func TestConnectorThatIsMovedToAnEmptyTargetIsHeld(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN`)
		h.declare()
		before := h.accounts()
		h.crowd(12, `DROP ROLE crowd%02d`)
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindApplication, string(billing))
		if err != nil {
			t.Fatal(err)
		}
		moved := h.application()
		moved.Connector["postgresql"] = []byte(strings.Replace(string(moved.Connector["postgresql"]), `"postgres"`, `"template1"`, 1))
		if _, err := h.engine.Catalog.Put(t.Context(), by, moved, catalog.Precondition{Version: stored.Version}); err != nil {
			t.Fatal(err)
		}
		if h.accounts() != before || len(h.findings(governance.FindingMassChangeHeld)) != 1 {
			t.Errorf("%d of %d accounts are known still; findings %v", h.accounts(), before, h.findings(governance.FindingMassChangeHeld))
		}
	})
}

// A target that was dumped and restored elsewhere has the same names and
// memberships, and none of it is what was granted on.
func TestTargetWithTheSameNamesOfOthersIsHeld(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN`)
		h.declare()
		h.put(governance.Identity{Name: "crowd00", Type: governance.Human, Groups: []string{"oncall"}})
		h.syncs()
		id := h.granted("crowd00", "", dba)

		h.crowd(12, `DROP ROLE crowd%02d`)
		h.crowd(12, `CREATE ROLE crowd%02d LOGIN`)
		h.target.Exec(t, "postgres", `GRANT billing_admin TO crowd00`)
		h.clock.Advance(time.Second)
		_, err := h.engine.Discovery.Sync(t.Context(), by, billing)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "12 of ") {
			t.Fatalf("the read is believed: %v", err)
		}
		if g := h.grant(id); g.State != governance.GrantActive {
			t.Errorf("the grant is %s: %s", g.State, g.EndDetail)
		}
		name := regexp.MustCompile(`--accept ([0-9a-f]+)`).FindStringSubmatch(err.Error())
		h.meanwhile("it is let through", func() error {
			_, err := h.engine.Discovery.Accept(t.Context(), by, billing, name[1])
			return err
		})
		h.ended(id, governance.EndIneligible, governance.OutcomeRemovedElsewhere)
		if !h.member("crowd00", "billing_admin") {
			t.Error("another lost a right for having the name")
		}
	})
}
