// Package fulfilment carries operations out in targets: it claims what is due,
// calls the connector, reads back, and writes what was observed. What it
// promises: the intent is committed before a target is called, a grant ends
// only with an outcome that was observed, a revocation is retried for ever, and
// one target that does not answer never delays another.
//
// Each application has a lane, in which its operations are claimed ahead of the
// calls, many in a transaction. What operations of all lanes write is committed
// together; where one of them stands otherwise than it was read, each is written
// alone, so that none holds up another.
package fulfilment

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

const (
	// pollEvery is how often due operations are looked for when nothing in
	// this process says that there are new ones.
	pollEvery = 100 * time.Millisecond
	// leaseFor is how long an account stays with a process that died; a living
	// one renews its leases three times as often.
	leaseFor = 6 * time.Second
	// callTimeout bounds one round of calls for an operation.
	callTimeout = 30 * time.Second
	// lastWords is how long a worker that is stopped may take to write what it
	// has learned.
	lastWords = 5 * time.Second
)

// Worker carries operations out. Several processes may run one each on the same
// database.
type Worker struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Access   *access.Access
	// Discovery takes notice of the accounts that are made.
	Discovery *discovery.Discovery
	Targets   *targets.Targets
	Logger    hclog.Logger
	// Holder names this process in leases.
	Holder string
	// Jitter answers a random number below n, to spread retries.
	Jitter func(n int64) int64
	// Drain is closed when nothing new is to be taken up; nil never is.
	Drain <-chan struct{}
	// Reached, when it is set, is told when an application's target is not
	// reached any more, and when it is again.
	Reached func(id governance.ApplicationID, reached bool)
	// Left, when it is set, is told when nothing is left of an application.
	Left func(id governance.ApplicationID)

	commits commits
	leases  leases
	lanes   map[governance.ApplicationID]*lane
}

// Run carries out what is due until the worker is to drain, and returns when the
// calls under way have come to their end and their results are written; when ctx
// ends they are cut off.
func (w *Worker) Run(ctx context.Context) error {
	// What a call has done is written also when the worker is to stop.
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, stop) })()

	w.lanes = map[governance.ApplicationID]*lane{}
	var serving, working sync.WaitGroup
	w.commits.open()
	for range w.Journal.Writers() {
		serving.Go(func() { w.commits.serve(writing, w.Journal) })
	}
	renewing, stopRenewing := context.WithCancel(writing)
	serving.Go(func() { w.renewLeases(renewing) })
	defer serving.Wait()
	defer w.commits.close()
	defer stopRenewing()
	defer working.Wait()
	var pace journal.Pace
	for !w.draining() {
		queued := w.Journal.OperationsDue()
		now, due, declared, err := w.due(ctx)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("due operations are not known; they are looked for again", "error", err)
		}
		if err == nil {
			w.assign(now, due, declared, func(l *lane) { working.Go(func() { l.run(ctx) }) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.Drain:
		case <-queued:
		case <-w.Journal.After(pace.Pause(pollEvery, err)):
		}
	}
	return nil
}

func (w *Worker) draining() bool {
	select {
	case <-w.Drain:
		return true
	default:
		return false
	}
}

// due lists the applications in which something is due, and those that are
// declared.
func (w *Worker) due(ctx context.Context) (now time.Time, due []governance.ApplicationID, declared map[governance.ApplicationID]*governance.Application, err error) {
	err = w.Journal.Read(ctx, func(tx *journal.Tx) error {
		now, due = tx.Now, nil
		set, err := w.Declared.Set(ctx, tx)
		if err != nil {
			return err
		}
		declared = set.Applications
		ids, err := tx.ApplicationsDue(ctx, store.Micros(tx.Now))
		for _, id := range ids {
			due = append(due, governance.ApplicationID(id))
		}
		return err
	})
	return now, due, declared, err
}

// assign wakes the lanes of applications in which something is due, starts those
// that are missing, has each keep to what its application declares, and leaves the
// lanes of those that are declared no more.
func (w *Worker) assign(now time.Time, due []governance.ApplicationID, declared map[governance.ApplicationID]*governance.Application, start func(*lane)) {
	for _, id := range due {
		if w.lanes[id] == nil {
			w.lanes[id] = newLane(w, id)
			start(w.lanes[id])
		}
	}
	for id, l := range w.lanes {
		isDue := slices.Contains(due, id)
		application := declared[id]
		if application == nil && !isDue && l.idle() {
			delete(w.lanes, id)
			close(l.left)
			if w.Left != nil {
				w.Left(id)
			}
			continue
		}
		var limits *governance.OperationLimits
		if application != nil {
			limits = application.Limits
		}
		l.limit(limits, now)
		if isDue || l.sharing() {
			l.wake()
		}
	}
}
