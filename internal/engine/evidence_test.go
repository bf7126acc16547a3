package engine_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// rewrite changes the stopped engine's database behind its back.
func (h *harness) rewrite(statements ...string) {
	h.t.Helper()
	driver := "sqlite"
	if store.IsPostgres(h.config.Database) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, h.config.Database)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, statement := range statements {
		if _, e := db.ExecContext(h.t.Context(), statement); e != nil {
			err = errors.Join(err, e)
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		h.t.Fatal(err)
	}
}

func TestEngineRefusesADatabaseOfAnotherLog(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.stop()
		h.config.EvidenceDir = filepath.Join(t.TempDir(), "another")
		if _, err := h.openEngine(); !errors.Is(err, evidence.ErrNoKeeper) {
			t.Errorf("opened a log without its key: %v", err)
		}
	})
}

func TestRewrittenRecordDoesNotVerify(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.verifyEvidence()
		h.stop()
		h.rewrite(`UPDATE evidence_records SET leaf = REPLACE(leaf, 'oncall', 'offcall') WHERE leaf LIKE '%eligibility_policy.created%'`)
		h.start()
		signed, checkpoint, key, err := h.engine.Journal.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		records, err := h.engine.Journal.Records(t.Context(), 0, int(checkpoint.Tree.Size))
		if err != nil {
			t.Fatal(err)
		}
		_, err = evidence.Verify(func(yield func(evidence.Entry, error) bool) {
			for _, r := range records {
				if !yield(r.Entry, nil) {
					return
				}
			}
		}, evidence.Anchor{Checkpoint: signed, VerifierKey: key})
		var mismatch *evidence.TreeError
		if !errors.As(err, &mismatch) {
			t.Errorf("a rewritten record verifies: %v", err)
		}
	})
}

func TestSequencersDoNotSignOutOfTurn(t *testing.T) {
	onReplicas(t, func(t *testing.T, h *harness) {
		other, err := h.openEngine()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
		var sequencing errgroup.Group
		for _, e := range []*engine.Engine{h.engine, h.engine, other} {
			sequencing.Go(func() error {
				for n := range 20 {
					name := fmt.Sprintf("%p-%d", &e, n)
					if _, err := e.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: name, Kind: governance.Task, EndsAt: h.clock.Now().Add(time.Hour)}); err != nil {
						return err
					}
					if err := e.Journal.Sequence(t.Context()); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := sequencing.Wait(); err != nil {
			t.Fatal(err)
		}
		if opened := h.verifyEvidence().Kinds["business_event.opened"]; opened != 60 {
			t.Errorf("%d records of opened events, want 60", opened)
		}
	})
}
