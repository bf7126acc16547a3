package fulfilment

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

func TestBreakerLetsOneThroughAtATimeUntilTheTargetAnswers(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	longest := func(d time.Duration) time.Duration { return d }
	var b breaker
	for i := range breakAfter - 1 {
		if b.failed(now, longest); b.room(100, now) != 100 {
			t.Fatalf("closed after %d failures", i+1)
		}
	}
	if opened := b.failed(now, longest); !opened || b.room(100, now) != 0 {
		t.Fatal("it does not open")
	}
	if now = now.Add(firstProbe); b.room(100, now) != 1 {
		t.Error("there is no probe after the first pause")
	}
	b.probing = true
	if b.room(100, now) != 0 {
		t.Error("there are two probes at once")
	}
	for range 1000 {
		b.failed(now, longest)
	}
	b.probing = false
	if now = now.Add(longestProbe); b.room(100, now) != 1 {
		t.Errorf("it gives up, or waits longer than %s", longestProbe)
	}
	if closed := b.reached(); !closed || b.room(100, now) != 100 {
		t.Error("an answer does not close it")
	}
	if closed := b.reached(); closed {
		t.Error("it closes twice")
	}
}

func TestAnswerBetweenFailuresKeepsTheBreakerClosed(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var b breaker
	for range 10 * breakAfter {
		b.failed(now, func(d time.Duration) time.Duration { return d })
		b.reached()
	}
	if b.room(7, now) != 7 {
		t.Error("it opened for failures that were not in a row")
	}
}

// One account that never gets an answer does not keep calls of others away; a
// target that answers none of them does.
func TestOneAccountWithoutAnAnswerOpensNoBreaker(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	pause := func(d time.Duration) time.Duration { return d }
	var b breaker
	for range 10 * breakAfter {
		if b.unanswered("billing/alice", now, pause) || b.room(7, now) != 7 {
			t.Fatal("it opens for one account")
		}
	}
	for i := range breakAfter - 1 {
		if b.open {
			t.Fatalf("it opens for %d accounts", i+1)
		}
		b.unanswered(fmt.Sprintf("billing/%d", i), now, pause)
	}
	if !b.open {
		t.Error("it does not open for many")
	}
	now = now.Add(firstProbe)
	if b.unanswered("billing/alice", now, pause); b.room(7, now) != 0 {
		t.Error("a probe that came to no answer is followed by another one at once")
	}
	if b.reached(); b.unanswered("billing/alice", now, pause) || len(b.silent) != 1 {
		t.Error("an answer does not begin the count anew")
	}
}

func TestWhatHoldsOneChangeUpIsAnAnswerOfTheTarget(t *testing.T) {
	l := newLane(&Worker{Journal: &journal.Journal{}, Logger: hclog.NewNullLogger(), Jitter: func(int64) int64 { return 0 }}, "billing")
	for range 10 * breakAfter {
		l.note(t.Context(), "billing/alice", fmt.Errorf("%w: %w", connector.ErrUnavailable, connector.ErrBusy))
	}
	if l.breaker.open || l.breaker.failures != 0 {
		t.Errorf("a lock on one account counts as a target that is away: %+v", l.breaker)
	}
}
