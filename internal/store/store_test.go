package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
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

func TestOpeningAtOnceMigratesOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
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
		if err := open(t, location).Read(t.Context(), func(q *store.Queries) error {
			_, err := q.GetState(t.Context())
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		open(t, location)
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
		if err == nil || !strings.Contains(err.Error(), "use a newer stint") {
			t.Errorf("error %v", err)
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
