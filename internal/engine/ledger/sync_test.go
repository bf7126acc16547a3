package ledger

import (
	"os"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// One who only says that a grant is over may write what another has queued to
// stand: that one must find it on disk, and so must whoever tries again.
func TestWhatStandsIsOnDiskWhoeverWritesIt(t *testing.T) {
	l, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synced, broken := 0, error(nil)
	l.fsync = func(*os.File) error {
		synced++
		return broken
	}
	var stands, over Entries
	stands.Stands(governance.Grant{ID: "a"})
	over.Over("b")
	if err := l.Keep(over); err != nil || synced != 0 {
		t.Errorf("a grant that is over was synced %d times, error %v", synced, err)
	}
	if err := l.queue(stands); err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(over); err != nil || synced != 1 {
		t.Errorf("what stands was synced %d times, error %v", synced, err)
	}
	broken = os.ErrDeadlineExceeded
	if err := l.Keep(stands); err == nil || l.Keep(over) == nil {
		t.Error("what is not on disk was said to be")
	}
	broken = nil
	if err := l.Keep(over); err != nil || synced != 4 {
		t.Errorf("once it can be: synced %d times, error %v", synced, err)
	}
}
