package journal

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// A checkpoint counts as kept once its transaction is committed, which may be run
// several times.
func TestCheckpointOfATransactionThatIsRunAgainIsKept(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stint.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var s signed
	lost := errors.New("it lost against another one")
	for size := int64(1); size <= 3*keptCheckpoints; size++ {
		s.note(stored{origin: "log", size: size}, []byte("checkpoint"))
		var kept []int64
		for _, end := range []error{lost, nil} {
			if err := db.Write(t.Context(), func(q *store.Queries) (err error) {
				kept, err = s.keep(t.Context(), q, "log")
				return errors.Join(err, end)
			}); !errors.Is(err, end) {
				t.Fatal(err)
			}
		}
		s.kept = kept
	}
	if err := db.Read(t.Context(), func(q *store.Queries) error {
		rows, err := q.ListCheckpoints(t.Context())
		if len(rows) != keptCheckpoints || len(rows) > 0 && rows[0].Size != 3*keptCheckpoints {
			t.Errorf("%d checkpoints are kept: %v", len(rows), rows)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
