package fulfilment

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
)

const (
	// breakAfter is how many calls in a row do not reach the target before it
	// is only probed.
	breakAfter = 5
	// firstProbe and longestProbe bound the time between two probes, and so how
	// long a revocation waits after its target is back.
	firstProbe   = 500 * time.Millisecond
	longestProbe = 5 * time.Second
)

// breaker keeps calls from a target that cannot be reached: while it is open one
// operation at a time is tried, after a pause, until one gets through. It never
// gives up. The zero breaker is closed.
type breaker struct {
	failures int
	open     bool
	// probing: an operation is on its way to find out. Until nextProbe there is
	// none.
	probing   bool
	nextProbe time.Time
	// probes is how many there have been.
	probes int
	// silent are the accounts whose calls came to no answer since the last one.
	silent map[string]bool
}

// turns are the orders in which a probe looks for an operation, one after the
// other. Every other probe is a revocation where one is due, and no kind waits for
// ever behind one that the target leaves without an answer.
var turns = [][]grants.OperationKind{
	{grants.OperationRevoke, grants.OperationMakeAccount, grants.OperationGrant, grants.OperationVerify, grants.OperationRemoveAccount},
	{grants.OperationVerify, grants.OperationGrant, grants.OperationMakeAccount, grants.OperationRemoveAccount, grants.OperationRevoke},
	{grants.OperationRevoke, grants.OperationRemoveAccount, grants.OperationVerify, grants.OperationGrant, grants.OperationMakeAccount},
	{grants.OperationGrant, grants.OperationVerify, grants.OperationMakeAccount, grants.OperationRemoveAccount, grants.OperationRevoke},
	{grants.OperationRevoke, grants.OperationMakeAccount, grants.OperationGrant, grants.OperationVerify, grants.OperationRemoveAccount},
	{grants.OperationMakeAccount, grants.OperationRemoveAccount, grants.OperationVerify, grants.OperationGrant, grants.OperationRevoke},
	{grants.OperationRevoke, grants.OperationVerify, grants.OperationGrant, grants.OperationRemoveAccount, grants.OperationMakeAccount},
	{grants.OperationRemoveAccount, grants.OperationMakeAccount, grants.OperationGrant, grants.OperationVerify, grants.OperationRevoke},
}

// order is in which order kinds of operations are claimed.
func (b *breaker) order() []grants.OperationKind {
	if !b.open {
		return kinds
	}
	return turns[b.probes%len(turns)]
}

// room is how many of n operations may be claimed.
func (b *breaker) room(n int, now time.Time) int {
	switch {
	case !b.open:
		return n
	case b.probing || now.Before(b.nextProbe) && !now.Before(b.nextProbe.Add(-longestProbe)):
		return 0
	}
	// A clock that was set back makes nothing wait longer than that.
	return min(n, 1)
}

// unanswered notes that a call for an account came to no answer, be it because of
// the target or of that account alone: however often, one account counts once.
func (b *breaker) unanswered(account string, now time.Time, pause func(longest time.Duration) time.Duration) (opened bool) {
	if b.silent[account] && !b.open {
		return false
	}
	if b.silent == nil {
		b.silent = map[string]bool{}
	}
	b.silent[account] = true
	return b.failed(now, pause)
}

// failed notes that a call has not reached the target. opened: it was the one
// too many.
func (b *breaker) failed(now time.Time, pause func(longest time.Duration) time.Duration) (opened bool) {
	b.failures++
	if b.failures < breakAfter {
		return false
	}
	opened = !b.open
	b.open = true
	longest := longestProbe
	if doublings := b.failures - breakAfter; doublings < 4 {
		longest = firstProbe << doublings
	}
	b.nextProbe = now.Add(pause(longest))
	return opened
}

// reached notes that the target has answered. closed: it had not before.
func (b *breaker) reached() (closed bool) {
	closed = b.open
	*b = breaker{probing: b.probing}
	return closed
}
