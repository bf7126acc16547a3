package engine_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// slowLook holds the first look for findings up once it is armed, after it has read
// the grants.
type slowLook struct {
	sqlc.DBTX
	*lookHold
}

type lookHold struct {
	mu            sync.Mutex
	armed         bool
	looking, goOn chan struct{}
}

func (s slowLook) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	s.mu.Lock()
	held := s.armed && strings.Contains(query, "name: ListResurfacedGrants ")
	s.armed = s.armed && !held
	s.mu.Unlock()
	if held {
		close(s.looking)
		<-s.goOn
	}
	return s.DBTX.QueryContext(ctx, query, arguments...)
}

// A look for findings takes long where there is much to look at. Nobody waits for it,
// and what it finds is written only where it still follows from the state.
func TestLookForFindingsHoldsNothingUp(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		hold := &lookHold{looking: make(chan struct{}), goOn: make(chan struct{})}
		h.stop()
		h.config.Transactions = func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
			return slowLook{tx, hold}, commit
		}
		h.start()
		h.declare()
		h.target.Exec(t, "postgres", `CREATE ROLE extra`, `GRANT extra TO bob`)
		h.sync()
		id := h.granted("alice", "", dba)
		before := h.findings(governance.FindingUndeclaredEntitlement)
		extra := governance.Entitlement{Application: billing, Kind: "role", NativeID: "extra", Risk: governance.RiskHigh, Standing: governance.StandingForbidden}
		h.put(extra)
		hold.mu.Lock()
		hold.armed = true
		hold.mu.Unlock()
		looked := make(chan error, 1)
		go func() { looked <- h.engine.Discovery.RefreshDue(context.WithoutCancel(t.Context())) }()
		<-hold.looking

		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Error(err)
		}
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		if err := h.remove(governance.KindEntitlement, string(extra.ID())); err != nil {
			t.Error(err)
		}
		h.findings("") // it looks too, and knows more
		close(hold.goOn)
		if err := <-looked; err != nil {
			t.Error(err)
		}
		if after := h.findings(governance.FindingUndeclaredEntitlement); len(after) != len(before) || len(after) == 0 {
			t.Errorf("the look that began earlier has written what is not so any more: before %v, after %v", before, after)
		}
	})
}
