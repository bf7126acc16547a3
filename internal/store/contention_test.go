package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

func due(ctx context.Context, q *store.Queries) (ids []string, err error) {
	rows, err := q.DueOperations(ctx, sqlc.DueOperationsParams{ApplicationID: "billing", Kind: "grant", Now: 10, LimitTo: 10})
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, err
}

func TestOperationsThatAnotherTransactionIsTakingArePassedOver(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		add := func(id string) error {
			return s.Write(t.Context(), func(q *store.Queries) error {
				return q.InsertOperation(t.Context(), sqlc.InsertOperationParams{ID: id, Kind: "grant", GrantID: "g" + id, ApplicationID: "billing", AccountID: "billing/" + id})
			})
		}
		if err := add("first"); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), func(q *store.Queries) error {
			if ids, err := due(t.Context(), q); err != nil || fmt.Sprint(ids) != "[first]" {
				return fmt.Errorf("%v are due: %w", ids, err)
			}
			if !store.IsPostgres(location) {
				return nil // nobody else writes
			}
			if err := add("second"); err != nil {
				return err
			}
			return s.Write(t.Context(), func(q *store.Queries) error {
				if ids, err := due(t.Context(), q); err != nil || fmt.Sprint(ids) != "[second]" {
					return fmt.Errorf("%v are due beside what is being taken: %w", ids, err)
				}
				return nil
			})
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoTakesATurnSeesWhatWasDoneInTheOneBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		turn := store.Turn("raise")
		second := make(chan error, 1)
		if err := s.Write(t.Context(), func(q *store.Queries) error {
			if err := q.TakeTurn(t.Context(), turn); err != nil {
				return err
			}
			if _, err := q.GetState(t.Context()); err != nil { // which sends it
				return err
			}
			go func() {
				second <- s.Write(t.Context(), func(q *store.Queries) error {
					if err := q.TakeTurn(t.Context(), turn); err != nil {
						return err
					}
					state, err := q.GetState(t.Context())
					if err == nil && state.Revision != 1 {
						err = fmt.Errorf("revision %d is read in the second turn", state.Revision)
					}
					return err
				})
			}()
			if err := awaitTurn(t, location); err != nil {
				return err
			}
			_, err := q.RaiseRevision(t.Context())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// awaitTurn waits until somebody waits for a turn; on SQLite, where whoever writes
// waits for that alone, nobody does.
func awaitTurn(t *testing.T, location string) error {
	t.Helper()
	if !store.IsPostgres(location) {
		return nil
	}
	conn := pgtest.Shared(t).Connect(t, "postgres")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var waiting bool
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND NOT l.granted AND $1 LIKE '%' || d.datname || '%')`, location).Scan(&waiting); err != nil || waiting {
			return err
		}
	}
	return errors.New("nobody waits for the turn")
}
