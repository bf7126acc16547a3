package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// standby copies the database as it is now, as a standby holds it that gets nothing
// any more; the engine may run. What is returned puts the copy in the database's
// place, as a failover does: every connection is closed.
func (h *harness) standby() (failover func()) {
	h.t.Helper()
	if !store.IsPostgres(h.config.Database) {
		copied := filepath.Join(h.t.TempDir(), "standby.db")
		h.rewrite(`VACUUM INTO '` + copied + `'`)
		return func() {
			h.t.Helper()
			for _, rest := range []string{"-wal", "-shm"} {
				if err := os.Remove(h.config.Database + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
					h.t.Fatal(err)
				}
			}
			if err := os.Rename(copied, h.config.Database); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	at, err := url.Parse(h.config.Database)
	if err != nil {
		h.t.Fatal(err)
	}
	name := strings.TrimPrefix(at.Path, "/")
	quoted := func(suffix string) string { return pgx.Identifier{name + suffix}.Sanitize() }
	server := pgtest.Shared(h.t)
	alone := func(statements ...string) {
		h.t.Helper()
		server.Exec(h.t, "postgres", append(append([]string{
			`ALTER DATABASE ` + quoted("") + ` ALLOW_CONNECTIONS false`,
			fmt.Sprintf(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%s'`, name),
		}, statements...), `ALTER DATABASE `+quoted("")+` ALLOW_CONNECTIONS true`)...)
	}
	alone(`CREATE DATABASE ` + quoted("_standby") + ` TEMPLATE ` + quoted(""))
	h.t.Cleanup(func() {
		for _, suffix := range []string{"_standby", "_lost"} {
			server.Exec(h.t, "postgres", `DROP DATABASE IF EXISTS `+quoted(suffix)+` WITH (FORCE)`)
		}
	})
	return func() {
		h.t.Helper()
		alone(`ALTER DATABASE `+quoted("")+` RENAME TO `+quoted("_lost"), `ALTER DATABASE `+quoted("_standby")+` RENAME TO `+quoted(""))
	}
}

// formerLog verifies what is kept of the log that ended, with the key that its
// auditors have pinned.
func (h *harness) formerLog(folder, key string) evidence.Report {
	h.t.Helper()
	file, err := os.Open(filepath.Join(h.config.EvidenceDir, folder, "records.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	report, err := evidence.VerifyBundle(file, key, nil)
	if err != nil {
		h.t.Fatalf("the former log: %v", err)
	}
	return report
}

func (h *harness) key() string {
	h.t.Helper()
	_, _, key, err := h.engine.Journal.Checkpoint(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

// signedAll waits until all evidence so far is signed, and the database holds a
// checkpoint of some of it.
func (h *harness) signedAll() {
	h.t.Helper()
	for _, name := range []string{"one", "another"} { // a checkpoint is in the database with the next records
		if _, err := h.engine.Access.OpenEvent(h.t.Context(), by, governance.BusinessEvent{Name: name, Kind: governance.Task, EndsAt: h.clock.Now().Add(time.Hour)}); err != nil {
			h.t.Fatal(err)
		}
		h.verifyEvidence()
	}
}

// A server starts on a database that lost evidence which was signed: what must end
// ends, what the database does not know is taken back, nothing is granted, and once
// somebody has accepted that, evidence goes on in a log that names what was lost.
func TestDatabaseThatLostEvidenceTakesBackAndGrantsNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		hers := h.granted("alice", "", reader)
		h.signedAll()
		h.stop()
		failover := h.standby()
		h.start()
		his := h.granted("bob", "", dba)
		h.verifyEvidence()
		former := h.key()
		h.stop()
		failover()

		h.start()
		h.until("what nobody knows is taken back", func() bool { return !h.administers("bob") })
		h.until("it is over", func() bool { return h.grant(his).State == governance.GrantEnded })
		if g := h.grant(his); g.EndReason != governance.EndBackupRestored {
			t.Errorf("it ended because %s", g.EndReason)
		}
		if _, err := h.engine.Access.Request(t.Context(), actor("bob"), askAuto("bob", dba)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "stint resume") {
			t.Errorf("asked of a state that nobody has accepted: %v", err)
		}
		if state, log := h.trouble(engine.PartState), h.trouble(engine.PartEvidence); state == "" || !strings.Contains(log, "stint resume") {
			t.Errorf("health says %q of the state and %q of the evidence", state, log)
		}
		if err := h.engine.Journal.Sequence(t.Context()); !errors.Is(err, evidence.ErrTruncated) && !errors.Is(err, evidence.ErrRewritten) {
			t.Errorf("signed a log that is not the one that was signed: %v", err)
		}

		done, err := h.engine.Recovery.Resume(t.Context(), by, "a test")
		if err != nil {
			t.Fatal(err)
		}
		if done.Lost == 0 || done.EvidenceKey == former || done.EvidenceKey != h.key() || done.Former == "" {
			t.Errorf("resumed with %+v, the key is %s and was %s", done, h.key(), former)
		}
		if report := h.formerLog(done.Former, former); report.Kinds["grant.activated"] != 1 {
			t.Errorf("the former log holds %v", report.Kinds)
		}
		kinds := h.verifyEvidence().Kinds
		if kinds["log.continued"] != 1 || kinds["database.older"] != 1 || kinds["database.accepted"] != 1 || kinds["grant.adopted"] != 1 {
			t.Errorf("the next log holds %v", kinds)
		}
		if state, log := h.trouble(engine.PartState), h.trouble(engine.PartLedger); state != "" || log != "" {
			t.Errorf("health says %q of the state and %q of the ledger", state, log)
		}
		h.granted("bob", "", dba)
		h.restart()
		if g := h.grant(hers); g.State != governance.GrantActive {
			t.Errorf("what the database knew is %s", g.State)
		}
		h.verifyEvidence()
	})
}

// Two servers are running when the database fails over to a standby that was behind.
func TestFailoverToAStandbyThatWasBehind(t *testing.T) {
	onReplicas(t, func(t *testing.T, h *harness) {
		h.declare()
		h.signedAll()
		other := h.another()
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ran := make(chan error, 1)
		go func() { ran <- other.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("run the other server: %v", err)
			}
		})
		failover := h.standby()
		h.until("the servers are back", func() bool { return h.engine.Health(t.Context()).Ready() })
		his := h.granted("bob", "", dba)
		h.verifyEvidence()
		former := h.key()
		failover()

		h.until("what nobody knows is taken back", func() bool { return !h.administers("bob") })
		h.until("it is over", func() bool { return h.grant(his).State == governance.GrantEnded })
		h.until("both know", func() bool {
			return h.trouble(engine.PartState) != "" && strings.Contains(h.trouble(engine.PartEvidence), "stint resume")
		})
		if _, err := other.Access.Request(t.Context(), actor("bob"), askAuto("bob", dba)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("asked of a state that nobody has accepted: %v", err)
		}
		done, err := other.Recovery.Resume(t.Context(), by, "a test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Recovery.Resume(t.Context(), by, "a test"); !fault.Is(err, fault.Conflict) {
			t.Errorf("resumed twice: %v", err)
		}
		h.formerLog(done.Former, former)
		if key := h.key(); key != done.EvidenceKey {
			t.Errorf("the other server answers with the key %s, not %s", key, done.EvidenceKey)
		}
		h.granted("bob", "", dba)
		h.verifyEvidence()
	})
}

// What was granted in the moment before a failover may be in no record that was
// signed: the ledger alone knows of it.
func TestLedgerTellsThatTheDatabaseIsOlder(t *testing.T) {
	onReplicas(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("bob", "", dba)
		h.until("it is signed", func() bool { return h.engine.Journal.Sequence(t.Context()) == nil })
		h.stop()
		h.rewrite(`DELETE FROM operations WHERE grant_id = '`+string(id)+`'`, `DELETE FROM grants WHERE id = '`+string(id)+`'`)
		h.start()
		h.until("it is taken back", func() bool { return !h.administers("bob") })
		h.untilState(id, governance.GrantEnded)
		if h.trouble(engine.PartState) == "" {
			t.Error("the state counts as up to date")
		}
		done, err := h.engine.Recovery.Resume(t.Context(), by, "a test")
		if err != nil || done.EvidenceKey != "" {
			t.Errorf("resumed with %+v, error %v", done, err)
		}
		h.verifyEvidence()
	})
}

// A log that was rewritten is not one that merely lost its end. Access ends, and no
// one can accept it.
func TestRewrittenLogIsNotAccepted(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.signedAll()
		h.stop()
		h.rewrite(`UPDATE evidence_hashes SET hash = (SELECT h.hash FROM evidence_hashes h WHERE h.position = 1)`)
		h.start()
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantEnded)
		if _, err := h.engine.Recovery.Resume(t.Context(), by, "a test"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "tampering") {
			t.Errorf("accepted a log that was rewritten: %v", err)
		}
		if h.administers("alice") {
			t.Error("her right stands")
		}
	})
}

// A crash between the commit of the next log and its key's installation is made good
// by whoever comes next.
func TestNextLogIsInstalledAfterACrash(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.signedAll()
		h.stop()
		failover := h.standby()
		h.start()
		h.granted("bob", "", dba)
		h.verifyEvidence()
		h.stop()
		failover()
		h.start()
		h.until("the ledger is taken up", func() bool { return !h.administers("bob") })
		done, err := h.engine.Recovery.Resume(t.Context(), by, "a test")
		if err != nil {
			t.Fatal(err)
		}
		h.stop()
		dir := h.config.EvidenceDir
		beside := filepath.Join(dir, ".successor")
		if err := errors.Join(
			os.Mkdir(beside, 0o700), os.Rename(filepath.Join(dir, "log"), filepath.Join(beside, "log")),
			os.Rename(filepath.Join(dir, done.Former), filepath.Join(beside, "former")),
			os.Rename(filepath.Join(beside, "former", "log"), filepath.Join(dir, "log")),
		); err != nil {
			t.Fatal(err)
		}
		h.start()
		if key := h.key(); key != done.EvidenceKey {
			t.Errorf("the key is %s, not %s", key, done.EvidenceKey)
		}
		h.verifyEvidence()
		if places, err := filepath.Glob(filepath.Join(dir, "former-*", "records.jsonl")); err != nil || len(places) != 1 {
			t.Errorf("the former log is in %v, error %v", places, err)
		}
	})
}
