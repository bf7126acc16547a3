package fulfilment

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

const (
	// commitAtOnce bounds how many operations write in one transaction.
	commitAtOnce = 256
	// commitTimeout bounds one transaction.
	commitTimeout = 30 * time.Second
)

// commits lets operations that have something to write at the same time write it
// in one transaction: what comes while one commits goes into the next.
type commits struct{ queue chan commit }

type commit struct {
	// lease is the one that write touches.
	lease string
	write func(ctx context.Context, tx *journal.Tx) error
	done  chan error
}

func (c *commits) open()  { c.queue = make(chan commit) }
func (c *commits) close() { close(c.queue) }

// do runs write, which touches a lease, in a transaction and answers how that
// ended. write may run several times, also after a commit whose answer was lost,
// and must have no effect but through its transaction.
func (c *commits) do(lease string, write func(ctx context.Context, tx *journal.Tx) error) error {
	one := commit{lease: lease, write: write, done: make(chan error, 1)}
	c.queue <- one
	return <-one.done
}

// serve commits until the queue is closed.
func (c *commits) serve(ctx context.Context, j *journal.Journal) {
	for first := range c.queue {
		some := c.gather(first)
		// In the order in which leases are taken and renewed, so that two
		// transactions never wait for each other.
		slices.SortStableFunc(some, func(a, b commit) int { return cmp.Compare(a.lease, b.lease) })
		together(ctx, j, some)
	}
}

// gather takes what waits already.
func (c *commits) gather(first commit) []commit {
	some := []commit{first}
	for len(some) < commitAtOnce {
		select {
		case one, ok := <-c.queue:
			if !ok {
				return some
			}
			some = append(some, one)
		default:
			return some
		}
	}
	return some
}

// together commits some in one transaction. When that fails it halves them, so
// that one which cannot be written is alone after a few tries.
func together(ctx context.Context, j *journal.Journal, some []commit) {
	within, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	err := j.WriteTogether(within, journal.Engine(), func(tx *journal.Tx) error {
		for _, one := range some {
			if err := one.write(within, tx); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err == nil:
		for _, one := range some {
			one.done <- nil
		}
	case len(some) == 1:
		some[0].done <- j.Write(within, journal.Engine(), func(tx *journal.Tx) error { return some[0].write(within, tx) })
	default:
		together(ctx, j, some[:len(some)/2])
		together(ctx, j, some[len(some)/2:])
	}
}
