package evidence_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// An installation that was cut off after any of its steps is completed by the next.
func TestInstallationOfASuccessorIsCompleted(t *testing.T) {
	renames := [][2]string{{"log", ".successor/former/log"}, {".successor/former", "former-a"}, {".successor/log", "log"}}
	for done := range renames {
		former, dir := keeperIn(t)
		next, err := evidence.CreateSuccessor(dir, seeded(43))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(evidence.FormerRecords(dir), []byte("records"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, rename := range renames[:done] {
			if err := os.Rename(filepath.Join(dir, rename[0]), filepath.Join(dir, rename[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := evidence.InstallSuccessor(dir, "former-a"); err != nil {
			t.Fatalf("after %d steps: %v", done, err)
		}
		for folder, want := range map[string]string{dir: next.Origin(), filepath.Join(dir, "former-a"): former.Origin()} {
			if keeper, err := evidence.OpenKeeper(folder); err != nil || keeper.Origin() != want {
				t.Errorf("after %d steps %s holds %v, error %v", done, folder, keeper, err)
			}
		}
		if content, err := os.ReadFile(filepath.Join(dir, "former-a", "records.jsonl")); err != nil || string(content) != "records" {
			t.Errorf("after %d steps the records are %q, error %v", done, content, err)
		}
		if err := evidence.InstallSuccessor(dir, "former-b"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("installed twice: %v", err)
		}
	}
}
