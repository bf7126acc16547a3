package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func onBoth(t *testing.T, test func(t *testing.T, location string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "stint.db")) })
	t.Run("postgresql", func(t *testing.T) { test(t, pgtest.Shared(t).NewDatabase(t)) })
}

func open(t *testing.T, location string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), location, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A URL says how many connections there are at most, and a server works with one.
func TestStoreHasNoMoreConnectionsThanItsURLSays(t *testing.T) {
	location := pgtest.Shared(t).NewDatabase(t)
	s := open(t, location+"&pool_max_conns=1&application_name=sparing")
	var reading errgroup.Group
	for range 8 {
		reading.Go(func() error {
			return s.Read(t.Context(), func(q *store.Queries) error {
				if _, err := q.GetState(t.Context()); err != nil {
					return err
				}
				var sessions int
				pgtest.Shared(t).Ask(t, `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sparing'`, nil, &sessions)
				if sessions != 1 {
					return fmt.Errorf("%d sessions", sessions)
				}
				return nil
			})
		})
	}
	if err := reading.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"0", "-1", "many", ""} {
		if _, err := store.Open(t.Context(), location+"&pool_max_conns="+wrong, nil); err == nil || !strings.Contains(err.Error(), "pool_max_conns is how many connections a server has at most, 1 or more, not "+strconv.Quote(wrong)) {
			t.Errorf("pool_max_conns=%s gives %v", wrong, err)
		}
	}
}

func TestReplicasThatOpenAtOnceMigrateOnce(t *testing.T) {
	location := pgtest.Shared(t).NewDatabase(t)
	var opening errgroup.Group
	for range 4 {
		opening.Go(func() error {
			s, err := store.Open(t.Context(), location, nil)
			if err != nil {
				return err
			}
			return s.Close()
		})
	}
	if err := opening.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := revision(t, open(t, location)); got != 0 {
		t.Errorf("revision %d of a new database", got)
	}
}

func TestSQLiteFileIsOpenOnce(t *testing.T) {
	folder := t.TempDir()
	location, other := filepath.Join(folder, "stint.db"), filepath.Join(folder, "other.db")
	first, err := store.Open(t.Context(), location, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(location, other); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{location, other} {
		_, err = store.Open(t.Context(), way, nil)
		if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("stint.db is in use by process %d; only one", os.Getpid())) {
			t.Errorf("opened a second time as %s: %v", way, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, other)
}

// The folder may be one that others can look into, as the mounted ones of containers
// are.
func TestSQLiteFileIsItsOwnersAlone(t *testing.T) {
	folder := t.TempDir()
	open(t, filepath.Join(folder, "stint.db"))
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

func TestSQLiteOutlastsALossOfPower(t *testing.T) {
	location := filepath.Join(t.TempDir(), "stint.db")
	open(t, location)
	content, err := os.ReadFile(location)
	if err != nil {
		t.Fatal(err)
	}
	// Bytes 18 and 19 of the file are 2 with a write-ahead log, see
	// https://www.sqlite.org/fileformat2.html#file_format_version_numbers.
	if content[18] != 2 || content[19] != 2 {
		t.Errorf("format versions %d and %d, want 2 and 2", content[18], content[19])
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s, err := store.Open(t.Context(), location, nil)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		driver := "sqlite"
		if store.IsPostgres(location) {
			driver = "pgx"
		}
		db, err := sql.Open(driver, location)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(t.Context(), location, nil)
		if want := "the database has schema version 9999 and this program knows up to 1; use a newer stint"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
}

func TestWriteIsAllOrNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		broken := errors.New("broken")
		err := s.Write(t.Context(), func(q *store.Queries) error {
			if _, err := q.RaiseRevision(t.Context()); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if got := revision(t, s); got != 0 {
			t.Errorf("revision %d after a transaction that failed", got)
		}
	})
}

func revision(t *testing.T, s *store.Store) (revision int64) {
	t.Helper()
	if err := s.Read(t.Context(), func(q *store.Queries) error {
		state, err := q.GetState(t.Context())
		revision = state.Revision
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestConcurrentWritersAllGetTheirTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		var writing errgroup.Group
		for range 8 {
			writing.Go(func() error {
				for range 10 {
					if err := s.Write(t.Context(), func(q *store.Queries) error {
						_, err := q.RaiseRevision(t.Context())
						return err
					}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := writing.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := revision(t, s); got != 80 {
			t.Errorf("revision %d after 80 writes", got)
		}
	})
}

func TestLeaseHasOneHolderAndItsFenceGrows(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		take := func(now, until int64) (fence int64, err error) {
			err = s.Write(t.Context(), func(q *store.Queries) error {
				fence, err = q.TakeLease(t.Context(), sqlc.TakeLeaseParams{Key: "k", Holder: "h", Now: now, UntilAt: until})
				return err
			})
			return fence, err
		}
		hold := func(fence int64) (held int64) {
			if err := s.Write(t.Context(), func(q *store.Queries) (err error) {
				held, err = q.HoldLease(t.Context(), sqlc.HoldLeaseParams{Key: "k", Fence: fence})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return held
		}
		if fence, err := take(0, 10); err != nil || fence != 1 {
			t.Fatalf("fence %d, error %v", fence, err)
		}
		if _, err := take(9, 20); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("a held lease was taken: %v", err)
		}
		if fence, err := take(10, 20); err != nil || fence != 2 {
			t.Errorf("fence %d after the first ran out, error %v", fence, err)
		}
		if hold(1) != 0 || hold(2) != 1 {
			t.Error("a stale fence holds, or the current one does not")
		}
	})
}

func TestCancelledContextEndsAWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Write(ctx, func(*store.Queries) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
