//go:build unix

package evidence_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

func TestKeyIsReadableByItsOwnerOnly(t *testing.T) {
	_, dir := keeperIn(t)
	path := filepath.Join(dir, "log", "signing-key")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.OpenKeeper(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read opens: %v", err)
	}
}
