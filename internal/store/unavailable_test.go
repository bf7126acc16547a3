package store_test

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

func TestBrokenConnectionIsToldFromAFailureAndTheNextOneWorks(t *testing.T) {
	location := pgtest.Shared(t).NewDatabase(t)
	cut := false
	s, err := store.Open(t.Context(), location, func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		return tx, func() error {
			if cut {
				cut = false
				_, _ = tx.ExecContext(context.Background(), `SELECT pg_terminate_backend(pg_backend_pid())`) // it answers no more
			}
			return commit()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	raise := func() error {
		return s.Write(t.Context(), func(q *store.Queries) error {
			_, err := q.RaiseRevision(t.Context())
			return err
		})
	}
	cut = true
	if err := raise(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a connection that was cut: %v", err)
	}
	if err := raise(); err != nil {
		t.Errorf("after it: %v", err)
	}
	if got := revision(t, s); got != 1 {
		t.Errorf("revision %d after one write that was cut off and one that was not", got)
	}
	refused := errors.New("refused")
	if err := s.Write(t.Context(), func(*store.Queries) error { return refused }); errors.Is(err, store.ErrUnavailable) || !errors.Is(err, refused) {
		t.Errorf("a refusal: %v", err)
	}
}

func TestCommitThatNobodyWaitsForIsInDoubtOnceItWasSent(t *testing.T) {
	location := pgtest.Shared(t).NewDatabase(t)
	around := func(_ sqlc.DBTX, commit func() error) error { return commit() }
	s, err := store.Open(t.Context(), location, func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		return tx, func() error { return around(tx, commit) }
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	raise := func(ctx context.Context, then func()) error {
		return s.WriteTogether(ctx, func(q *store.Queries) error {
			_, err := q.RaiseRevision(ctx)
			if err == nil {
				_, err = q.AddLease(ctx, sqlc.AddLeaseParams{Key: "k", Holder: "h", UntilAt: 1}) // it is sent with the commit
			}
			then()
			return err
		})
	}
	before := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrInDoubt) {
			t.Errorf("what was never committed: %v", err)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	before(t, raise(ctx, cancel))
	ctx, cancel = context.WithCancel(t.Context())
	around = func(_ sqlc.DBTX, commit func() error) error {
		cancel()
		return commit()
	}
	before(t, raise(ctx, func() {}))

	// The commit waits for a trigger, and whoever waits for the commit gives up.
	db, err := sql.Open("pgx", location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE lingering (n INTEGER);
		CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON lingering DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger()`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	var watching errgroup.Group
	around = func(tx sqlc.DBTX, commit func() error) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO lingering VALUES (1)`); err != nil {
			return err
		}
		watching.Go(func() error {
			defer cancel()
			return untilCommitting(ctx, db)
		})
		return commit()
	}
	if err := raise(ctx, func() {}); !errors.Is(err, store.ErrInDoubt) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a commit that nobody waited for: %v", err)
	}
	if err := watching.Wait(); err != nil {
		t.Error(err)
	}
}

// database/sql takes the connection of a transaction away whose context has ended, and
// brings the process down when something is just being sent on it.
func TestConnectionIsNotTakenAwayFromWhatIsSentOnIt(t *testing.T) {
	s := open(t, pgtest.Shared(t).NewDatabase(t))
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.WriteTogether(ctx, func(q *store.Queries) error {
			if _, err := q.RaiseRevision(t.Context()); err != nil {
				return err
			}
			if _, err := q.AddLease(t.Context(), sqlc.AddLeaseParams{Key: "k", Holder: "h", UntilAt: 1}); err != nil {
				return err
			}
			cancel()
			runtime.Gosched()
			_, err := q.GetState(t.Context()) // which sends it
			return err
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
			t.Fatalf("of a caller who has left: %v", err)
		}
	}
	if got := revision(t, s); got != 0 {
		t.Errorf("revision %d", got)
	}
}

// untilCommitting waits until a commit sleeps in a trigger.
func untilCommitting(ctx context.Context, db *sql.DB) error {
	for {
		var committing bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event = 'PgSleep' AND query ILIKE 'commit%')`).Scan(&committing)
		if err != nil || committing {
			return err
		}
	}
}

// A database that is frozen accepts connections and says nothing.
func TestFrozenDatabaseIsGivenUp(t *testing.T) {
	server := pgtest.Start(t, pgtest.WithoutFsync())
	s := open(t, server.URL("postgres"))
	server.Pause(t)
	began := time.Now()
	err := s.Read(t.Context(), func(*store.Queries) error { return nil })
	if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || took > 15*time.Second {
		t.Errorf("given up after %s: %v", took, err)
	}
	server.Resume(t)
	if got := revision(t, s); got != 0 {
		t.Errorf("revision %d", got)
	}
}

// A process that is frozen in the middle of a transaction, or whose network is cut
// there, holds what it holds; the database takes it away, so that the others work.
func TestTransactionOfAFrozenProcessHoldsTheOthersUpForABoundedTime(t *testing.T) {
	location := pgtest.Shared(t).NewDatabase(t)
	bound := ""
	if s, err := store.Open(t.Context(), location, func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error) {
		return tx, func() error {
			return errors.Join(tx.QueryRowContext(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&bound), commit())
		}
	}); err != nil {
		t.Fatal(err)
	} else if revision(t, s) != 0 || s.Close() != nil {
		t.Fatal("a new database is not new")
	}
	if bound != "10s" {
		t.Errorf("it is held up for %s, want 10s", bound)
	}

	frozen, other := open(t, location+"&idle_in_transaction_session_timeout=200"), open(t, location)
	raise := func(s *store.Store, then func()) error {
		return s.Write(t.Context(), func(q *store.Queries) error {
			_, err := q.RaiseRevision(t.Context())
			then()
			return err
		})
	}
	err := raise(frozen, func() {
		if err := raise(other, func() {}); err != nil {
			t.Errorf("while one is frozen the other cannot write: %v", err)
		}
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the frozen one committed: %v", err)
	}
	if got := revision(t, other); got != 1 {
		t.Errorf("revision %d, want 1 of the other", got)
	}
}
