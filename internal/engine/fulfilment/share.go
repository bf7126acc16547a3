package fulfilment

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// share is how many of the calls that an application allows at once one process may
// make, until a time. It is a lease: a process that died leaves its calls to the
// others when it has run out, and a living one renews it three times as often.
type share struct {
	Holder string `json:"holder"`
	Calls  int    `json:"calls"`
	// Until is in microseconds.
	Until int64 `json:"until"`
}

// shares are those of all processes.
type shares []share

// readShares reads what String has written. What cannot be read is nobody's: no
// revocation waits for somebody to mend it.
func readShares(text string) (s shares) {
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil
	}
	return s
}

func (s shares) String() string {
	if len(s) == 0 {
		return ""
	}
	text, _ := json.Marshal(s) // strings and numbers
	return string(text)
}

// divide gives a holder as many of size calls as it wants and others leave, for the
// time of a lease, and answers what all have then.
func (s shares) divide(holder string, want, size int, now time.Time) (calls int, after shares) {
	longest := store.Micros(now.Add(leaseFor))
	for _, other := range s {
		// A clock that was ahead gives nobody more than a lease.
		other.Until = min(other.Until, longest)
		if other.Holder != holder && other.Until > store.Micros(now) {
			after = append(after, other)
			size -= other.Calls
		}
	}
	if calls = min(want, size); calls <= 0 {
		return 0, after
	}
	return calls, append(after, share{Holder: holder, Calls: calls, Until: longest})
}

// shared notes what this process may call of what all share, once that was written.
func (l *lane) shared(p pace) {
	if _, shared := p.limits.Concurrent(); !shared {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mine, l.mineUntil = p.calls, p.now.Add(leaseFor)
	l.resize()
}

// wants is how many calls there is use for.
func (l *lane) wants() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inHand
}

// sharing reports whether the lane has, or wants, a share that is to be looked
// after.
func (l *lane) sharing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, shared := l.limits.Concurrent()
	return l.mine > 0 || shared && l.inHand > 0
}

// shareDue says how many calls there is use for when the share is to be written
// again: when it is another than that, or runs out.
func (l *lane) shareDue(now time.Time) (want int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size, shared := l.limits.Concurrent()
	if !shared {
		return 0, false
	}
	want = min(l.inHand, size)
	switch {
	case l.inHand == 0:
		return 0, l.mine > 0
	case l.mine < want:
		return want, true
	}
	return want, l.mineUntil.Sub(now) < leaseFor*2/3
}

// keepShare renews the lane's share, has it grow with what is in hand, and gives it
// back when that is nothing.
func (l *lane) keepShare(ctx context.Context) {
	want, due := l.shareDue(l.worker.Journal.Now())
	if !due {
		return
	}
	var p pace
	err := l.worker.Journal.Bookkeep(ctx, func(tx *journal.Tx) (err error) {
		p, err = l.putShare(ctx, tx, want)
		return err
	})
	switch {
	case err == nil:
		l.shared(p)
	case !errors.Is(err, errNothingToDo) && ctx.Err() == nil:
		l.worker.Logger.Warn("the share of a target's calls is not renewed; it is tried again", "application", l.id, "error", err)
	}
}

// giveShare leaves the lane's share to the other processes.
func (l *lane) giveShare() {
	if !l.sharing() {
		return
	}
	if err := l.worker.commits.do("share/"+string(l.id), func(ctx context.Context, tx *journal.Tx) error {
		_, err := l.putShare(ctx, tx, 0)
		return err
	}); err != nil {
		l.worker.Logger.Warn("the share of a target's calls is not given back and runs out by itself", "application", l.id, "error", err)
	}
}

func (l *lane) putShare(ctx context.Context, tx *journal.Tx, want int) (pace, error) {
	p, err := paceOf(ctx, tx, l)
	if err != nil {
		return p, err
	}
	p.share(want)
	return p, p.put(ctx, tx, 0)
}
