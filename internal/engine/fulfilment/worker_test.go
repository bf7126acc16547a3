package fulfilment

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestWorkerHasALaneForWhatIsDueAndNoneForWhatIsGone(t *testing.T) {
	type ids = []governance.ApplicationID
	left := ids{}
	w := &Worker{lanes: map[governance.ApplicationID]*lane{}, Left: func(id governance.ApplicationID) { left = append(left, id) }}
	var started []*lane
	assign := func(due ids, declared ...governance.Application) {
		all := map[governance.ApplicationID]*governance.Application{}
		for _, a := range declared {
			all[a.ID()] = &a
		}
		w.assign(time.Time{}, due, all, func(l *lane) { started = append(started, l) })
	}
	lanes := func(want ...governance.ApplicationID) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(w.lanes)); !slices.Equal(got, want) {
			t.Errorf("lanes %v, want %v", got, want)
		}
	}
	two := 2
	billing, ledger := governance.Application{Name: "billing"}, governance.Application{Name: "ledger", Limits: &governance.OperationLimits{ConcurrentCalls: &two}}

	assign(ids{"billing", "ledger"}, billing, ledger)
	lanes("billing", "ledger")
	// Of calls that all processes share a lane has none before it has written so.
	if a, b := w.lanes["billing"].calls.size, w.lanes["ledger"].calls.size; a != governance.DefaultConcurrentCalls || b != 0 {
		t.Errorf("%d and %d calls run at once", a, b)
	}
	ledger.Limits = nil
	assign(nil, billing, ledger)
	if size := w.lanes["ledger"].calls.size; size != governance.DefaultConcurrentCalls {
		t.Errorf("%d calls run at once when the limit is out", size)
	}

	gone := w.lanes["billing"]
	assign(ids{"billing"}, ledger) // its last reads are to be given up
	gone.inHand = 1
	assign(nil, ledger)
	lanes("billing", "ledger")
	gone.inHand = 0
	assign(nil, ledger)
	lanes("ledger")
	<-gone.woken
	gone.run(t.Context()) // it ends
	if !slices.Equal(left, ids{"billing"}) {
		t.Errorf("left %v", left)
	}
	assign(ids{"billing"}, billing, ledger)
	lanes("billing", "ledger")
	if len(started) != 3 || w.lanes["billing"] == gone {
		t.Errorf("%d lanes were started", len(started))
	}
}
