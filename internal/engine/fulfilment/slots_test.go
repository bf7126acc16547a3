package fulfilment

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestFreeSlotGoesToWhatTakesARightFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{size: 1}
		if waited, err := s.take(t.Context(), nil, false); waited || err != nil {
			t.Fatalf("a free slot is not given: %t, %v", waited, err)
		}
		var turns []string
		wait := func(ctx context.Context, name string, urgent bool) {
			go func() {
				waited, err := s.take(ctx, nil, urgent)
				switch {
				case err == nil && !waited:
					t.Errorf("%s found a slot free", name)
				case err == nil:
					turns = append(turns, name)
				case !errors.Is(err, context.Canceled):
					t.Errorf("%s: %v", name, err)
				}
			}()
			synctest.Wait()
		}
		gone, leave := context.WithCancel(t.Context())
		wait(gone, "gone", false)
		wait(t.Context(), "grant", false)
		wait(gone, "gone", true)
		wait(t.Context(), "revocation", true)
		wait(t.Context(), "another revocation", true)
		leave()
		synctest.Wait()
		for range 4 {
			s.give()
			synctest.Wait()
		}
		if len(turns) != 3 || turns[0] != "revocation" || turns[1] != "another revocation" || turns[2] != "grant" || s.taken != 0 {
			t.Errorf("turns %q, %d taken", turns, s.taken)
		}
	})
}

func TestWhoLeavesWhenItsTurnComesGivesTheSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{size: 1, taken: 1}
		stop := make(chan struct{})
		var left atomic.Int32
		for range 50 {
			go func() {
				if _, err := s.take(t.Context(), stop, false); err == nil {
					s.give()
				}
				left.Add(1)
			}()
		}
		synctest.Wait()
		close(stop)
		s.give()
		synctest.Wait()
		if left.Load() != 50 || s.taken != 0 || len(s.others) != 0 {
			t.Errorf("%d left, %d taken, %d wait", left.Load(), s.taken, len(s.others))
		}
	})
}

func TestWhatRunsGoesOnWhenThereAreFewerSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{size: 3}
		for range 3 {
			if _, err := s.take(t.Context(), nil, false); err != nil {
				t.Fatal(err)
			}
		}
		var turns atomic.Int32
		for range 4 {
			go func() {
				if _, err := s.take(t.Context(), nil, false); err == nil {
					turns.Add(1)
				}
			}()
		}
		s.resize(1)
		for _, c := range []struct {
			change func()
			turns  int32
		}{
			{s.give, 0}, {s.give, 0}, {s.give, 1}, // the two that were too many, and the one
			{func() { s.resize(3) }, 3},
			{s.give, 4},
		} {
			c.change()
			synctest.Wait()
			if turns.Load() != c.turns {
				t.Errorf("%d had their turn, want %d", turns.Load(), c.turns)
			}
		}
	})
}

func TestNobodyWaitsWhereThereAreNoSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{size: 1}
		if _, err := s.take(t.Context(), nil, false); err != nil {
			t.Fatal(err)
		}
		var turnedAway atomic.Int32
		for i := range 4 {
			go func() {
				if _, err := s.take(t.Context(), nil, i%2 == 0); errors.Is(err, errHeldBack) {
					turnedAway.Add(1)
				}
			}()
		}
		synctest.Wait()
		s.resize(0)
		synctest.Wait()
		if _, err := s.take(t.Context(), nil, true); turnedAway.Load() != 4 || !errors.Is(err, errHeldBack) {
			t.Errorf("%d are turned away, the next: %v", turnedAway.Load(), err)
		}
		s.give()
		s.resize(1)
		if waited, err := s.take(t.Context(), nil, false); waited || err != nil {
			t.Errorf("a slot that is there again is not given: %v", err)
		}
	})
}
