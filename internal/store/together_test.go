package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

func TestManyWrittenTogetherAreReadBackInBetween(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		if err := s.WriteTogether(t.Context(), func(q *store.Queries) error {
			for i := range 700 {
				if n, err := q.AddLease(t.Context(), sqlc.AddLeaseParams{Key: fmt.Sprint(i), Holder: "h", UntilAt: 1}); err != nil || n != 1 {
					return fmt.Errorf("%d rows, %w", n, err)
				}
			}
			if _, err := q.RaiseRevision(t.Context()); err != nil {
				return err
			}
			state, err := q.GetState(t.Context())
			if err == nil && state.Revision != 1 {
				t.Errorf("revision %d is read in between", state.Revision)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"0", "699"} {
			if n := hold(t, s, key, 1); n != 1 {
				t.Errorf("lease %s was not written", key)
			}
		}
	})
}

func TestOneRowThatMovedLeavesNothingOfWhatWasWrittenTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		err := s.WriteTogether(t.Context(), func(q *store.Queries) error {
			if _, err := q.AddLease(t.Context(), sqlc.AddLeaseParams{Key: "mine", Holder: "h", UntilAt: 1}); err != nil {
				return err
			}
			n, err := q.HoldLease(t.Context(), sqlc.HoldLeaseParams{Key: "nobody's", Fence: 1})
			if err == nil && n != 1 {
				err = store.ErrMoved // SQLite tells at once
			}
			return err
		})
		if !errors.Is(err, store.ErrMoved) {
			t.Fatalf("a lease that does not exist was held: %v", err)
		}
		if n := hold(t, s, "mine", 1); n != 0 {
			t.Error("what was written before it stands")
		}
	})
}

func TestRowThatMovedIsSeenWhereverItStandsAmongMany(t *testing.T) {
	s := open(t, pgtest.Shared(t).NewDatabase(t))
	for _, before := range []int{498, 499, 500, 501, 999} {
		err := s.WriteTogether(t.Context(), func(q *store.Queries) error {
			for i := range 1002 {
				var n int64
				var err error
				if i == before {
					n, err = q.HoldLease(t.Context(), sqlc.HoldLeaseParams{Key: "nobody's", Fence: 1})
				} else {
					n, err = q.AddLease(t.Context(), sqlc.AddLeaseParams{Key: fmt.Sprint(i), Holder: "h", UntilAt: 1})
				}
				if err != nil || n != 1 {
					return fmt.Errorf("%d rows, %w", n, err)
				}
			}
			return nil
		})
		if !errors.Is(err, store.ErrMoved) {
			t.Errorf("after %d others a lease that does not exist was held: %v", before, err)
		}
		if n := hold(t, s, "0", 1); n != 0 {
			t.Errorf("after %d others: what was written before it stands", before)
		}
	}
}

func TestLeaseThatWasGivenBackIsHeldAndRenewedNoMore(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		if err := s.Write(t.Context(), func(q *store.Queries) error {
			if _, err := q.AddLease(t.Context(), sqlc.AddLeaseParams{Key: "k", Holder: "h", UntilAt: 10}); err != nil {
				return err
			}
			n, err := q.GiveLease(t.Context(), sqlc.GiveLeaseParams{Key: "k", Fence: 1})
			if n != 1 {
				t.Errorf("%d leases are given back", n)
			}
			if err != nil {
				return err
			}
			if n, err = q.RenewLease(t.Context(), sqlc.RenewLeaseParams{Key: "k", Fence: 1, UntilAt: 20}); n != 0 {
				t.Error("it is renewed")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if n := hold(t, s, "k", 1); n != 0 {
			t.Error("it is held")
		}
	})
}

func hold(t *testing.T, s *store.Store, key string, fence int64) (n int64) {
	t.Helper()
	if err := s.Write(t.Context(), func(q *store.Queries) (err error) {
		n, err = q.HoldLease(t.Context(), sqlc.HoldLeaseParams{Key: key, Fence: fence})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// What a transaction writes is there for what it reads, is counted truly, and leaves
// nothing when one statement of it fails, however late that shows.
func TestWriteTellsTheTruthOfWhatItHasNotSentYet(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		lease := func(key string) sqlc.AddLeaseParams { return sqlc.AddLeaseParams{Key: key, Holder: "h", UntilAt: 1} }
		if err := s.Write(t.Context(), func(q *store.Queries) error {
			for i := range 3 {
				if err := q.RaiseClockMark(t.Context(), int64(10+i)); err != nil {
					return err
				}
			}
			for _, want := range []int64{1, 0} {
				if n, err := q.AddLease(t.Context(), lease("mine")); err != nil || n != want {
					return fmt.Errorf("%d rows are told, %d were changed: %w", n, want, err)
				}
			}
			state, err := q.GetState(t.Context())
			if err == nil && state.ClockMark != 12 {
				err = fmt.Errorf("the mark is read as %d", state.ClockMark)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}

		twice := func(q *store.Queries) error {
			if _, err := q.AddLease(t.Context(), lease("another")); err != nil {
				return err
			}
			for range 2 {
				if err := q.InsertEvidence(t.Context(), sqlc.InsertEvidenceParams{ID: "same"}); err != nil {
					return err
				}
			}
			return nil
		}
		if err := s.Write(t.Context(), twice); err == nil || errors.Is(err, store.ErrInDoubt) {
			t.Errorf("a record that is there already was written: %v", err)
		}
		if err := s.Write(t.Context(), func(q *store.Queries) error {
			if err := twice(q); err != nil {
				return err
			}
			_, err := q.GetState(t.Context())
			return err
		}); err == nil {
			t.Error("reading after a statement that failed is no error")
		}
		if n := hold(t, s, "another", 1); n != 0 {
			t.Error("what was written before it stands")
		}
	})
}
