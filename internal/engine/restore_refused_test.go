package engine_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
)

// A backup whose records are not those that its checkpoint was signed for is no state
// to go on from: it is refused, and what is in place stays.
func TestBackupThatDoesNotVerifyIsNotRestored(t *testing.T) {
	h := newHarness(t, filepath.Join(t.TempDir(), "stint.db"))
	h.declare()
	id := h.granted("alice", "", dba)
	h.verifyEvidence() // everything is signed
	place := engine.Place{Database: h.config.Database, EvidenceDir: h.config.EvidenceDir, Clock: h.clock}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := engine.Backup(t.Context(), place, backup); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	before := files(t, h.config.EvidenceDir)
	for name, tamper := range map[string]string{
		"a record was altered":     `UPDATE evidence_records SET leaf = replace(leaf, '"alice"', '"bob"')`,
		"a record was taken out":   `DELETE FROM evidence_records WHERE position = 2`,
		"the last was taken out":   `DELETE FROM evidence_records WHERE position = (SELECT max(position) FROM evidence_records)`,
		"two records were swapped": `UPDATE evidence_records SET leaf = (SELECT leaf FROM evidence_records o WHERE o.position = 3 - evidence_records.position) WHERE position IN (1, 2)`,
		"the checkpoint was cut":   `UPDATE stint_backup SET checkpoint = substr(checkpoint, 1, 20)`,
	} {
		t.Run(name, func(t *testing.T) {
			altered := filepath.Join(t.TempDir(), "backup.db")
			if err := os.WriteFile(altered, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", altered)
			if err != nil {
				t.Fatal(err)
			}
			result, err := db.ExecContext(t.Context(), tamper)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				t.Fatalf("nothing was altered: %v", err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = engine.Restore(t.Context(), altered, place, "a test")
			if err == nil || !strings.Contains(err.Error(), "restore another backup") {
				t.Fatalf("it is restored, or nobody learns what to do: %v", err)
			}
			after := files(t, h.config.EvidenceDir)
			for path, content := range before {
				if after[path] != content {
					t.Errorf("%s was\n%s\nand is\n%s", path, content, after[path])
				}
			}
		})
	}
	h.start()
	if g := h.grant(id); g.ID != id {
		t.Errorf("the state that was in place is gone: %+v", g)
	}
	h.verifyEvidence()
}

// files are what is in a folder and below, with the content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
