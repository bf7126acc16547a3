package property_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// course are the records of a grant's states, in the order in which they may come.
var course = []string{"grant.scheduled", "grant.provisioning", "grant.activated", "grant.cancelled", "grant.revoking", "grant.ended"}

// evidence is invariant 8: each change has its record, and each record its change.
func (j *judge) evidence(f facts, add func(string, ...any)) {
	told := map[string][]string{}
	for _, r := range f.records {
		told[r.subject] = append(told[r.subject], r.kind)
	}
	for id, g := range f.grants {
		was, known := j.last.grants[id]
		kinds := told["grant "+string(id)]
		// Two processes may number their records of one millisecond either way.
		slices.SortStableFunc(kinds, func(a, b string) int { return slices.Index(course, a) - slices.Index(course, b) })
		state := was.State
		for _, kind := range kinds {
			state = after(state, kind)
		}
		is := g.State
		if is == governance.GrantProvisionFailed {
			is = governance.GrantEnded
		}
		if state == governance.GrantProvisionFailed {
			state = governance.GrantEnded
		}
		if state != is {
			add("8 one record for each change: %s went from %q to %q, and the evidence tells %v", id, was.State, g.State, kinds)
		}
		if known && len(kinds) == 0 && len(told["clock mark"]) == 0 && without(was.Grant) != without(g.Grant) {
			add("8 one record for each change: %s changed without evidence: %s, then %s", id, was.body, g.body)
		}
	}
	for id, r := range f.requests {
		was, known := j.last.requests[id]
		kinds := told["request "+string(id)]
		if (!known || was.body != r.body) != (len(kinds) > 0) && len(told["clock mark"]) == 0 {
			add("8 one record for each change: request %s changed from %q to %q, and the evidence tells %v", id, was.State, r.State, kinds)
		}
		if len(kinds) > 0 {
			if was.State != r.State && !slices.Contains(kinds, "request."+string(r.State)) && !slices.Contains(kinds, "request.break_glass") {
				add("8 one record for each change: request %s is %s, and the evidence tells %v", id, r.State, kinds)
			}
		}
		if changes := len(r.Approvals) - len(was.Approvals); len(kinds) < changes {
			add("8 one record for each change: request %s heard %d people, and the evidence tells %v", id, changes, kinds)
		}
	}
	for subject, version := range f.declared {
		j.versions(told[subject], subject, version, j.last.declared[subject], add)
	}
	for id, i := range f.identities {
		j.versions(told["identity "+string(id)], "identity "+string(id), i.version, j.last.identities[id].version, add)
	}
	for id, e := range f.events {
		// Its deletion closes it too, which is one change of two versions.
		if kinds, was := told["business_event "+string(id)], j.last.events[id]; (e.version != was.version || e.declared != was.declared) != (len(kinds) > 0) {
			add("8 one record for each change: event %s went from version %d to %d, and the evidence tells %v", id, was.version, e.version, kinds)
		}
	}
	for subject := range j.last.declared {
		if _, still := f.declared[subject]; !still && !slices.ContainsFunc(told[subject], func(kind string) bool { return strings.HasSuffix(kind, ".deleted") }) {
			add("8 one record for each change: %s is gone, and the evidence tells %v", subject, told[subject])
		}
	}
}

// versions compares the records about a declared object with its version.
func (j *judge) versions(kinds []string, subject string, version, was int64, add func(string, ...any)) {
	// What is declared anew begins anew.
	for i, kind := range kinds {
		if strings.HasSuffix(kind, ".deleted") {
			kinds, was = kinds[i+1:], 0
			j.versions(kinds, subject, version, was, add)
			return
		}
	}
	changes := 0
	for _, kind := range kinds {
		switch kind[strings.LastIndexByte(kind, '.')+1:] {
		case "created", "opened", "updated", "extended", "status_changed", "closed":
			changes++
		}
	}
	if version-was != int64(changes) {
		add("8 one record for each change: %s went from version %d to %d, and the evidence tells %v", subject, was, version, kinds)
	}
}

// after is the state that a grant is in when a record of that kind is true.
func after(state governance.GrantState, kind string) governance.GrantState {
	switch {
	case kind == "grant.scheduled" && state == "":
		return governance.GrantScheduled
	case kind == "grant.provisioning" && state == governance.GrantScheduled:
		return governance.GrantProvisioning
	case kind == "grant.activated" && state == governance.GrantProvisioning:
		return governance.GrantActive
	case kind == "grant.revoking" && (state == governance.GrantProvisioning || state == governance.GrantActive):
		return governance.GrantRevoking
	case kind == "grant.cancelled" && state == governance.GrantScheduled:
		return governance.GrantCancelled
	case kind == "grant.ended" && state == governance.GrantRevoking:
		return governance.GrantEnded
	case slices.Contains(course, kind):
		return governance.GrantState("nothing that follows " + string(state) + " by " + kind)
	}
	return state
}

// without is a grant without what it was last decided on, which is not told.
func without(g governance.Grant) string {
	g.Basis = governance.Basis{}
	text, _ := json.Marshal(g) // what was read as JSON encodes
	return string(text)
}

// complete is invariant 13: what the engine lists is all there is.
func (j *judge) complete(f facts, add func(string, ...any)) {
	e := j.w.engine(len(j.w.story))
	grants, err := e.Access.ListGrants(ctx, access.GrantFilter{})
	var ids []governance.GrantID
	for _, g := range grants {
		ids = append(ids, g.ID)
	}
	same(add, "grants", err, ids, sortedKeys(f.grants))
	var live []governance.GrantID
	for _, id := range sortedKeys(f.grants) {
		if f.grants[id].State.Live() {
			live = append(live, id)
		}
	}
	grants, err = e.Access.ListGrants(ctx, access.GrantFilter{Live: true})
	ids = nil
	for _, g := range grants {
		ids = append(ids, g.ID)
	}
	same(add, "live grants", err, ids, live)
	requests, err := e.Access.ListRequests(ctx, access.RequestFilter{})
	var asked []governance.RequestID
	for _, r := range requests {
		asked = append(asked, r.ID)
	}
	same(add, "requests", err, asked, sortedKeys(f.requests))
	events, err := e.Access.ListEvents(ctx, false)
	var happened []governance.EventID
	for _, event := range events {
		happened = append(happened, event.ID)
	}
	slices.Sort(happened)
	same(add, "business events", err, happened, sortedKeys(f.events))
	accounts, _, err := e.Discovery.Accounts(ctx, "")
	var names []governance.AccountID
	for _, a := range accounts {
		names = append(names, a.ID)
	}
	same(add, "accounts", err, names, sortedKeys(f.accounts))
	assignments, _, err := e.Discovery.Assignments(ctx, "")
	if len(assignments) != len(f.assigned) {
		add("13 complete or failed: %d assignments are listed of %d (%v)", len(assignments), len(f.assigned), err)
	}
	snapshot, err := e.Catalog.Snapshot(ctx)
	declared := 0
	for _, list := range snapshot.Objects {
		declared += len(list)
	}
	want := len(f.declared)
	for _, i := range f.identities {
		if !i.bootstrap {
			want++
		}
	}
	for _, event := range f.events {
		if event.declared {
			want++
		}
	}
	if declared != want {
		add("13 complete or failed: the snapshot has %d objects of %d (%v)", declared, want, err)
	}
}

func same[T ~string](add func(string, ...any), what string, err error, listed, all []T) {
	if err != nil || !slices.Equal(listed, all) {
		add("13 complete or failed: %d %s are listed of %d (%v)", len(listed), what, len(all), err)
	}
}

// verify checks the whole log against what was signed.
func (j *judge) verify() error {
	e := j.w.engine(0).Journal
	if err := e.Sequence(ctx); err != nil {
		return err
	}
	signed, checkpoint, key, err := e.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if int(checkpoint.Tree.Size) != len(j.known) {
		return fmt.Errorf("%d records are signed, and there are %d", checkpoint.Tree.Size, len(j.known))
	}
	records, err := e.Records(ctx, 0, int(checkpoint.Tree.Size))
	if err != nil {
		return err
	}
	_, err = evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		for _, r := range records {
			if !yield(r.Entry, nil) {
				return
			}
		}
	}, evidence.Anchor{Checkpoint: signed, VerifierKey: key})
	return err
}
